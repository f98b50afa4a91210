package signalserver_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// Whoever joins a star whose host is away is told for how long that may be.
func TestNewcomerIsToldThatTheHostIsAway(t *testing.T) {
	within(t, signalserver.Config{ResumeKey: key, Recovery: -1}, func(t *testing.T, s *server) {
		host, a := pair(t, s, signaling.Star)
		require.Zero(t, a.welcome.HostAwayMillis)
		host.vanish()
		time.Sleep(10 * time.Second)
		b := s.member(t, signaling.Join{Room: "r"})
		require.Equal(t, 20_000, b.welcome.HostAwayMillis)
		require.Equal(t, []signaling.Member{{ID: 1}}, b.welcome.Members)
		b.signal(1, `"kept"`)
		b.wantNothing()
		a = s.resume(t, a)
		require.Equal(t, 20_000, a.welcome.HostAwayMillis, "and who comes back, too")

		back := s.resume(t, host) // within its grace time: it is host again, with its id
		require.Zero(t, back.welcome.HostAwayMillis)
		back.wantSignal(b, `"kept"`)
		back.send(signaling.Lock{})
		b.want(signaling.Lock{})
		require.Len(t, back.welcome.Members, 2)
		c := s.client(t)
		c.send(signaling.Join{Room: "r"})
		c.wantRefused(signaling.CodeLocked)
		a.want(signaling.Lock{})

		shutDown(t, s.Server)
		after := serveInMemory(t, signalserver.Config{ResumeKey: key, Recovery: -1})
		time.Sleep(5 * time.Second)
		a = after.resume(t, a)
		require.Equal(t, 30_000, a.welcome.HostAwayMillis, "a star that was built again waits for its host")
		back = after.resume(t, back)
		a.wantJoined(back)
		back.vanish()
		synctest.Wait()
		time.Sleep(31 * time.Second)
		a.wantRefused(signaling.CodeHostLeft)
	})
}

// A mesh goes on without its host, so nobody waits for it.
func TestNobodyWaitsForTheHostOfAMesh(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		host, _ := pair(t, s, signaling.Mesh)
		host.vanish()
		time.Sleep(time.Second)
		require.Zero(t, s.member(t, signaling.Join{Room: "r"}).welcome.HostAwayMillis)
	})
}

// A host that says leave frees the name at once; so does one that was away, for whoever comes after the grace time.
func TestHostThatLeavesFreesTheName(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		host, a := pair(t, s, signaling.Star)
		host.send(signaling.Leave{})
		a.wantRefused(signaling.CodeHostLeft)
		next := s.member(t, signaling.Join{Room: "r", Topology: signaling.Star})
		require.Equal(t, signaling.Host, next.id())
		next.vanish()
		time.Sleep(31 * time.Second)
		next = s.member(t, signaling.Join{Room: "r", Topology: signaling.Mesh})
		require.Equal(t, signaling.Host, next.id())
	})
}
