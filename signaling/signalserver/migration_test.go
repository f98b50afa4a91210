package signalserver_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	membus "example.org/rtcpeer/signaling/cluster/memory"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/bubble"
)

// ableToHost and following are what members say who can be host, and who can only move to another one.
var (
	ableToHost = []string{signaling.FeatureMigrate, signaling.FeatureHost}
	following  = []string{signaling.FeatureMigrate}
)

// migrating is a join to a star that outlives its host.
func migrating(features []string) signaling.Join {
	return signaling.Join{Room: "r", Topology: signaling.Star, Features: features, NewRoom: signaling.NewRoom{Migrates: true}}
}

// star is a room that migrates: its host, and guests with the given features.
func star(t *testing.T, s *server, guests ...[]string) (all []*client) {
	t.Helper()
	all = append(all, s.member(t, migrating(ableToHost)))
	require.Equal(t, 1, all[0].welcome.Term)
	for _, features := range guests {
		c := s.member(t, migrating(features))
		require.Equal(t, 1, c.welcome.Term)
		all[0].want(signaling.Joined{Member: signaling.Member{ID: c.id(), Features: features}})
		all = append(all, c)
	}
	return all
}

// next returns the next message that is no ticket, which it takes.
func (c *client) next() signaling.Message {
	c.t.Helper()
	return c.skipMoved(nil)
}

// wantHost reads a message and requires that it says that another member hosts the room.
func (c *client) wantHost(host *client, term int) signaling.HostChanged {
	c.t.Helper()
	got := c.next()
	m, ok := got.(signaling.HostChanged)
	require.True(c.t, ok, "member %d: %#v", c.id(), got)
	require.Equal(c.t, host.id(), m.Host)
	require.Equal(c.t, term, m.Term)
	if c != host {
		require.Len(c.t, m.Members, 1)
		require.Equal(c.t, host.id(), m.Members[0].ID)
	}
	return m
}

// wantTicket takes the ticket that tells of the new host.
func (c *client) wantTicket() {
	c.t.Helper()
	m, ok := c.receive().(signaling.Resume)
	require.True(c.t, ok)
	c.welcome.Resume = m.Token
}

func TestHostThatLeavesIsFollowedAtOnce(t *testing.T) {
	within(t, signalserver.Config{ResumeKey: key, Recovery: -1}, func(t *testing.T, s *server) {
		all := star(t, s, following, ableToHost, ableToHost)
		host, a, b, c := all[0], all[1], all[2], all[3]
		began := time.Now()
		host.send(signaling.Leave{})
		host.wantClosed(websocket.CloseNormalClosure, "")
		told := b.wantHost(b, 2)
		require.Len(t, told.Members, 2, "the new host is told of all others")
		for _, guest := range []*client{a, c} {
			require.ElementsMatch(t, []signaling.PeerID{a.id(), c.id()}, guest.wantHost(b, 2).Guests)
		}
		require.Zero(t, time.Since(began))
		for _, m := range []*client{a, b, c} {
			m.wantTicket()
		}
		a.signal(b.id(), `"hello host"`)
		b.wantSignal(a, `"hello host"`)
		a.signal(c.id(), `"psst"`)
		a.wantError(signaling.CodeUnknownPeer)
		b.send(signaling.Lock{})
		for _, m := range []*client{a, b, c} {
			m.want(signaling.Lock{})
		}
		b.send(signaling.Lock{Open: true})
		for _, m := range []*client{a, b, c} {
			m.want(signaling.Lock{Open: true})
		}
		again := s.member(t, migrating(ableToHost))
		require.NotEqual(t, signaling.Host, again.id(), "the id of the first host is not given again")
		require.Equal(t, b.id(), again.welcome.Host)
		require.Equal(t, 2, again.welcome.Term)
	})
}

func TestHostNamesItsSuccessor(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		all := star(t, s, ableToHost, ableToHost, following)
		all[1].send(signaling.Successor{ID: all[2].id()})
		all[1].wantError(signaling.CodeNotHost)
		all[0].send(signaling.Successor{ID: 12345})
		all[0].wantError(signaling.CodeUnknownPeer)
		all[0].send(signaling.Successor{ID: all[2].id()})
		all[0].wantNothing()
		all[0].send(signaling.Leave{})
		all[1].wantHost(all[2], 2)
		all[2].wantHost(all[2], 2)

		all[2].wantTicket()
		all[2].send(signaling.Successor{ID: all[3].id()}) // which cannot be host
		all[2].wantNothing()
		all[2].send(signaling.Leave{})
		all[1].wantHost(all[1], 3)
	})
}

func TestLostHostIsFollowedAfterTheHostTimeout(t *testing.T) {
	for name, tt := range map[string]struct {
		millis int
		want   time.Duration
	}{
		"left out": {0, 10 * time.Second},
		"set":      {3000, 3 * time.Second},
		"too long": {60_000, 30 * time.Second}, // the grace time of the server
	} {
		t.Run(name, func(t *testing.T) {
			within(t, signalserver.Config{}, func(t *testing.T, s *server) {
				j := migrating(ableToHost)
				j.NewRoom.HostTimeoutMillis = tt.millis
				host := s.member(t, j)
				a := s.member(t, j)
				b := s.member(t, j)
				began := time.Now()
				host.vanish()
				a.wantHost(a, 2)
				require.Equal(t, tt.want, time.Since(began))
				b.wantHost(a, 2)
				back := s.client(t)
				back.send(signaling.Join{Resume: host.welcome.Resume})
				back.wantRefused(signaling.CodeHostReplaced)
				again := s.member(t, j)
				require.NotEqual(t, signaling.Host, again.id())
				require.Equal(t, a.id(), again.welcome.Host)
			})
		})
	}
}

// Two hosts in a row, and one that is elected while it is away.
func TestElectedHostDiesAtOnce(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		all := star(t, s, ableToHost, following, ableToHost)
		all[0].send(signaling.Leave{})
		synctest.Wait()
		all[1].vanish()
		synctest.Wait()
		for _, m := range []*client{all[2], all[3]} {
			m.wantHost(all[1], 2)
		}
		began := time.Now()
		for _, m := range []*client{all[2], all[3]} {
			m.wantHost(all[3], 3)
		}
		require.Equal(t, 10*time.Second, time.Since(began))
		all[3].vanish()
		time.Sleep(time.Second)
		back := s.resume(t, all[3])
		require.Equal(t, all[3].id(), back.welcome.Host, "a host that is back in time remains the host")
	})
}

func TestRoomEndsWhenNobodyCanFollow(t *testing.T) {
	for name, tt := range map[string]struct {
		features []string
		want     string
	}{
		"nobody can be host":         {following, "nobody there can take its place"},
		"one cannot move":            {nil, "cannot follow another host"},
		"host without being able to": {[]string{signaling.FeatureHost}, "cannot follow another host"},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, signalserver.Config{}, func(t *testing.T, s *server) {
				all := star(t, s, following, tt.features)
				all[0].send(signaling.Leave{})
				for _, m := range all[1:] {
					require.Contains(t, m.wantError(signaling.CodeHostLeft).Text, tt.want)
				}
				next := s.member(t, migrating(ableToHost))
				require.Equal(t, signaling.Host, next.id(), "the name is free")
			})
		})
	}
}

// Most of the guests have lost the host, which has not lost the server.
func TestMostGuestsHaveLostTheHost(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		all := star(t, s, ableToHost, ableToHost, ableToHost)
		all[1].send(signaling.HostLost{Term: 1})
		all[2].send(signaling.HostLost{Term: 2}) // of another term
		all[2].wantNothing()
		all[1].wantNothing()
		time.Sleep(11 * time.Second) // the first word is too old
		all[2].send(signaling.HostLost{Term: 1})
		all[2].wantNothing()
		all[3].send(signaling.HostLost{Term: 1})
		for _, m := range all[1:] {
			m.wantHost(all[1], 2)
		}
		all[0].wantRefused(signaling.CodeHostReplaced)
	})
}

// A page that is reloaded loses the server and its guests in the same moment. It is the host again if it is back within
// five seconds of that, and has links with most of its guests five seconds later.
func TestHostLosesServerAndGuests(t *testing.T) {
	for name, tt := range map[string]struct{ back, linked bool }{
		"and is back": {true, true}, "and is back, and links nobody": {true, false}, "for good": {false, false},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, signalserver.Config{}, func(t *testing.T, s *server) {
				all := star(t, s, ableToHost, ableToHost, ableToHost)
				all[0].vanish()
				for _, m := range all[1:] {
					m.send(signaling.HostLost{Term: 1})
				}
				time.Sleep(4 * time.Second)
				for _, m := range all[1:] {
					m.wantNothing()
				}
				if tt.back {
					join := migrating(ableToHost)
					join.Resume = all[0].welcome.Resume
					host := s.member(t, join)
					require.Equal(t, signaling.Host, host.id())
					require.Equal(t, 1, host.welcome.Term)
					time.Sleep(4 * time.Second)
				}
				for _, m := range all[1:] {
					if tt.back {
						m.wantNothing()
					}
					if tt.linked {
						m.send(signaling.HostLost{Term: 1, Back: true})
					}
				}
				time.Sleep(30 * time.Second)
				for _, m := range all[1:] {
					if tt.linked {
						m.wantNothing()
					} else {
						m.wantHost(all[1], 2)
					}
				}
			})
		})
	}
}

// back returns the session of the next program of a member, which was killed.
func (s *server) back(t *testing.T, m *client) *client {
	t.Helper()
	join := migrating(ableToHost)
	join.Resume, join.Incarnation = m.welcome.Resume, "second"
	return s.member(t, join)
}

// The program of a host was killed and is started again within five seconds. Its guests lose their links with it then: it has
// five seconds to make new ones, and is replaced if most of the guests still have none.
func TestHostIsStartedAgain(t *testing.T) {
	for name, linked := range map[string]bool{"and links its guests": true, "and links nobody": false} {
		t.Run(name, func(t *testing.T) {
			within(t, signalserver.Config{}, func(t *testing.T, s *server) {
				all := star(t, s, ableToHost, ableToHost, ableToHost)
				all[0].vanish()
				all[1].send(signaling.HostLost{Term: 1}) // one notices at once
				time.Sleep(2 * time.Second)
				host := s.back(t, all[0])
				require.Equal(t, signaling.Host, host.id())
				for _, m := range all[1:] {
					require.Equal(t, "second", m.receive().(signaling.Joined).Member.Incarnation)
					m.send(signaling.HostLost{Term: 1})
				}
				time.Sleep(4 * time.Second)
				for _, m := range all[1:] {
					m.wantNothing()
					if linked {
						m.send(signaling.HostLost{Term: 1, Back: true})
					}
				}
				time.Sleep(10 * time.Second)
				for _, m := range all[1:] {
					if linked {
						m.wantNothing()
					} else {
						m.wantHost(all[1], 2)
					}
				}
			})
		})
	}
}

// A guest that is started again has no link with the host yet. What its earlier program said about the host does not count.
func TestGuestIsStartedAgain(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		all := star(t, s, ableToHost)
		all[1].send(signaling.HostLost{Term: 1})
		synctest.Wait()
		all[1].vanish()
		time.Sleep(100 * time.Millisecond)
		guest := s.back(t, all[1])
		require.Equal(t, "second", all[0].receive().(signaling.Joined).Member.Incarnation)
		time.Sleep(10 * time.Second)
		all[0].wantNothing()
		guest.wantNothing()
	})
}

// Who has its link with the host again does not count, nor does what was said of an earlier host.
func TestHostLostIsWithdrawn(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		all := star(t, s, ableToHost, ableToHost, ableToHost)
		all[1].send(signaling.HostLost{Term: 1})
		all[1].send(signaling.HostLost{Term: 1, Back: true})
		synctest.Wait()
		all[2].send(signaling.HostLost{Term: 1})
		all[2].wantNothing()
		all[0].wantNothing()
		all[0].send(signaling.Leave{})
		for _, m := range all[1:] {
			m.wantHost(all[1], 2)
		}
		all[3].send(signaling.HostLost{Term: 2}) // what member 2 has said was of term 1
		require.IsType(t, signaling.Resume{}, all[3].receive())
		all[3].wantNothing()
		all[2].send(signaling.HostLost{Term: 2})
		require.IsType(t, signaling.Resume{}, all[2].receive())
		all[2].wantHost(all[2], 3)
		all[3].wantHost(all[2], 3)
	})
}

// A member that cannot move may leave before the server knows that the host is gone. The room ends all the same.
func TestMemberThatCannotMoveLeavesFirst(t *testing.T) {
	for name, tt := range map[string]struct {
		goes func(host *client, leave func())
		ends bool
	}{
		"while the host is away":       {func(host *client, leave func()) { host.vanish(); time.Sleep(5 * time.Second); leave() }, true},
		"just before the host leaves":  {func(host *client, leave func()) { leave(); time.Sleep(time.Second); host.send(signaling.Leave{}) }, true},
		"long before the host leaves":  {func(host *client, leave func()) { leave(); time.Sleep(10 * time.Second); host.send(signaling.Leave{}) }, false},
		"long before the host is lost": {func(host *client, leave func()) { leave(); time.Sleep(10 * time.Second); host.vanish() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, signalserver.Config{}, func(t *testing.T, s *server) {
				all := star(t, s, nil, ableToHost)
				host, unable, able := all[0], all[1], all[2]
				tt.goes(host, func() { unable.send(signaling.Leave{}); synctest.Wait() })
				if tt.ends {
					require.Contains(t, able.wantError(signaling.CodeHostLeft).Text, "could not follow another host")
				} else {
					able.wantHost(able, 2)
				}
			})
		})
	}
}

// Without the right to be host nobody is elected.
func TestElectionKeepsToGrants(t *testing.T) {
	admit := func(_ context.Context, r signalserver.Request) (signalserver.Grant, error) {
		return signalserver.Grant{MayCreate: true, MayHost: r.Join.Token != "guest"}, nil
	}
	within(t, signalserver.Config{Admit: admit}, func(t *testing.T, s *server) {
		host := s.member(t, migrating(ableToHost))
		j := migrating(ableToHost)
		j.Token = "guest"
		a := s.member(t, j)
		b := s.member(t, migrating(ableToHost))
		host.send(signaling.Leave{})
		a.wantHost(b, 2)
		b.wantHost(b, 2)
	})
}

// After a restart the tickets tell who the host is, the oldest of them too late.
func TestMigratedRoomComesBackAfterRestart(t *testing.T) {
	config := signalserver.Config{ResumeKey: key, Recovery: -1}
	within(t, config, func(t *testing.T, s *server) {
		all := star(t, s, ableToHost, ableToHost, ableToHost)
		old := all[2].welcome.Resume // of the first term
		all[0].vanish()
		for _, m := range all[1:] {
			m.wantHost(all[1], 2)
			m.wantTicket()
		}
		shutDown(t, s.Server)

		after := serveInMemory(t, config)
		stale := after.member(t, signaling.Join{Resume: all[0].welcome.Resume, Features: ableToHost})
		require.Equal(t, 1, stale.welcome.Term, "nobody has told of another host")
		early := after.member(t, signaling.Join{Resume: old, Features: ableToHost})
		require.Equal(t, signaling.Host, early.welcome.Host)
		stale.want(signaling.Joined{Member: signaling.Member{ID: early.id(), Features: ableToHost}})
		late := after.member(t, signaling.Join{Resume: all[3].welcome.Resume, Features: ableToHost})
		require.Equal(t, all[1].id(), late.welcome.Host)
		require.Equal(t, 2, late.welcome.Term)
		stale.wantRefused(signaling.CodeHostReplaced)
		require.Equal(t, all[1].id(), early.next().(signaling.HostChanged).Host)

		host := after.member(t, signaling.Join{Resume: all[1].welcome.Resume, Features: ableToHost})
		require.Len(t, host.welcome.Members, 2)
		host.send(signaling.Leave{})
		require.Equal(t, 3, late.skipMoved([]*client{host}).(signaling.HostChanged).Term)
	})
}

// The room is on another server than its host and its guests, and moves in the midst of it.
func TestHostChangesOverServers(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 3, signalserver.Config{Grace: time.Minute})
		host := servers[0].member(t, migrating(ableToHost))
		a := servers[1].member(t, migrating(ableToHost))
		b := servers[2].member(t, migrating(ableToHost))
		for _, c := range []*client{a, b} {
			host.want(signaling.Joined{Member: signaling.Member{ID: c.id(), Features: ableToHost}})
		}
		host.send(signaling.Leave{})
		a.wantHost(a, 2)
		b.wantHost(a, 2)
		a.wantTicket()
		b.wantTicket()
		b.signal(a.id(), `"hello"`)
		a.wantSignal(b, `"hello"`)

		time.Sleep(time.Second) // of fake time: the record is written
		servers[0].bus.Cut(true)
		time.Sleep(20 * time.Second) // another server owns the room now
		c := servers[2].member(t, migrating(ableToHost))
		require.Equal(t, a.id(), c.welcome.Host)
		require.Equal(t, 2, c.welcome.Term)
		require.IsType(t, signaling.Joined{}, a.next())
		a.vanish()
		b.wantHost(b, 3)
		c.wantHost(b, 3)
		c.wantTicket()
		c.signal(b.id(), `"hello"`)
		require.IsType(t, signaling.Resume{}, b.receive())
		b.wantSignal(c, `"hello"`)
	})
}
