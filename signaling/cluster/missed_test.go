package cluster

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/clock"
	"example.org/rtcpeer/signaling/drop"
	"example.org/rtcpeer/signaling/rooms"
)

// A heardBus keeps what is published to it.
type heardBus struct {
	Bus

	mu   sync.Mutex // guards the field below
	sent []*message
}

func (b *heardBus) MaxMessage() int { return 1 << 20 }

func (b *heardBus) Publish(_ string, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m, err := decode(data[datagramHeader:]); err == nil {
		b.sent = append(b.sent, m)
	}
	return nil
}

func (b *heardBus) take() []*message {
	b.mu.Lock()
	defer b.mu.Unlock()
	sent := b.sent
	b.sent = nil
	return sent
}

// free is an account without bounds.
type free struct{}

func (free) Hold(int) *signaling.Error { return nil }
func (free) Force(int)                 {}
func (free) Release(int)               {}
func (free) Found(bool) error          { return nil }
func (free) Ended(bool)                {}
func (free) MayFound() error           { return nil }
func (free) Network() (any, bool)      { return nil, true }

// The lease of a server ends, and the server attaches its many sessions again under its next lease while this one still
// misses them. None is refused.
func TestSessionsAreAttachedWhileTheyAreMissed(t *testing.T) {
	const sessions, process = 64, 7
	bus := new(heardBus)
	n := New(Config{Bus: bus, Log: discard(), Dialects: map[string]*signaling.Dialect{signaling.Subprotocol: signaling.V1()},
		Account: func(netip.Addr) rooms.Account { return free{} }})
	store, err := rooms.New(rooms.Config{
		Clock: clock.New(time.Hour), MaxRooms: 10, MaxMembers: sessions, ResumeKey: []byte("0123456789abcdef"), Grace: time.Hour,
		KeptFrames: 1000, KeptBytes: 1 << 20, Networks: func(netip.Addr) []netip.Prefix { return nil }, Voided: func(rooms.Seat) {}, Dropped: func(drop.Reason) {},
		Owns: n.Owns, Acts: func() bool { return true }, Changed: n.Changed,
	})
	require.NoError(t, err)
	defer store.Close()
	defer func() {
		for _, v := range n.visitors {
			v.detach()
		}
	}()
	n.rooms.Store(store)
	ready := make(chan struct{})
	close(ready)
	n.lease = "a-1"
	n.actFrom(time.Now().Add(time.Hour))
	key := roomKey("r")
	n.claims[key] = &claim{key: key, lease: n.lease, ready: ready, writing: make(semaphore, 1)}
	who := &guest{Dialect: signaling.Subprotocol}
	for i := range uint64(sessions) {
		n.welcome(visit{process, i}, &message{Kind: kindJoin, Session: i, Attempt: 1, Lease: n.lease, Home: "b-1", Key: key, Guest: who,
			Join: &signaling.Join{Room: "r"}, Grant: &rooms.Grant{MayCreate: true, MayHost: true}})
		n.wg.Wait()
	}
	attaches := make(map[uint64]*message)
	for i := range uint64(sessions) {
		v := n.visitors[visit{process, i}]
		a, view := v.member.Load().Attachment(), v.view.State()
		attaches[i] = &message{Kind: kindAttach, Session: i, Attempt: 2, Lease: n.lease, Home: "b-2", Key: key, Guest: who, Attachment: &a, View: &view}
	}
	held := n.visitors[visit{process, 0}]
	delete(attaches, 0)
	bus.take()

	held.mu.Lock() // so that it takes a while to miss one of them
	missing := make(chan struct{})
	go func() {
		defer close(missing)
		n.leaseOver("b-1", process, true, false)
	}()
	<-held.ended
	for i, m := range attaches {
		n.welcome(visit{process, i}, m)
	}
	held.mu.Unlock()
	<-missing
	for _, m := range bus.take() {
		require.NotEqual(t, kindRefused, m.Kind, "session %d: %v", m.Session, m.Error)
	}
	for i := range attaches {
		require.EqualValues(t, 2, n.visitors[visit{process, i}].attempt)
		require.False(t, n.visitors[visit{process, i}].over())
	}
	require.NotContains(t, n.visitors, visit{process, 0})
}
