//go:build !js

package webrtc_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// The last packet of a burst arrives, although no later packet and no control frame makes the path look at what waits.
// It may have to wait for the window, and all that is in flight may be acknowledged at this very moment.
// Before that was seen, one of some 3,000 bursts stayed there for good.
func TestLastPacketOfABurst(t *testing.T) {
	t.Parallel()
	const size, bursts = 16 << 10, 300
	config := transport.PathConfig{Lanes: []transport.LaneConfig{{ID: 1, Label: "reliable", Mode: transport.Reliable}}}
	from, to := transporttest.Connect(t, newTransport(t, webrtc.Config{}), newTransport(t, webrtc.Config{}), config)
	from.Lane(0).NotifyLow(1<<20, func() {}) // no burst is so large, so no acknowledgement passes the limit
	p := make([]byte, size)
	for i := range bursts {
		packets := 3 + i%16
		for range packets {
			require.NoError(t, from.Lane(0).Write(p))
		}
		for range packets {
			_, err := to.Lane(0).Read(p)
			require.NoError(t, err)
		}
	}
}
