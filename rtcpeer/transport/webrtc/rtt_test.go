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

func TestRoundTripIsTheNetworks(t *testing.T) {
	t.Parallel()
	from, to := quiet(t)
	// Busy machines answer late; SCTP's figure here is 100 ms and more.
	require.Less(t, from.Stats().RTT, 50*time.Millisecond)
	require.Less(t, to.Stats().RTT, 50*time.Millisecond)
	require.NotZero(t, from.Stats().RTT)
	require.NotZero(t, to.Stats().RTT)
}

// 53 packets, as of a game's state that is told once, are no reason to drop any: the network is idle.
func TestNoLagAfterAQuietTime(t *testing.T) {
	t.Parallel()
	from, _ := quiet(t)
	var most time.Duration
	for range 53 {
		require.NoError(t, from.Lane(2).Write(make([]byte, 1200)))
		most = max(most, from.Lane(2).Lag())
	}
	require.Less(t, most, 100*time.Millisecond)
}
