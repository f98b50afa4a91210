package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/clock"
	"example.org/rtcpeer/signaling/rooms"
)

// A sharedStore is a Bus of one server on keys in memory, with partitions. Package memory cannot be used here, as it
// imports this one.
type sharedStore struct {
	mu       sync.Mutex
	revision uint64
	keys     map[string]stored
}

type stored struct {
	value    []byte
	revision uint64
	expires  time.Time // zero: never
}

type modelBus struct {
	*sharedStore
	mu  sync.Mutex
	cut bool
}

var errAway = fmt.Errorf("model: the bus is away")

func (b *modelBus) setCut(cut bool) { b.mu.Lock(); b.cut = cut; b.mu.Unlock() }

// pass takes a random time, and fails while the bus is away.
func (b *modelBus) pass(ctx context.Context) error {
	if err := pause(ctx, rand.N(30*time.Millisecond)); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cut {
		return errAway
	}
	return nil
}

func (b *modelBus) write(ctx context.Context, key string, value []byte, was uint64, ttl time.Duration, refused error) (uint64, error) {
	if err := b.pass(ctx); err != nil {
		return 0, err
	}
	s := b.sharedStore
	s.mu.Lock()
	old, there := s.live(key)
	if there && old.revision != was || !there && was != 0 {
		s.mu.Unlock()
		return 0, refused
	}
	s.revision++
	e := stored{value: value, revision: s.revision}
	if ttl > 0 {
		e.expires = time.Now().Add(ttl)
	}
	s.keys[key] = e
	revision := s.revision
	s.mu.Unlock()
	return revision, b.pass(ctx) // the answer may be lost
}

func (s *sharedStore) live(key string) (stored, bool) {
	e, ok := s.keys[key]
	return e, ok && (e.expires.IsZero() || time.Now().Before(e.expires))
}

func (b *modelBus) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	return b.write(ctx, key, value, 0, ttl, ErrExists)
}

func (b *modelBus) Update(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (uint64, error) {
	return b.write(ctx, key, value, revision, ttl, ErrConflict)
}

func (b *modelBus) Delete(ctx context.Context, key string, revision uint64) error {
	if err := b.pass(ctx); err != nil {
		return err
	}
	s := b.sharedStore
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.live(key); !ok || e.revision != revision {
		return ErrConflict
	}
	delete(s.keys, key)
	return nil
}

func (b *modelBus) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	if err := b.pass(ctx); err != nil {
		return nil, 0, err
	}
	s := b.sharedStore
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.live(key)
	if !ok {
		return nil, 0, ErrNoKey
	}
	return e.value, e.revision, nil
}

func (b *modelBus) Keys(context.Context, string) ([]string, error) { return nil, nil }

func (b *modelBus) Watch(ctx context.Context, _ string, changed func(string, []byte)) error {
	changed("", nil)
	<-ctx.Done()
	return nil
}

func (b *modelBus) Publish(string, []byte) error                   { return nil }
func (b *modelBus) Subscribe(string, func([]byte)) (func(), error) { return func() {}, nil }
func (b *modelBus) MaxMessage() int                                { return 1 << 20 }

// Whatever partitions there are, at no time do two servers act as owners of one room, and each that claims it when all is
// well finds the same owner.
func TestNeverTwoOwners(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { neverTwoOwners(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func neverTwoOwners(t *testing.T, random *rand.Rand) {
	shared := &sharedStore{keys: make(map[string]stored)}
	var nodes []*Node
	var buses []*modelBus
	for i := range 3 {
		b := &modelBus{sharedStore: shared}
		n := New(Config{Bus: b, Server: fmt.Sprint(i), Account: func() rooms.Account { return nil }, Log: discard()})
		store, err := rooms.New(rooms.Config{
			Clock: clock.New(time.Second), MaxRooms: 10, MaxMembers: 10, ResumeKey: []byte("0123456789abcdef"),
			Networks: func(netip.Addr) []netip.Prefix { return nil }, Voided: func(rooms.Seat) {}, Dropped: func(string) {},
			Owns: n.Owns, Acts: n.Acts, Changed: n.Changed,
		})
		require.NoError(t, err)
		require.NoError(t, n.Start(store))
		defer n.Close()
		nodes, buses = append(nodes, n), append(buses, b)
	}
	names := []signaling.RoomName{"a", "b", "c"}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for _, n := range nodes {
		for _, name := range names {
			wg.Go(func() { // one that wants the room again and again, and keeps it for a while
				for ctx.Err() == nil {
					attempt, cancel := context.WithTimeout(ctx, answerTime)
					if c, _, err := n.claim(attempt, roomKey(name)); err == nil && c != nil {
						_ = pause(ctx, 3*time.Second)
						n.done(c)
					}
					cancel()
					_ = pause(ctx, 50*time.Millisecond)
				}
			})
		}
	}
	changes := 0
	last := make(map[signaling.RoomName]int)
	for range 3000 {
		time.Sleep(20 * time.Millisecond) // of fake time
		if random.IntN(100) == 0 {
			buses[random.IntN(len(buses))].setCut(random.IntN(2) == 0)
		}
		for _, name := range names {
			var owners []int
			for i, n := range nodes {
				if n.acts() && n.owns(name) && ready(n, name) {
					owners = append(owners, i)
				}
			}
			require.LessOrEqual(t, len(owners), 1, "owners of %s: %v", name, owners)
			if len(owners) == 1 && last[name] != owners[0]+1 {
				last[name] = owners[0] + 1
				changes++
			}
		}
	}
	require.Greater(t, changes, len(names), "nothing happened")
}

// ready reports whether a claim is decided.
func ready(n *Node, name signaling.RoomName) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.claims[roomKey(name)]
	if c == nil {
		return false
	}
	select {
	case <-c.ready:
		return true
	default:
		return false
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
