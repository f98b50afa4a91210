package signalserver_test

import (
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
