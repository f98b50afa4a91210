package signalserver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

func TestLockedRoomTakesNobodyNewUntilItIsOpened(t *testing.T) {
	s := serve(t, signalserver.Config{})
	host, a := pair(t, s, signaling.Mesh)
	a.send(signaling.Lock{})
	a.wantError(signaling.CodeNotHost)
	host.send(signaling.Lock{})
	host.want(signaling.Lock{})
	a.want(signaling.Lock{})
	c := s.client(t)
	c.send(signaling.Join{Room: "r"})
	c.wantRefused(signaling.CodeLocked)
	require.True(t, s.resume(t, a).welcome.Locked, "a member may come back")

	host.send(signaling.Lock{Open: true})
	host.want(signaling.Lock{Open: true})
	require.False(t, s.member(t, signaling.Join{Room: "r"}).welcome.Locked)
}

func TestKick(t *testing.T) {
	for _, topology := range []signaling.Topology{signaling.Mesh, signaling.Star} {
		t.Run(string(topology), func(t *testing.T) {
			s := serve(t, signalserver.Config{})
			host, a := pair(t, s, topology)
			a.send(signaling.Kick{ID: 1})
			a.wantError(signaling.CodeNotHost)
			host.send(signaling.Kick{ID: 1})
			host.wantError(signaling.CodeUnknownPeer)
			host.send(signaling.Kick{ID: 99})
			host.wantError(signaling.CodeUnknownPeer)

			host.send(signaling.Kick{ID: a.id(), Text: "be nice"})
			require.Equal(t, "be nice", a.wantError(signaling.CodeKicked).Text)
			a.wantClosed(1008, "kicked")
			host.wantLeft(a, signaling.LeftKicked)
			s.refuseResume(t, signaling.Join{Resume: a.welcome.Resume})
			again := s.member(t, signaling.Join{Room: "r"})
			require.NotEqual(t, a.id(), again.id())
			require.EqualValues(t, 1, s.Stats().Kicks)
		})
	}
}

func TestKickOfAMemberThatIsAway(t *testing.T) {
	s := serve(t, signalserver.Config{})
	host, a := pair(t, s, signaling.Mesh)
	a.vanish()
	s.eventually(t, "a is lost", func(st signalserver.Stats) bool { return st.Sessions == 1 })
	host.send(signaling.Kick{ID: a.id()})
	host.wantLeft(a, signaling.LeftKicked)
	s.refuseResume(t, signaling.Join{Resume: a.welcome.Resume})
}
