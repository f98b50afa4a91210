package rtcpeer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// A guest that joins while the host is away is told for how long that may be, until the two are linked.
func TestHostAway(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		r := newRoom(rtcpeer.Star)
		r.away = 20_000
		guest := r.join(t, 5, network.Transport(), rtcpeer.Config{})
		require.Equal(t, 20*time.Second, guest.HostAway())
		after(5 * time.Second)
		require.Equal(t, 15*time.Second, guest.HostAway())
		host := r.join(t, 1, network.Transport(), rtcpeer.Config{})
		wantEvent(t, guest, rtcpeer.PeerConnected, 1)
		require.Zero(t, guest.HostAway())
		wantEvent(t, host, rtcpeer.PeerConnected, 5)
		require.NoError(t, host.Close())
		after(20 * time.Second)
		require.Zero(t, guest.HostAway())
	})
}
