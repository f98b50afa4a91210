package signalserver_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	membus "example.org/rtcpeer/signaling/cluster/memory"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/bubble"
)

// A host that was replaced, and what its ticket is still good for.

// asProgram is a join to a star that migrates and has a password, by a program of that incarnation.
func asProgram(incarnation string) signaling.Join {
	j := migrating(ableToHost)
	j.Incarnation, j.Password = incarnation, "sesame"
	return j
}

// backAs comes back with the ticket of c as a program of that incarnation, without the password.
func (c *client) backAs(incarnation string) signaling.Join {
	j := migrating(ableToHost)
	j.Incarnation, j.Resume = incarnation, c.welcome.Resume
	return j
}

// guarded is a room of asProgram: its host, whose incarnation is "first", and two guests.
func guarded(t *testing.T, servers ...*server) (all []*client) {
	t.Helper()
	for i, incarnation := range []string{"first", "a", "b"} {
		c := servers[i%len(servers)].member(t, asProgram(incarnation))
		if i > 0 {
			all[0].want(signaling.Joined{Member: signaling.Member{ID: c.id(), Features: ableToHost, Incarnation: incarnation}})
		}
		all = append(all, c)
	}
	return all
}

// lost takes the host out of the sight of the server, until another one has its place.
func lost(all []*client) {
	all[0].vanish()
	for _, m := range all[1:] {
		m.wantHost(all[1], 2)
	}
}

// wantGuest wants that back is a guest with another id than the host, and that the host of now is told.
func wantGuest(t *testing.T, back *client, all []*client) {
	t.Helper()
	require.NotEqual(t, signaling.Host, back.id())
	require.False(t, back.welcome.Resumed)
	require.Equal(t, all[1].id(), back.welcome.Host)
	require.Equal(t, 2, back.welcome.Term)
	joined, ok := all[1].skipMoved(all).(signaling.Joined)
	require.True(t, ok)
	require.Equal(t, back.id(), joined.Member.ID)
}

// A page that was reloaded, and was away for too long to be the host again, is a guest of its room, also where nobody new
// may enter.
func TestReplacedHostComesBackAsGuest(t *testing.T) {
	for name, shut := range map[string]struct {
		by      signaling.Message
		told    signaling.Message
		refused signaling.Code
	}{
		"sealed":          {signaling.Seal{}, signaling.Sealed{}, signaling.CodeSealed},
		"locked":          {signaling.Lock{}, signaling.Lock{}, signaling.CodeLocked},
		"with a password": {refused: signaling.CodeWrongPassword},
	} {
		for how, replace := range map[string]func(all []*client){
			"away for too long": lost,
			"lost by its guests as well": func(all []*client) {
				for _, m := range all[1:] {
					m.send(signaling.HostLost{Term: 1})
				}
				lost(all)
			},
			"lost by its guests alone": func(all []*client) {
				for _, m := range all[1:] {
					m.send(signaling.HostLost{Term: 1})
				}
				all[0].wantRefused(signaling.CodeHostReplaced)
				for _, m := range all[1:] {
					m.wantHost(all[1], 2)
				}
			},
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				within(t, signalserver.Config{}, func(t *testing.T, s *server) {
					all := guarded(t, s)
					if shut.by != nil {
						all[0].send(shut.by)
						for _, m := range all {
							m.want(shut.told)
						}
					}
					replace(all)
					newcomer := s.client(t)
					j := migrating(ableToHost)
					if shut.by != nil {
						j.Password = "sesame"
					}
					newcomer.send(j)
					newcomer.wantRefused(shut.refused)

					back := s.member(t, all[0].backAs("second"))
					wantGuest(t, back, all)
					again := s.member(t, all[0].backAs("third")) // the first welcome may be lost
					require.Equal(t, back.id(), again.id(), "a ticket is for one place")
					back.wantRefused(signaling.CodeReplaced)
					require.Equal(t, "third", all[1].next().(signaling.Joined).Member.Incarnation)
					all[1].signal(again.id(), `"welcome back"`)
					again.wantSignal(all[1], `"welcome back"`)

					again.vanish()
					time.Sleep(time.Minute)
					all[1].wantLeft(again, signaling.LeftLost)
					later := s.member(t, again.backAs("fourth"))
					require.True(t, later.welcome.Resumed)
					require.Equal(t, again.id(), later.id())
					require.Equal(t, later.id(), all[1].next().(signaling.Joined).Member.ID)
					later.send(signaling.Leave{})
					all[1].wantLeft(later, signaling.LeftByItself)
					for _, ticket := range []*client{all[0], again, later} {
						s.refuseResume(t, ticket.backAs("fifth"))
					}
				})
			})
		}
	}
}

// The program that was the host cannot change its id: it is told to join anew.
func TestReplacedHostThatStillRunsIsTold(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		all := guarded(t, s)
		lost(all)
		same := s.client(t)
		same.send(all[0].backAs("first"))
		same.wantRefused(signaling.CodeHostReplaced)
		wantGuest(t, s.member(t, all[0].backAs("second")), all)
	})
}

// A guest that was elected while it was away, and did not come back in time, has the ticket of a guest.
func TestElectedWhileAway(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		all := []*client{s.member(t, asProgram("first")), s.member(t, asProgram("a"))}
		j := asProgram("b")
		j.Features = following
		all = append(all, s.member(t, j))
		all[1].vanish()
		time.Sleep(time.Second)
		all[0].vanish()
		all[2].wantHost(all[1], 2)
		late := asProgram("c")
		c := s.member(t, late)
		require.Equal(t, c.id(), all[2].next().(signaling.HostChanged).Host)
		for _, out := range all[:2] {
			back := s.member(t, out.backAs("later"))
			require.NotEqual(t, out.id(), back.id())
			require.Equal(t, c.id(), back.welcome.Host)
			require.Equal(t, 3, back.welcome.Term)
		}
	})
}

// A host that has left, or was taken out, has no place any more.
func TestHostThatIsOutStaysOut(t *testing.T) {
	aMinuteForTheHost := func(_ context.Context, r signalserver.Request) (signalserver.Grant, error) {
		g := signalserver.Grant{MayCreate: true, MayHost: true}
		if r.Join.Incarnation == "first" {
			g.Expires = time.Now().Add(time.Minute)
		}
		return g, nil
	}
	for name, out := range map[string]struct {
		by   func(s *server, host *client)
		want signaling.Code
	}{
		"left by itself": {func(_ *server, host *client) { host.send(signaling.Leave{}) }, signaling.CodeHostReplaced},
		"kicked":         {func(s *server, _ *client) { require.True(t, s.Kick("r", 1, "")) }, signaling.CodeHostReplaced},
		"expired":        {func(*server, *client) { time.Sleep(time.Minute) }, signaling.CodeHostReplaced},
		"banned": {func(s *server, _ *client) {
			_, err := s.Ban(signalserver.Ban{Room: "r", ID: 1, For: time.Hour})
			require.NoError(t, err)
		}, signaling.CodeForbidden},
		"banned when it was away": {func(s *server, host *client) {
			host.vanish()
			time.Sleep(20 * time.Second)
			_, err := s.Ban(signalserver.Ban{Token: host.welcome.Resume, For: time.Hour})
			require.NoError(t, err)
		}, signaling.CodeForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, signalserver.Config{Admit: aMinuteForTheHost}, func(t *testing.T, s *server) {
				all := guarded(t, s)
				out.by(s, all[0])
				for _, m := range all[1:] {
					m.wantHost(all[1], 2)
				}
				back := s.client(t)
				back.send(all[0].backAs("second"))
				back.wantRefused(out.want)
			})
		})
	}
}

// Whoever was the host and is a guest now can be kicked and banned as any guest.
func TestGuestThatWasTheHostIsTakenOut(t *testing.T) {
	for name, out := range map[string]struct {
		by   func(s *server, all []*client, back *client)
		want signaling.Code
	}{
		"kicked": {func(_ *server, all []*client, back *client) { all[1].send(signaling.Kick{ID: back.id()}) }, signaling.CodeResumeRefused},
		"banned": {func(s *server, _ []*client, back *client) {
			_, err := s.Ban(signalserver.Ban{Room: "r", ID: back.id(), For: time.Hour})
			require.NoError(t, err)
		}, signaling.CodeForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, signalserver.Config{}, func(t *testing.T, s *server) {
				all := guarded(t, s)
				lost(all)
				back := s.member(t, all[0].backAs("second"))
				wantGuest(t, back, all)
				out.by(s, all, back)
				back.wantRefused(signaling.CodeKicked)
				all[1].wantLeft(back, signaling.LeftKicked)
				again := s.client(t)
				again.send(all[0].backAs("third"))
				again.wantRefused(out.want)
			})
		})
	}
}

// Only the tickets of the others tell a server that restarts whose place the host has now.
func TestReplacedHostComesBackAfterRestart(t *testing.T) {
	config := signalserver.Config{ResumeKey: key, Recovery: -1}
	for name, hostFirst := range map[string]bool{"the others first": false, "the old host first": true} {
		t.Run(name, func(t *testing.T) {
			within(t, config, func(t *testing.T, s *server) {
				all := guarded(t, s)
				lost(all)
				for _, m := range all[1:] {
					m.wantTicket()
				}
				shutDown(t, s.Server)
				after := serveInMemory(t, config)
				out := all[0]
				if hostFirst { // nobody has told of another host
					out = after.member(t, out.backAs("second"))
					require.Equal(t, signaling.Host, out.id())
				}
				for i, m := range all[1:] {
					all[1+i] = after.member(t, m.backAs([]string{"a", "b"}[i]))
					synctest.Wait()
				}
				if hostFirst {
					out.wantRefused(signaling.CodeHostReplaced)
				}
				require.Equal(t, all[2].id(), all[1].next().(signaling.Joined).Member.ID)
				wantGuest(t, after.member(t, out.backAs("third")), all)
			})
		})
	}
}

// The room has moved to another server since.
func TestReplacedHostComesBackOverServers(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 3, signalserver.Config{})
		all := guarded(t, servers[0].server, servers[1].server, servers[2].server)
		lost(all)
		time.Sleep(time.Second) // of fake time: the record is written
		servers[0].bus.Cut(true)
		time.Sleep(20 * time.Second) // another server owns the room now
		wantGuest(t, servers[2].member(t, all[0].backAs("second")), all)
	})
}
