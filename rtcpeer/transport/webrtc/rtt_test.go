//go:build !js

package webrtc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// quiet returns a path over loopback on which a packet has gone now and then: SCTP acknowledges one that
// comes alone after up to 200 ms, and takes that for the round trip.
func quiet(t *testing.T) (from, to transport.Path) {
	t.Helper()
	from, to = transporttest.Connect(t, newTransport(t, webrtc.Config{}), newTransport(t, webrtc.Config{}), transporttest.Config())
	go discard(to.Lane(2))
	for range 12 {
		require.NoError(t, from.Lane(2).Write(make([]byte, 100)))
		<-time.After(150 * time.Millisecond)
	}
	return from, to
}

func discard(lane transport.Lane) {
	buf := make([]byte, 64<<10)
	for {
		if _, err := lane.Read(buf); err != nil {
			return
		}
	}
}

func TestRTTWithoutDelayedAcks(t *testing.T) {
	t.Parallel()
	from, to := quiet(t)
	for _, path := range []transport.Path{from, to} {
		// A busy machine may answer one question late; SCTP's figure here is 100 ms and more, and stays so.
		require.Eventually(t, func() bool {
			rtt := path.Stats().RTT
			return 0 < rtt && rtt < 50*time.Millisecond
		}, 20*time.Second, 10*time.Millisecond, "%v", path.Stats().RTT)
	}
}

// 53 packets, as of a game's state that is told once, are no reason to drop any: the network is idle.
func TestNoLagAfterAQuietTime(t *testing.T) {
	t.Parallel()
	for try := 1; ; try++ { // the machine may have stopped for a moment
		from, _ := quiet(t)
		var most time.Duration
		for range 53 {
			require.NoError(t, from.Lane(2).Write(make([]byte, 1200)))
			most = max(most, from.Lane(2).Lag())
		}
		if most < 100*time.Millisecond {
			return
		}
		require.Less(t, try, 5, "%v", most)
	}
}
