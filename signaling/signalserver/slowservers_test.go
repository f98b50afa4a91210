package signalserver_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// While the ICE servers of a member take their time, its room goes on, and what is sent to it waits for its welcome.
func TestRoomGoesOnWhileICEServersAreMade(t *testing.T) {
	release := make(chan struct{})
	var s *server
	s = serve(t, signalserver.Config{ICEServersFor: func(room signaling.RoomName, id signaling.PeerID) ([]signaling.ICEServer, time.Duration) {
		if id != signaling.Host {
			s.Members(room) // no lock is held
			<-release
		}
		return nil, 0
	}})
	host := s.member(t, signaling.Join{Room: "r"})
	guest := s.client(t)
	guest.send(signaling.Join{Room: "r"})
	joined, ok := host.receive().(signaling.Joined)
	require.True(t, ok, "the host is told at once")
	host.signal(joined.Member.ID, `"offer"`)
	host.send(signaling.Lock{})
	host.want(signaling.Lock{})
	close(release)
	welcome := guest.wantWelcome()
	require.True(t, welcome.Locked, "the welcome has the state of the room at its moment")
	guest.wantSignal(host, `"offer"`)
}

// A member that is taken out before its welcome gets none.
func TestKickedBeforeTheWelcome(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, signalserver.Config{ICEServersFor: func(_ signaling.RoomName, id signaling.PeerID) ([]signaling.ICEServer, time.Duration) {
		if id != signaling.Host {
			<-release
		}
		return nil, 0
	}})
	host := s.member(t, signaling.Join{Room: "r"})
	guest := s.client(t)
	guest.send(signaling.Join{Room: "r"})
	joined := host.receive().(signaling.Joined)
	host.send(signaling.Kick{ID: joined.Member.ID})
	guest.wantRefused(signaling.CodeKicked)
	close(release)
	host.want(signaling.Left{ID: joined.Member.ID, Reason: signaling.LeftKicked})
}
