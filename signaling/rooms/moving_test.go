package rooms

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/clock"
)

// A visitor is a Session that remembers what it is sent.
type visitor struct {
	got  []signaling.Message
	done chan struct{}
}

func (v *visitor) Deliver(n *Note)                      { v.got = append(v.got, n.Message) }
func (v *visitor) Fail(why *signaling.Error)            { v.got = append(v.got, why) }
func (v *visitor) Bye()                                 {}
func (v *visitor) Wake(time.Duration)                   {}
func (v *visitor) Seated(*Member)                       {}
func (v *visitor) Welcomed(*Member, Attachment, string) {}
func (v *visitor) Done() <-chan struct{}                { return v.done }
func (v *visitor) Dialect() *signaling.Dialect          { return signaling.V1() }
func (v *visitor) Remote() netip.Addr                   { return netip.Addr{} }
func (v *visitor) Forwards() bool                       { return false }
func (v *visitor) Account() Account                     { return free{} }

// free is an account without bounds.
type free struct{}

func (free) Hold(int) *signaling.Error { return nil }
func (free) Force(int)                 {}
func (free) Release(int)               {}
func (free) Found(bool) error          { return nil }
func (free) Ended(bool)                {}
func (free) MayFound() error           { return nil }
func (free) Network() (any, bool)      { return nil, true }

func newStore(t *testing.T) *Store {
	t.Helper()
	s, err := New(Config{
		Clock: clock.New(time.Second), Grace: time.Minute, KeptFrames: 100, KeptBytes: 1 << 20, MaxRooms: 10, MaxMembers: 10,
		ResumeKey: []byte("0123456789abcdef"), RebuildTime: time.Minute, TicketAge: time.Hour,
		Networks: func(netip.Addr) []netip.Prefix { return []netip.Prefix{{}} }, Voided: func(Seat) {}, Dropped: func(string) {},
	})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func everybody(Ask) (Grant, error) { return Grant{MayCreate: true, MayHost: true}, nil }

func enter(t *testing.T, s *Store, j signaling.Join) (*visitor, *Member, signaling.Welcome) {
	t.Helper()
	v := &visitor{done: make(chan struct{})}
	m, _, err := s.Join(v, j, everybody)
	require.NoError(t, err)
	require.IsType(t, signaling.Welcome{}, v.got[0])
	return v, m, v.got[0].(signaling.Welcome)
}

// A room moves through many servers before a member comes back, which has been sent no ticket of theirs.
func TestMemberComesBackAfterManyMoves(t *testing.T) {
	first := newStore(t)
	_, host, _ := enter(t, first, signaling.Join{Room: "r", Password: "p"})
	_, _, welcome := enter(t, first, signaling.Join{Room: "r", Password: "p"})
	require.NoError(t, host.Lock(host.session, signaling.Lock{}))
	record, ok := first.Surrender("r")
	require.True(t, ok)
	for range 10 {
		next := newStore(t)
		next.Adopt("r", record, free{})
		record, ok = next.Surrender("r")
		require.True(t, ok)
	}
	last := newStore(t)
	last.Adopt("r", record, free{})
	lost, member, back := enter(t, last, signaling.Join{Resume: welcome.Resume})
	require.True(t, back.Resumed)
	require.True(t, member.Detach(lost))
	_, _, back = enter(t, last, signaling.Join{Resume: back.Resume}) // with a ticket of the last server
	require.True(t, back.Resumed)
	require.Equal(t, welcome.ID, back.ID)
	require.True(t, back.Locked)
}

// A member that is attached again is told nothing but what it has missed, and those who know it are told nothing.
func TestAttach(t *testing.T) {
	first, second := newStore(t), newStore(t)
	_, host, _ := enter(t, first, signaling.Join{Room: "r"})
	_, guest, _ := enter(t, first, signaling.Join{Room: "r"})
	a, b := host.Attachment(), guest.Attachment()
	record, _ := first.Surrender("r")
	second.Adopt("r", record, free{})
	require.ErrorIs(t, host.Lock(host.session, signaling.Lock{}), ErrElsewhere)

	hosted := &visitor{done: make(chan struct{})}
	host, err := second.Attach(hosted, a)
	require.NoError(t, err)
	require.NoError(t, host.Relay(hosted, signaling.Signal{To: b.Seat.ID, Data: []byte("1")}))
	newcomer, _, welcome := enter(t, second, signaling.Join{Room: "r"})
	require.Len(t, welcome.Members, 1, "one is not back yet")

	guested := &visitor{done: make(chan struct{})}
	_, err = second.Attach(guested, b)
	require.NoError(t, err)
	require.Equal(t, []signaling.Message{
		signaling.Signal{From: host.ID(), Data: []byte("1")},
		signaling.Joined{Member: signaling.Member{ID: welcome.ID}},
	}, guested.got)
	require.Equal(t, []signaling.Message{signaling.Joined{Member: signaling.Member{ID: welcome.ID}}}, hosted.got)
	require.Equal(t, signaling.Joined{Member: signaling.Member{ID: b.Seat.ID}}, newcomer.got[1])
}
