package signalserver_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

func TestRoomAsksForItsPassword(t *testing.T) {
	s := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
	host := s.member(t, signaling.Join{Room: "r", Password: "sesame"})
	for _, wrong := range []string{"", "Sesame", "sesame "} {
		c := s.client(t)
		c.send(signaling.Join{Room: "r", Password: wrong})
		c.wantRefused(signaling.CodeWrongPassword)
	}
	a := s.member(t, signaling.Join{Room: "r", Password: "sesame"})
	s.resume(t, a) // needs none
	open := s.member(t, signaling.Join{Room: "open"})
	s.member(t, signaling.Join{Room: "open", Password: "what for"})

	t.Run("also after a restart", func(t *testing.T) {
		shutDown(t, s.Server)
		after := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
		after.resume(t, host)
		c := after.client(t)
		c.send(signaling.Join{Room: "r"})
		c.wantRefused(signaling.CodeWrongPassword)
		after.member(t, signaling.Join{Room: "r", Password: "sesame"})
		after.resume(t, open)
		after.member(t, signaling.Join{Room: "open"})
	})
}

func TestWrongPasswordsAreCounted(t *testing.T) {
	remote := netip.MustParseAddr("203.0.113.7")
	config := signalserver.Config{RemoteAddr: func(*http.Request) netip.Addr { return remote }}
	within(t, config, func(t *testing.T, s *server) {
		s.member(t, signaling.Join{Room: "r", Password: "sesame"})
		try := func(password string) *client {
			c := s.client(t)
			c.send(signaling.Join{Room: "r", Password: password})
			return c
		}
		for range 20 {
			try("sesame").wantWelcome() // what is right does not count
		}
		for range 5 {
			try("wrong").wantRefused(signaling.CodeWrongPassword)
		}
		e := try("sesame").wantError(signaling.CodeRateLimited)
		require.InDelta(t, 10*time.Second, e.RetryAfter(), float64(time.Second))
		time.Sleep(e.RetryAfter())
		try("sesame").wantWelcome()
		remote = netip.MustParseAddr("203.0.113.8")
		for range 5 {
			try("wrong").wantRefused(signaling.CodeWrongPassword)
		}
	})
}

// Wrong passwords count for the address that gave them and the room they were for: an address may stand for
// everybody behind a proxy, so it must not keep them out of all rooms.
func TestWrongPasswordsCountPerRoom(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		s.member(t, signaling.Join{Room: "r", Password: "sesame"})
		s.member(t, signaling.Join{Room: "other", Password: "sesame"})
		for range 6 {
			c := s.client(t)
			c.send(signaling.Join{Room: "r", Password: "wrong"})
			require.Equal(t, signaling.KindError, c.receive().Kind())
		}
		for range 20 {
			s.member(t, signaling.Join{Room: "other", Password: "sesame"})
		}
	})
}

// However many know the password and come at once, none of them is counted.
func TestRightPasswordsAtOnce(t *testing.T) {
	s := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
	host := s.member(t, signaling.Join{Room: "r", Password: "sesame"})
	for _, restarted := range []bool{false, true} {
		if restarted {
			s = serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
			s.resume(t, host)
		}
		var all []*client
		for range 100 {
			all = append(all, s.client(t))
		}
		for _, c := range all {
			c.send(signaling.Join{Room: "r", Password: "sesame"})
		}
		for _, c := range all {
			c.wantWelcome()
		}
	}
}

// A number of four digits is not found by guessing from many addresses.
func TestGuessesOfManyAddresses(t *testing.T) {
	for name, remote := range map[string]string{
		"IPv4":             "203.0.%d.%d",
		"/64 of one /56":   "2001:db8:0:%d%02x::1",
		"/64 of one /48":   "2001:db8:0:%02x%02x::1",
		"/48 all over":     "2001:db8:%x%02x::1",
		"one, all of them": "2001:db8::%x:%x",
	} {
		t.Run(name, func(t *testing.T) {
			config := signalserver.Config{RemoteAddr: from, ConnectRate: -1, JoinRate: -1}
			within(t, config, func(t *testing.T, s *server) {
				s.member(t, signaling.Join{Room: "r", Password: "7777"})
				guesses := 0
				for i := range 200 {
					c := s.clientFrom(t, fmt.Sprintf(remote, 0, i))
					c.send(signaling.Join{Room: "r", Password: fmt.Sprint(i)})
					e, ok := c.receive().(*signaling.Error)
					require.True(t, ok)
					if e.Code == signaling.CodeWrongPassword {
						guesses++
						continue
					}
					require.Equal(t, signaling.CodeRateLimited, e.Code)
					require.NotZero(t, e.RetryMillis)
				}
				require.LessOrEqual(t, guesses, 50)
			})
		})
	}
}

// Wrong passwords count for a client, in whatever form its address comes: as IPv4 in IPv6, or as another address of its /64.
// They keep it out of the room, but not a member that comes back.
func TestWrongPasswordsOfOneClient(t *testing.T) {
	for name, remotes := range map[string][2]string{
		"IPv4 in IPv6": {"::ffff:203.0.113.7", "203.0.113.7"},
		"one /64":      {"2001:db8::1", "2001:db8::2"},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, signalserver.Config{RemoteAddr: from}, func(t *testing.T, s *server) {
				right := signaling.Join{Room: "r", Password: "sesame"}
				s.member(t, right)
				member := s.clientFrom(t, remotes[1])
				member.send(right)
				member.wantWelcome()
				for range 5 {
					c := s.clientFrom(t, remotes[0])
					c.send(signaling.Join{Room: "r", Password: "wrong"})
					c.wantRefused(signaling.CodeWrongPassword)
				}
				c := s.clientFrom(t, remotes[1])
				c.send(right)
				c.wantError(signaling.CodeRateLimited)
				member.vanish()
				require.True(t, s.resumeFrom(t, member, remotes[1]).welcome.Resumed)
			})
		})
	}
}
