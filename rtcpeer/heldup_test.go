//go:build !js

package rtcpeer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// A program that does not receive holds up its reliable lanes, until the other end can send nothing more on them.
// That is no silence: the control lane has room in the receive window of SCTP, and the link is not interrupted.
func TestHeldUpLaneDoesNotInterruptTheLink(t *testing.T) {
	t.Parallel()
	r := newRoom(rtcpeer.Mesh)
	config := rtcpeer.Config{Channels: []rtcpeer.Mode{rtcpeer.Reliable}, WebRTC: webrtc.Config{Loopback: true}}
	join := func(id rtcpeer.PeerID) *rtcpeer.Node {
		n, err := rtcpeer.New(t.Context(), r.enterAs(id, rtcpeer.Describe(config)), config)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, n.Close()) })
		return n
	}
	a, b := join(1), join(5)
	require.Equal(t, rtcpeer.PeerConnected, next(t, a).Kind)
	require.Equal(t, rtcpeer.PeerConnected, next(t, b).Kind)
	full := func() bool {
		for channel := range 2 {
			for a.TrySend(rtcpeer.Packet{Peer: 5, Channel: channel, Data: make([]byte, 16<<10)}) == nil {
			}
		}
		lanes := a.Stats().Links[5].Lanes
		return lanes[0].Buffered > 1000<<10 && lanes[3].Buffered > 1000<<10
	}
	require.Eventually(t, full, 20*time.Second, 10*time.Millisecond)
	require.Never(t, func() bool {
		return a.Stats().Links[5].Interrupted || b.Stats().Links[1].Interrupted
	}, 4*time.Second, 50*time.Millisecond)
	require.Equal(t, 1, a.Stats().Links[5].Paths)
}
