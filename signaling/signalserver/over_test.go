package signalserver_test

import (
	"context"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// What is over stays over: kicks and ends of rooms, in the life of a process and over a restart.

func TestEndedRoomIsOver(t *testing.T) {
	for name, end := range map[string]func(s *server, host *client){
		"the host leaves":  func(_ *server, host *client) { host.send(signaling.Leave{}) },
		"it is closed":     func(s *server, _ *client) { require.True(t, s.CloseRoom("r", "")) },
		"the host is out":  func(s *server, _ *client) { require.True(t, s.Kick("r", 1, "")) },
		"the host is lost": func(s *server, host *client) { host.vanish() },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1, Grace: -1})
			host, a := pair(t, s, signaling.Star)
			end(s, host)
			require.Equal(t, signaling.KindError, a.receive().Kind())
			s.eventually(t, "the room ends", func(st signalserver.Stats) bool { return st.Rooms == 0 })
			s.refuseResume(t, signaling.Join{Resume: a.welcome.Resume})
			s.refuseResume(t, signaling.Join{Resume: host.welcome.Resume})
		})
	}
}

func TestLeftRoomIsOver(t *testing.T) {
	s := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
	host, a := pair(t, s, signaling.Mesh)
	a.send(signaling.Leave{})
	host.wantLeft(a, signaling.LeftByItself)
	host.send(signaling.Leave{})
	s.eventually(t, "the room ends", func(st signalserver.Stats) bool { return st.Rooms == 0 })
	s.refuseResume(t, signaling.Join{Resume: a.welcome.Resume})
	s.refuseResume(t, signaling.Join{Resume: host.welcome.Resume})
}

// Whoever was taken out stays out, however many have left since.
func TestKickedMemberStaysOut(t *testing.T) {
	s := serve(t, signalserver.Config{})
	host, a := pair(t, s, signaling.Mesh)
	host.send(signaling.Kick{ID: a.id()})
	host.wantLeft(a, signaling.LeftKicked)
	for range 300 {
		b := s.member(t, signaling.Join{Room: "r"})
		host.wantJoined(b)
		b.send(signaling.Leave{})
		host.wantLeft(b, signaling.LeftByItself)
	}
	s.refuseResume(t, signaling.Join{Resume: a.welcome.Resume})
}

// A ticket is for a place, not for an id: one that was given again is somebody else's.
func TestLostMembersComeBackAndOthersDoNot(t *testing.T) {
	s := serve(t, signalserver.Config{Grace: -1})
	host, a := pair(t, s, signaling.Mesh)
	first := a.welcome.Resume
	a.vanish()
	host.wantLeft(a, signaling.LeftLost)
	a = s.resume(t, a)
	host.wantJoined(a)
	a.vanish()
	host.wantLeft(a, signaling.LeftLost)
	back := s.member(t, signaling.Join{Resume: first}) // the welcome with the second token may be lost
	require.Equal(t, a.id(), back.id())
	host.wantJoined(back)
	back.send(signaling.Leave{})
	host.wantLeft(back, signaling.LeftByItself)
	for _, token := range []string{first, a.welcome.Resume, back.welcome.Resume} {
		s.refuseResume(t, signaling.Join{Resume: token})
	}
}

// A room whose members were all lost, as when the server's network is away for longer than a grace time, sleeps:
// it is as it was when they come back.
func TestRoomOfLostMembersSleeps(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		host := s.member(t, signaling.Join{Room: "r"})
		a := s.member(t, signaling.Join{Room: "r"})
		b := s.member(t, signaling.Join{Room: "r"})
		host.send(signaling.Kick{ID: b.id()})
		host.send(signaling.Seal{})
		a.wantJoined(b)
		a.wantLeft(b, signaling.LeftKicked)
		a.want(signaling.Sealed{})
		host.vanish()
		a.vanish()
		time.Sleep(10 * time.Minute)
		require.Zero(t, s.Stats().Rooms)
		require.Zero(t, s.Stats().Buffered)

		s.refuseResume(t, signaling.Join{Resume: b.welcome.Resume})
		a = s.resume(t, a)
		require.True(t, a.welcome.Sealed)
		s.refuseResume(t, signaling.Join{Resume: b.welcome.Resume})
		host = s.resume(t, host)
		a.wantJoined(host)
		host.send(signaling.Leave{})
		a.wantLeft(host, signaling.LeftByItself)

		a.vanish()
		time.Sleep(time.Minute)
		other := s.member(t, signaling.Join{Room: "r"})
		require.Equal(t, signaling.Host, other.id(), "the name is free")
		s.refuseResume(t, signaling.Join{Resume: a.welcome.Resume})
		other.send(signaling.Leave{})
		time.Sleep(time.Second)
		a = s.resume(t, a)
		a.vanish()
		time.Sleep(time.Minute)
		require.True(t, s.CloseRoom("r", ""), "also while it sleeps")
		s.refuseResume(t, signaling.Join{Resume: a.welcome.Resume})
	})
}

// Members bring their rooms back in the first minute after a restart, and not at some later time.
func TestRoomsComeBackSoonOrNever(t *testing.T) {
	within(t, signalserver.Config{ResumeKey: key}, func(t *testing.T, before *server) {
		host, a := pair(t, before, signaling.Mesh)
		late := before.member(t, signaling.Join{Room: "late"})
		shutDown(t, before.Server)
		noCreate := func(context.Context, signalserver.Request) (signalserver.Grant, error) {
			return signalserver.Grant{}, nil
		}
		after := serveInMemory(t, signalserver.Config{ResumeKey: key, Admit: noCreate})
		time.Sleep(30 * time.Second)
		after.resume(t, host)
		time.Sleep(2 * time.Minute)
		after.refuseResume(t, signaling.Join{Resume: late.welcome.Resume})
		after.refuseResume(t, signaling.Join{Resume: a.welcome.Resume})
	})
}

// A ticket of an earlier process is good once: whoever was taken out here does not come back with it.
func TestTicketOfAnEarlierProcessIsGoodOnce(t *testing.T) {
	before := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
	host, a := pair(t, before, signaling.Mesh)
	shutDown(t, before.Server)
	after := serve(t, signalserver.Config{ResumeKey: key})
	hostBack := after.resume(t, host)
	aBack := after.resume(t, a)
	hostBack.wantJoined(aBack)
	again := after.resume(t, a) // its welcome may be lost
	aBack.wantRefused(signaling.CodeReplaced)
	hostBack.send(signaling.Kick{ID: a.id()})
	hostBack.wantLeft(a, signaling.LeftKicked)
	for _, c := range []*client{a, aBack, again} {
		after.refuseResume(t, signaling.Join{Resume: c.welcome.Resume})
	}
	hostBack.send(signaling.Leave{})
	after.eventually(t, "the room ends", func(st signalserver.Stats) bool { return st.Rooms == 0 })
	for _, c := range []*client{host, a, hostBack, aBack} {
		after.refuseResume(t, signaling.Join{Resume: c.welcome.Resume})
	}
}

func TestTicketsHaveAnAge(t *testing.T) {
	within(t, signalserver.Config{ResumeKey: key, TicketAge: time.Hour}, func(t *testing.T, before *server) {
		host, a := pair(t, before, signaling.Mesh)
		time.Sleep(2 * time.Hour)
		a = before.resume(t, a) // here the place is known, and it gets another ticket
		shutDown(t, before.Server)
		after := serveInMemory(t, signalserver.Config{ResumeKey: key, TicketAge: time.Hour})
		after.resume(t, a)
		after.refuseResume(t, signaling.Join{Resume: host.welcome.Resume})
		for range 3 { // it has got others meanwhile
			renewed, ok := host.receive().(signaling.Resume)
			require.True(t, ok)
			host.welcome.Resume = renewed.Token
		}
		after.resume(t, host)
	})
}

// With a state file, who was taken out and what was ended does not come back after a restart either.
func TestKicksAndEndsHoldOverRestarts(t *testing.T) {
	config := signalserver.Config{ResumeKey: key, Recovery: -1, StateFile: filepath.Join(t.TempDir(), "state")}
	before := serve(t, config)
	host, a := pair(t, before, signaling.Mesh)
	host.send(signaling.Kick{ID: a.id()})
	host.wantLeft(a, signaling.LeftKicked)
	closed := before.member(t, signaling.Join{Room: "closed"})
	require.True(t, before.CloseRoom("closed", ""))
	star := before.member(t, signaling.Join{Room: "star", Topology: signaling.Star})
	guest := before.member(t, signaling.Join{Room: "star"})
	star.send(signaling.Leave{})
	guest.wantRefused(signaling.CodeHostLeft)
	shutDown(t, before.Server)

	for range 3 {
		after := serve(t, config)
		for _, c := range []*client{a, closed, guest} {
			after.refuseResume(t, signaling.Join{Resume: c.welcome.Resume})
		}
		require.Zero(t, after.Stats().Rooms)
		host = after.resume(t, host)
		host.send(signaling.Lock{})
		host.want(signaling.Lock{})
		after.refuseResume(t, signaling.Join{Resume: a.welcome.Resume})
		shutDown(t, after.Server)
		file, err := os.OpenFile(config.StateFile, os.O_APPEND|os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = file.WriteString(`{"until":"20`) // a line that a crash has cut
		require.NoError(t, err)
		require.NoError(t, file.Close())
	}
}

// Kicks, ended rooms and bans stay in force even if the server was started meanwhile with a clock that was years ahead, by
// which all of them would have expired.
func TestKicksHoldAfterAStartWithAWrongClock(t *testing.T) {
	config := signalserver.Config{ResumeKey: key, Recovery: -1, StateFile: filepath.Join(t.TempDir(), "state")}
	var host, kicked, closed string
	within(t, config, func(t *testing.T, s *server) { // in the year 2000
		a, b := pair(t, s, signaling.Mesh)
		c := s.member(t, signaling.Join{Room: "closed"})
		a.send(signaling.Kick{ID: b.id()})
		a.wantLeft(b, signaling.LeftKicked)
		require.True(t, s.CloseRoom("closed", ""))
		_, err := s.Ban(signalserver.Ban{Subject: "mallory", For: time.Hour})
		require.NoError(t, err)
		host, kicked, closed = a.welcome.Resume, b.welcome.Resume, c.welcome.Resume
		shutDown(t, s.Server)
	})
	ahead := serve(t, config) // now
	require.Empty(t, ahead.Bans())
	shutDown(t, ahead.Server)
	within(t, config, func(t *testing.T, s *server) {
		for _, token := range []string{kicked, closed} {
			s.refuseResume(t, signaling.Join{Resume: token})
		}
		s.member(t, signaling.Join{Resume: host})
		require.Len(t, s.Bans(), 1)
	})
}

// Without a state file the tickets of the others tell who was taken out, whoever comes first.
func TestOthersTellWhoWasKicked(t *testing.T) {
	config := signalserver.Config{ResumeKey: key, Recovery: -1}
	for name, kickedFirst := range map[string]bool{"others first": false, "the kicked first": true} {
		t.Run(name, func(t *testing.T) {
			within(t, config, func(t *testing.T, before *server) {
				host, a := pair(t, before, signaling.Mesh)
				b := before.member(t, signaling.Join{Room: "r"})
				host.wantJoined(b)
				a.wantJoined(b)
				host.send(signaling.Kick{ID: a.id()})
				for _, c := range []*client{host, b} {
					c.wantLeft(a, signaling.LeftKicked)
					renewed, ok := c.receive().(signaling.Resume)
					require.True(t, ok, "and a ticket that tells so")
					c.welcome.Resume = renewed.Token
				}
				shutDown(t, before.Server)

				after := serveInMemory(t, config)
				var back *client
				if kickedFirst {
					back = after.resume(t, a)
				}
				hostBack := after.resume(t, host)
				if kickedFirst {
					back.wantRefused(signaling.CodeKicked)
				}
				after.refuseResume(t, signaling.Join{Resume: a.welcome.Resume})
				if kickedFirst {
					after.refuseResume(t, signaling.Join{Resume: back.welcome.Resume})
				}
				bBack := after.resume(t, b)
				hostBack.wantJoined(bBack)

				shutDown(t, after.Server) // and once more
				again := serveInMemory(t, config)
				again.resume(t, bBack)
				again.refuseResume(t, signaling.Join{Resume: a.welcome.Resume})
			})
		})
	}
}

// A room in which many are taken out tells of the last ones, and its tickets stay small.
func TestTicketsTellOfTheLastKicks(t *testing.T) {
	within(t, signalserver.Config{ResumeKey: key, Recovery: -1, JoinRate: -1}, func(t *testing.T, before *server) {
		host := before.member(t, signaling.Join{Room: "r"})
		var last *client
		for range 100 {
			last = before.member(t, signaling.Join{Room: "r"})
			host.wantJoined(last)
			host.send(signaling.Kick{ID: last.id()})
			host.wantLeft(last, signaling.LeftKicked)
		}
		time.Sleep(2 * time.Second)
		renewed, ok := host.receive().(signaling.Resume)
		require.True(t, ok, "one for all of them")
		host.wantNothing()
		shutDown(t, before.Server)
		after := serveInMemory(t, signalserver.Config{ResumeKey: key, Recovery: -1})
		after.member(t, signaling.Join{Resume: renewed.Token})
		after.refuseResume(t, signaling.Join{Resume: last.welcome.Resume})
	})
}

func TestStateFileThatCannotBeUsed(t *testing.T) {
	_, err := signalserver.New(signalserver.Config{ResumeKey: key, StateFile: filepath.Join(t.TempDir(), "no", "such")})
	require.ErrorContains(t, err, "Config.StateFile")
	for _, content := range []string{"acme-domain: game.example\n", "{\n}\n", `{"a":1}` + "\n", `{"room":7}` + "\nrubbish\n" + `{"room":8}` + "\n"} {
		name := filepath.Join(t.TempDir(), "other")
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
		_, err = signalserver.New(signalserver.Config{ResumeKey: key, StateFile: name})
		require.ErrorContains(t, err, "is not of a state file")
		left, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, content, string(left), "the file of something else is not replaced")
	}
	_, err = signalserver.New(signalserver.Config{StateFile: "x"})
	require.ErrorContains(t, err, "ResumeKey")
}

func TestBans(t *testing.T) {
	bySubject := func(_ context.Context, r signalserver.Request) (signalserver.Grant, error) {
		return signalserver.Grant{MayCreate: true, MayHost: true, Subject: r.Join.Token}, nil
	}
	config := signalserver.Config{ResumeKey: key, RemoteAddr: from, Admit: bySubject, StateFile: filepath.Join(t.TempDir(), "state")}
	enter := func(t *testing.T, s *server, remote string, j signaling.Join) *client {
		c := s.clientFrom(t, remote)
		c.send(j)
		c.wantWelcome()
		return c
	}
	for name, c := range map[string]struct {
		ban     func(a *client) signalserver.Ban
		address bool // is refused already as HTTP
		anew    bool // may join anew
	}{
		"by member":  {ban: func(a *client) signalserver.Ban { return signalserver.Ban{Room: "r", ID: a.id()} }, anew: true},
		"by token":   {ban: func(a *client) signalserver.Ban { return signalserver.Ban{Token: a.welcome.Resume} }, anew: true},
		"by subject": {ban: func(*client) signalserver.Ban { return signalserver.Ban{Subject: "mallory"} }},
		"by address": {ban: func(*client) signalserver.Ban {
			return signalserver.Ban{Prefix: netip.MustParsePrefix("203.0.113.64/26")}
		}, address: true},
		"by IPv4 as IPv6": {ban: func(*client) signalserver.Ban {
			return signalserver.Ban{Prefix: netip.MustParsePrefix("::ffff:203.0.113.99/122")}
		}, address: true},
	} {
		t.Run(name, func(t *testing.T) {
			config.StateFile = filepath.Join(t.TempDir(), "state")
			within(t, config, func(t *testing.T, s *server) {
				host := enter(t, s, honest, signaling.Join{Room: "r"})
				a := enter(t, s, evil, signaling.Join{Room: "r", Token: "mallory"})
				host.wantJoined(a)
				waits := s.clientFrom(t, evil)
				synctest.Wait()
				ban := c.ban(a)
				ban.For, ban.Reason = time.Hour, "cheating"
				made, err := s.Ban(ban)
				require.NoError(t, err)
				e := a.wantError(signaling.CodeKicked)
				require.Equal(t, "cheating", e.Text)
				host.wantLeft(a, signaling.LeftKicked)
				if c.address {
					e = waits.wantError(signaling.CodeForbidden)
					require.Contains(t, e.Text, "cheating")
				}
				check := func(s *server) {
					t.Helper()
					if c.address {
						s.wantStatus(t, evil, http.StatusForbidden)
						return
					}
					back := s.clientFrom(t, evil)
					back.send(signaling.Join{Resume: a.welcome.Resume, Token: "mallory"})
					back.wantRefused(signaling.CodeForbidden)
					if !c.anew {
						back = s.clientFrom(t, evil)
						back.send(signaling.Join{Room: "r", Token: "mallory"})
						back.wantRefused(signaling.CodeForbidden)
						back = s.clientFrom(t, evil)
						back.send(signaling.Join{Resume: a.welcome.Resume}) // without its access token
						back.wantRefused(signaling.CodeForbidden)
					}
				}
				check(s)
				enter(t, s, honest, signaling.Join{Room: "r", Token: "alice"})
				require.Len(t, s.Bans(), 1)
				require.Equal(t, made, s.Bans()[0])
				shutDown(t, s.Server)

				after := serveInMemory(t, config)
				require.Len(t, after.Bans(), 1)
				check(after)
				time.Sleep(time.Hour)
				require.Empty(t, after.Bans())
				enter(t, after, evil, signaling.Join{Room: "r", Token: "mallory"})
			})
		})
	}
}

// Whoever waits to be matched, or is being admitted, when the ban comes is not let in either.
func TestBansApplyToWaitingClients(t *testing.T) {
	admit := func(_ context.Context, r signalserver.Request) (signalserver.Grant, error) {
		if r.Join.Room == "slow" {
			time.Sleep(time.Minute)
		}
		return signalserver.Grant{MayCreate: true, MayHost: true, Subject: r.Join.Token}, nil
	}
	within(t, signalserver.Config{Admit: admit}, func(t *testing.T, s *server) {
		match := signaling.Join{Token: "mallory", Match: &signaling.Match{Key: "k", Size: 2}}
		waits, slow := s.client(t), s.client(t)
		waits.send(match)
		slow.send(signaling.Join{Token: "mallory", Room: "slow"})
		synctest.Wait()
		_, err := s.Ban(signalserver.Ban{Subject: "mallory"})
		require.NoError(t, err)
		waits.wantRefused(signaling.CodeForbidden)
		slow.wantRefused(signaling.CodeForbidden)
		match.Token = "alice"
		other := s.client(t)
		other.send(match)
		synctest.Wait()
		require.Empty(t, other.received, "it waits for somebody else")
	})
}

func TestBansAreCheckedAndTakenBack(t *testing.T) {
	s := serve(t, signalserver.Config{RemoteAddr: from})
	for name, b := range map[string]signalserver.Ban{
		"nobody":      {},
		"two":         {Subject: "a", Prefix: netip.MustParsePrefix("10.0.0.0/8")},
		"no room":     {Room: "r", ID: 7},
		"bad token":   {Token: "x"},
		"past":        {Subject: "a", For: -1},
		"long reason": {Subject: "a", Reason: string(make([]byte, 257))},
		"half IPv4":   {Prefix: netip.MustParsePrefix("::ffff:1.2.3.4/64")},
	} {
		_, err := s.Ban(b)
		require.Error(t, err, name)
	}
	b, err := s.Ban(signalserver.Ban{Prefix: netip.MustParsePrefix("203.0.113.0/24")})
	require.NoError(t, err)
	require.Zero(t, b.Until, "for ever")
	s.wantStatus(t, evil, http.StatusForbidden)
	require.True(t, s.Unban(b.Number))
	require.False(t, s.Unban(b.Number))
	s.clientFrom(t, evil)
	for i := range 4096 {
		_, err := s.Ban(signalserver.Ban{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{9, 9, byte(i >> 8), byte(i)}), 32)})
		require.NoError(t, err)
	}
	_, err = s.Ban(signalserver.Ban{Subject: "one too many"})
	require.ErrorIs(t, err, signalserver.ErrTooManyBans)
}

// So many rooms sleep, and no more: the longest asleep is forgotten first, and of one network sooner.
func TestSleepingRoomsAreBounded(t *testing.T) {
	for remote, wantFirst := range map[string]bool{"192.168.0.1": true, evil: false} {
		config := signalserver.Config{RemoteAddr: from, Grace: -1, ConnectRate: -1, JoinRate: -1}
		within(t, config, func(t *testing.T, s *server) {
			var all []*client
			for range 80 {
				c := s.clientFrom(t, remote)
				c.send(signaling.Join{})
				c.wantWelcome()
				c.vanish()
				synctest.Wait()
				all = append(all, c)
			}
			for i, want := range map[int]bool{0: wantFirst, 79: true} {
				back := s.clientFrom(t, remote)
				back.send(signaling.Join{Resume: all[i].welcome.Resume})
				_, ok := back.receive().(signaling.Welcome)
				require.Equal(t, want, ok, "room %d of %s", i, remote)
			}
		})
	}
}

// Rooms that ended in other ways are over as well: a star that could move to another host and found none, and a member that was
// admitted until a date.
func TestRoomsThatEndInOtherWays(t *testing.T) {
	t.Run("nobody can take the place of the host", func(t *testing.T) {
		within(t, signalserver.Config{ResumeKey: key, Recovery: -1}, func(t *testing.T, s *server) {
			host, guest := s.member(t, migrating(ableToHost)), s.member(t, migrating(following))
			host.send(signaling.Leave{})
			guest.wantRefusedLater(signaling.CodeHostLeft)
			s.refuseResume(t, signaling.Join{Resume: guest.welcome.Resume})
			s.refuseResume(t, signaling.Join{Resume: host.welcome.Resume})
			require.Equal(t, signaling.Host, s.member(t, signaling.Join{Room: "r"}).id())
		})
	})
	t.Run("a membership has ended", func(t *testing.T) {
		config := signalserver.Config{ResumeKey: key, Recovery: -1, Admit: aMinute}
		within(t, config, func(t *testing.T, s *server) {
			host := s.member(t, signaling.Join{Room: "r"})
			guest := s.member(t, signaling.Join{Room: "r", Token: "a minute"})
			host.wantJoined(guest)
			guest.wantRefusedLater(signaling.CodeExpired)
			s.refuseResume(t, signaling.Join{Resume: guest.welcome.Resume}) // the place is another's, whatever the date says
			host.wantLeft(guest, signaling.LeftExpired)
		})
	})
}
