package rooms

import (
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/clock"
	"example.org/rtcpeer/signaling/drop"
	"example.org/rtcpeer/testdata/bubble"
)

// A visitor is a Session that remembers what it is sent.
type visitor struct {
	got        []signaling.Message
	done       chan struct{}
	attachment Attachment // the latest one
	view       *View
}

func (v *visitor) Deliver(n *Prepared) {
	v.got = append(v.got, n.Message)
	v.view.Apply(n.Change())
}
func (v *visitor) View() *View                                { return v.view }
func (v *visitor) Fail(why *signaling.Error)                  { v.got = append(v.got, why) }
func (v *visitor) Bye()                                       {}
func (v *visitor) Wake(time.Duration)                         {}
func (v *visitor) Seated(*Member)                             {}
func (v *visitor) Welcomed(_ *Member, a Attachment, _ string) { v.attachment = a }
func (v *visitor) Done() <-chan struct{}                      { return v.done }
func (v *visitor) Dialect() *signaling.Dialect                { return signaling.V1() }
func (v *visitor) Remote() netip.Addr                         { return netip.Addr{} }
func (v *visitor) Forwards() bool                             { return false }
func (v *visitor) Account() Account                           { return free{} }

var discard = slog.New(slog.DiscardHandler)

// free is an account without bounds.
type free struct{}

func (free) Hold(int) *signaling.Error { return nil }
func (free) Force(int)                 {}
func (free) Release(int)               {}
func (free) Found(bool) error          { return nil }
func (free) Ended(bool)                {}
func (free) MayFound() error           { return nil }
func (free) Network() (any, bool)      { return nil, true }

func newVisitor() *visitor { return &visitor{done: make(chan struct{}), view: new(View)} }

// again is the session of v when it is attached to another store: its client knows what it was told.
func (v *visitor) again() *visitor {
	return &visitor{done: make(chan struct{}), view: NewView(v.view.State()), attachment: v.attachment}
}

func newStore(t *testing.T) *Store {
	t.Helper()
	return newStoreOf(t, func(*Config) {})
}

func newStoreOf(t *testing.T, change func(*Config)) *Store {
	t.Helper()
	config := Config{
		Clock: clock.New(time.Second), Grace: time.Minute, KeptFrames: 100, KeptBytes: 1 << 20, MaxRooms: 10, MaxMembers: 10,
		ResumeKey: []byte("0123456789abcdef"), RebuildTime: time.Minute, TicketAge: time.Hour,
		Networks: func(netip.Addr) []netip.Prefix { return []netip.Prefix{{}} }, Voided: func(Seat) {}, Dropped: func(drop.Reason) {},
	}
	change(&config)
	s, err := New(config)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func everybody(Ask) (Grant, error) { return Grant{MayCreate: true, MayHost: true}, nil }

func enter(t *testing.T, s *Store, j signaling.Join) (*visitor, *Member, signaling.Welcome) {
	t.Helper()
	v := newVisitor()
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
	hosted, host, _ := enter(t, first, signaling.Join{Room: "r"})
	guested, guest, _ := enter(t, first, signaling.Join{Room: "r"})
	a, b := host.Attachment(), guest.Attachment()
	record, _ := first.Surrender("r")
	second.Adopt("r", record, free{})
	require.ErrorIs(t, host.Lock(host.session, signaling.Lock{}), ErrElsewhere)

	hosted = hosted.again()
	host, err := second.Attach(hosted, a)
	require.NoError(t, err)
	require.NoError(t, host.Signal(hosted, signaling.Signal{To: b.Seat.ID, Data: []byte("1")}))
	newcomer, _, welcome := enter(t, second, signaling.Join{Room: "r"})
	require.Len(t, welcome.Members, 1, "one is not back yet")

	guested = guested.again()
	_, err = second.Attach(guested, b)
	require.NoError(t, err)
	require.Equal(t, []signaling.Message{
		signaling.Joined{Member: signaling.Member{ID: welcome.ID}},
		signaling.Signal{From: host.ID(), Data: []byte("1")},
	}, guested.got)
	require.Equal(t, []signaling.Message{signaling.Joined{Member: signaling.Member{ID: welcome.ID}}}, hosted.got)
	require.Equal(t, signaling.Joined{Member: signaling.Member{ID: b.Seat.ID}}, newcomer.got[1])
}

// Whoever was taken out stays out when the room has moved, however many were taken out since.
func TestKicksHoldWhenARoomMoves(t *testing.T) {
	first, second := newStore(t), newStore(t)
	_, host, _ := enter(t, first, signaling.Join{Room: "r"})
	var tokens []string
	for range 200 {
		_, guest, welcome := enter(t, first, signaling.Join{Room: "r"})
		tokens = append(tokens, welcome.Resume)
		require.NoError(t, host.Kick(host.session, signaling.Kick{ID: guest.ID()}))
	}
	record, ok := first.Surrender("r")
	require.True(t, ok)
	second.Adopt("r", record, free{})
	for i, token := range tokens {
		_, _, err := second.Join(newVisitor(), signaling.Join{Resume: token}, everybody)
		require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeResumeRefused}, "kick %d", i)
	}
}

// The host joined a room right before that moved, so the record does not tell of it: nobody else gets its id.
func TestNobodyGetsTheIDOfAHostThatMoved(t *testing.T) {
	mayNotHost := func(Ask) (Grant, error) { return Grant{MayCreate: true}, nil }
	for name, comeBack := range map[string]func(*Store, Attachment, string){
		"attached": func(s *Store, a Attachment, _ string) {
			_, err := s.Attach(newVisitor(), a)
			require.NoError(t, err)
		},
		"with its ticket": func(s *Store, _ Attachment, token string) { enter(t, s, signaling.Join{Resume: token}) },
	} {
		first, second := newStore(t), newStore(t)
		_, _, err := first.Join(newVisitor(), signaling.Join{Room: "r"}, mayNotHost)
		require.NoError(t, err)
		record, _ := first.Record("r")
		_, host, welcome := enter(t, first, signaling.Join{Room: "r"})
		require.Equal(t, signaling.Host, host.ID())
		attachment := host.Attachment()
		first.Surrender("r")
		second.Adopt("r", record, free{})
		comeBack(second, attachment, welcome.Resume)
		_, other, _ := enter(t, second, signaling.Join{Room: "r"})
		require.NotEqual(t, signaling.Host, other.ID(), name)
	}
}

// Surrender does not call Config.Changed: the room belongs to another server by now, and a server that claims each room that
// has changed would claim it back.
func TestSurrenderReportsNoChange(t *testing.T) {
	told := 0
	s := newStoreOf(t, func(c *Config) { c.Changed = func(signaling.RoomName) { told++ } })
	enter(t, s, signaling.Join{Room: "r"})
	before := told
	require.NotZero(t, before)
	_, ok := s.Surrender("r")
	require.True(t, ok)
	require.Equal(t, before, told)
	require.False(t, s.Has("r"))
}

// A place that is to be given up while the server may not act is given up when it may again.
func TestGraceEndsWhileTheServerDoesNotAct(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		acts := true
		var mu sync.Mutex
		may := func() bool { mu.Lock(); defer mu.Unlock(); return acts }
		s := newStoreOf(t, func(c *Config) { c.Acts, c.Clock, c.Log = may, clock.New(time.Hour), slog.New(slog.DiscardHandler) })
		set := func(may bool) { mu.Lock(); defer mu.Unlock(); acts = may }
		enter(t, s, signaling.Join{Room: "r"})
		lost, guest, _ := enter(t, s, signaling.Join{Room: "r"})
		guest.Detach(lost)
		set(false)
		time.Sleep(2 * time.Minute)
		members, _ := s.Members("r")
		require.Len(t, members, 2)
		set(true)
		time.Sleep(10 * time.Second)
		members, _ = s.Members("r")
		require.Len(t, members, 1)
		s.Close()
	})
}

// While the server may not act, because it was paused for instance, nobody gets a place: another server may have the room by
// now, and may have locked it.
func TestNobodyEntersWhileTheServerDoesNotAct(t *testing.T) {
	acts := true
	s := newStoreOf(t, func(c *Config) { c.Acts = func() bool { return acts } })
	_, _, welcome := enter(t, s, signaling.Join{Room: "r"})
	acts = false
	for name, j := range map[string]signaling.Join{
		"a newcomer":                {Room: "r"},
		"the first of another room": {Room: "other"},
		"a member that comes back":  {Resume: welcome.Resume},
	} {
		_, _, err := s.Join(newVisitor(), j, everybody)
		require.ErrorIs(t, err, ErrElsewhere, name)
	}
	require.False(t, s.Has("other"))
}

// A room that is over, and a member that was taken out, do not come back with what another server or a token says of the room.
func TestEndedRoomIsNotAdopted(t *testing.T) {
	first, second := newStore(t), newStore(t)
	_, m, welcome := enter(t, first, signaling.Join{Room: "r"})
	record, ok := first.Record("r")
	require.True(t, ok)
	_, err := second.RecordOf(welcome.Resume)
	require.NoError(t, err)
	nonce, _ := first.Nonce("r")
	for name, of := range map[string]Seat{"member": {nonce, m.ID()}, "room": {Nonce: nonce}} {
		other := newStore(t)
		other.Void(of)
		_, err := other.RecordOf(welcome.Resume)
		require.Error(t, err, name)
		other.Adopt("r", record, free{})
		require.Equal(t, of.ID != 0, other.Has("r"), name)
	}
}

// A server that knows a room from the token of a member alone, which has no list of the others, keeps it if that member
// comes back, and otherwise ends it when nobody can be expected any more.
func TestRoomOfATokenEndsIfNobodyComes(t *testing.T) {
	for name, comes := range map[string]bool{"comes": true, "does not come": false} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				config := func(c *Config) { c.Clock = clock.New(time.Hour) }
				first, second := newStoreOf(t, config), newStoreOf(t, config)
				_, _, welcome := enter(t, first, signaling.Join{Room: "r"})
				record, err := second.RecordOf(welcome.Resume)
				require.NoError(t, err)
				second.Adopt("r", record, free{})
				time.Sleep(58 * time.Second)
				require.True(t, second.Has("r"), "RebuildTime is not over")
				if comes {
					_, m, _ := enter(t, second, signaling.Join{Resume: welcome.Resume})
					require.Equal(t, welcome.ID, m.ID())
				}
				time.Sleep(5 * time.Minute)
				require.Equal(t, comes, second.Has("r"))
				first.Close()
				second.Close()
			})
		})
	}
}

// A member gets a new ticket, and its room moves before that is in the record. The server of its session tells the next owner,
// so that the member can come back with the ticket.
func TestTicketThatIsNewerThanTheRecord(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		config := func(c *Config) { c.Clock, c.Log = clock.New(time.Hour), slog.New(slog.DiscardHandler) }
		first, second, third := newStoreOf(t, config), newStoreOf(t, config), newStoreOf(t, config)
		v, _, _ := enter(t, first, signaling.Join{Room: "r"})
		record, _ := first.Record("r")
		second.Adopt("r", record, free{})
		v = v.again()
		m, err := second.Attach(v, v.attachment)
		require.NoError(t, err)
		time.Sleep(attachedSoon + time.Second)
		m.Due(v)
		require.IsType(t, signaling.Resume{}, v.got[0])
		third.Adopt("r", record, free{})
		m, err = third.Attach(v, v.attachment)
		require.NoError(t, err)
		m.Detach(v)
		_, _, welcome := enter(t, third, signaling.Join{Resume: v.got[0].(signaling.Resume).Token})
		require.Equal(t, m.ID(), welcome.ID)
		for _, s := range []*Store{first, second, third} {
			s.Close()
		}
	})
}

// A member comes back to a room that has just moved, and is welcomed without another one that has not come back yet. The room
// moves again, and the other one is attached there: the member learns of it, whoever is attached first.
func TestMemberThatIsStillAwayWhenTheRoomMovesTwice(t *testing.T) {
	for name, awayFirst := range map[string]bool{"attached first": true, "attached second": false} {
		owner, between, last := newStore(t), newStore(t), newStore(t)
		enter(t, owner, signaling.Join{Room: "r"})
		_, m, welcome := enter(t, owner, signaling.Join{Room: "r"})
		knows, away, _ := enter(t, owner, signaling.Join{Room: "r"})
		attachment := away.Attachment()
		record, _ := owner.Record("r")
		between.Adopt("r", record, free{})
		v, _, second := enter(t, between, signaling.Join{Resume: welcome.Resume})
		require.Empty(t, second.Members, name)
		record, _ = between.Record("r")
		last.Adopt("r", record, free{})
		back := knows.again()
		attach := func(of *visitor, a Attachment) {
			_, err := last.Attach(of, a)
			require.NoError(t, err, name)
		}
		if awayFirst {
			attach(back, attachment)
		}
		v = v.again()
		attach(v, v.attachment)
		if !awayFirst {
			attach(back, attachment)
		}
		require.Equal(t, []signaling.Message{signaling.Joined{Member: signaling.Member{ID: away.ID()}}}, v.got, name)
		require.Empty(t, back.got, "%s: it knows %d", name, m.ID())
	}
}

// What most guests have said of their host counts, although the server may not act for its rooms at that moment.
func TestHostIsLostWhileTheServerMayNotAct(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var acts atomic.Bool
		acts.Store(true)
		s := newStoreOf(t, func(c *Config) {
			c.Acts, c.Log = acts.Load, discard
			c.Clock = clock.New(time.Minute) // nothing ticks here
		})
		join := signaling.Join{Room: "r", Topology: signaling.Star, NewRoom: signaling.NewRoom{Migrates: true},
			Features: []string{signaling.FeatureMigrate, signaling.FeatureHost}}
		enter(t, s, join)
		v, one, _ := enter(t, s, join)
		_, two, _ := enter(t, s, join)
		for _, guest := range []*Member{one, two} {
			require.NoError(t, guest.HostLost(guest.session, signaling.HostLost{Term: 1}))
		}
		acts.Store(false)
		time.Sleep(2 * time.Second) // of fake time
		synctest.Wait()
		require.NotContains(t, kindsOf(v.got), signaling.HostChanged{}.Kind())
		acts.Store(true)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Contains(t, kindsOf(v.got), signaling.HostChanged{}.Kind())
	})
}

func kindsOf(messages []signaling.Message) (kinds []signaling.Kind) {
	for _, m := range messages {
		kinds = append(kinds, m.Kind())
	}
	return kinds
}

// starOf is a star that migrates, with two guests and more that can host it.
func starOf(t *testing.T, s *Store, guests int) (sessions []*visitor, members []*Member) {
	t.Helper()
	for range 1 + guests {
		v, m, _ := enter(t, s, signaling.Join{Room: "r", Topology: signaling.Star, NewRoom: signaling.NewRoom{Migrates: true},
			Features: []string{signaling.FeatureMigrate, signaling.FeatureHost}})
		sessions, members = append(sessions, v), append(members, m)
	}
	return sessions, members
}

// moveAll moves a room with all its members to another store.
func moveAll(t *testing.T, from, to *Store, sessions []*visitor, members []*Member) (moved []*visitor, there []*Member) {
	t.Helper()
	var attachments []Attachment
	for _, m := range members {
		attachments = append(attachments, m.Attachment())
	}
	record, ok := from.Surrender("r")
	require.True(t, ok)
	to.Adopt("r", record, free{})
	for i, v := range sessions {
		v = v.again()
		m, err := to.Attach(v, attachments[i])
		require.NoError(t, err)
		moved, there = append(moved, v), append(there, m)
	}
	return moved, there
}

// A server was cut off until the place of its member was given up, and attaches the member again, also to a room that has
// moved before. The member can come back with the ticket that it has. When the host removes it, all its tickets are void.
func TestAttachAfterTheGracePeriod(t *testing.T) {
	for name, moves := range map[string]int{"in the room's first server": 0, "in its next server": 1} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				next := func() *Store {
					return newStoreOf(t, func(c *Config) { c.Clock, c.RebuildTime, c.Log = clock.New(time.Hour), time.Hour, discard })
				}
				s := next()
				var sessions []*visitor
				var members []*Member
				for range 2 {
					v, m, _ := enter(t, s, signaling.Join{Room: "r"})
					sessions, members = append(sessions, v), append(members, m)
				}
				for range moves {
					to := next()
					sessions, members = moveAll(t, s, to, sessions, members)
					s = to
				}
				host, guest := members[0], members[1]
				before, err := guest.Token()
				require.NoError(t, err)
				attachment := guest.Attachment()
				require.True(t, guest.Miss(sessions[1]))
				time.Sleep(2 * time.Minute) // of fake time
				synctest.Wait()
				require.NotContains(t, host.room.members, guest.ID())

				_, err = s.Attach(sessions[1].again(), attachment)
				require.NoError(t, err)
				_, guest, welcome := enter(t, s, signaling.Join{Resume: before})
				require.NoError(t, host.Kick(sessions[0], signaling.Kick{ID: guest.ID()}))
				for _, token := range []string{before, welcome.Resume} {
					_, _, err = s.Join(newVisitor(), signaling.Join{Resume: token}, everybody)
					require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeResumeRefused})
				}
			})
		})
	}
}

// A room that was asleep moves, and its only member comes back and leaves: the room is over, and does not fall asleep again.
func TestSleepingRoomThatMovedEnds(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		next := func() *Store {
			return newStoreOf(t, func(c *Config) { c.Clock, c.RebuildTime, c.Log = clock.New(time.Hour), time.Hour, discard })
		}
		s := next()
		v, m, w := enter(t, s, signaling.Join{Room: "r"})
		require.True(t, m.Detach(v))
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		rec, ok := s.Record("r")
		require.True(t, ok)
		require.True(t, rec.Asleep)
		to := next()
		to.Adopt("r", rec, free{})
		require.True(t, to.Has("r"))
		require.False(t, to.Awake("r"))
		v2, m2, _ := enter(t, to, signaling.Join{Resume: w.Resume})
		m2.Leave(v2)
		require.False(t, to.Awake("r"))
		require.False(t, to.Has("r"), "the room is still asleep, although its only member has left")
	})
}

// What guests have said of their host counts on the next server, too, and so does what they took back.
func TestHostIsLostWhileTheRoomMoves(t *testing.T) {
	for name, tt := range map[string]struct {
		first, then []int // guests that have lost the host before the room moves, and after it
		back        []int // guests that take it back before the room moves
		lost        bool
	}{
		"all said it before":      {first: []int{1, 2, 3}, lost: true},
		"some before, some after": {first: []int{1}, then: []int{2}, lost: true},
		"one took it back":        {first: []int{1, 2}, back: []int{2}, then: []int{3}, lost: true},
		"too few":                 {first: []int{1, 2}, back: []int{2}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				slow := func(c *Config) { c.Log, c.Clock = discard, clock.New(time.Minute) } // nothing ticks here
				first, second := newStoreOf(t, slow), newStoreOf(t, slow)
				sessions, members := starOf(t, first, 3)
				say := func(list []int, back bool) {
					for _, i := range list {
						require.NoError(t, members[i].HostLost(members[i].session, signaling.HostLost{Term: 1, Back: back}))
					}
				}
				say(tt.first, false)
				say(tt.back, true)
				time.Sleep(noticeTime / 2) // of fake time
				sessions, members = moveAll(t, first, second, sessions, members)
				say(tt.then, false)
				time.Sleep(2 * time.Second)
				synctest.Wait()
				require.Equal(t, tt.lost, slices.Contains(kindsOf(sessions[1].got), signaling.HostChanged{}.Kind()))
			})
		})
	}
}

// A guest that has lost the host is the first to be attached after a move. Those that have the host come a moment later.
func TestHostIsNotLostBeforeTheGuestsAreBack(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		slow := func(c *Config) { c.Log, c.Clock = discard, clock.New(time.Minute) }
		first, second := newStoreOf(t, slow), newStoreOf(t, slow)
		sessions, members := starOf(t, first, 3)
		require.NoError(t, members[1].HostLost(members[1].session, signaling.HostLost{Term: 1}))
		var attachments []Attachment
		for _, m := range members {
			attachments = append(attachments, m.Attachment())
		}
		record, ok := first.Surrender("r")
		require.True(t, ok)
		second.Adopt("r", record, free{})
		for i, v := range sessions {
			sessions[i] = v.again()
			_, err := second.Attach(sessions[i], attachments[i])
			require.NoError(t, err)
			if i == 1 {
				time.Sleep(settleTime / 2) // of fake time
			}
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		for _, v := range sessions {
			require.NotContains(t, kindsOf(v.got), signaling.HostChanged{}.Kind())
		}
	})
}

// The successor that a host has named is the next host, although the room has moved.
func TestSuccessorWhenARoomMoves(t *testing.T) {
	quiet := func(c *Config) { c.Log = discard }
	first, second := newStoreOf(t, quiet), newStoreOf(t, quiet)
	sessions, members := starOf(t, first, 3)
	require.NoError(t, members[0].Successor(sessions[0], signaling.Successor{ID: members[2].id}))
	sessions, members = moveAll(t, first, second, sessions, members)
	members[0].Leave(sessions[0])
	require.Equal(t, members[2].id, members[1].room.host)
}

// The owner dies when it has told of another host and not recorded it. The next owner learns it from those who were told, and
// nobody is told again; the host before does not come back.
func TestHostThatOnlyItsGuestsKnow(t *testing.T) {
	quiet := func(c *Config) { c.Log = discard }
	first, second := newStoreOf(t, quiet), newStoreOf(t, quiet)
	sessions, members := starOf(t, first, 3)
	attachments := []Attachment{members[0].Attachment()}
	record, _ := first.Record("r")
	members[0].Leave(sessions[0])
	for _, m := range members[1:] {
		attachments = append(attachments, m.Attachment())
	}
	host := members[1].room.host
	first.Surrender("r")
	second.Adopt("r", record, free{})

	for _, i := range []int{2, 3, 1} {
		v := sessions[i].again()
		require.Equal(t, 2, v.view.State().Term)
		_, err := second.Attach(v, attachments[i])
		require.NoError(t, err)
		require.NotContains(t, kindsOf(v.got), signaling.HostChanged{}.Kind())
		require.NotContains(t, kindsOf(v.got), signaling.Joined{}.Kind())
		require.NotContains(t, kindsOf(v.got), signaling.Left{}.Kind())
	}
	r := second.room("r")
	require.Equal(t, host, r.host)
	require.Equal(t, 2, r.term)
	require.Len(t, r.members, 3)
	_, err := second.Attach(sessions[0].again(), attachments[0])
	require.Error(t, err)
}
