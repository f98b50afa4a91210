package multiplayer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/multiplayer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// In real time, over both transports: peer_test.go has the details in fake time.
func TestRealTime(t *testing.T) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		t.Run(string(topology), func(t *testing.T) {
			t.Parallel()
			t.Run("memory", func(t *testing.T) {
				t.Parallel()
				network := memory.NewNetwork(memory.Options{})
				testRealTime(t, topology, func() transport.Transport { return network.Transport() })
			})
			t.Run("webrtc", func(t *testing.T) {
				t.Parallel()
				testRealTime(t, topology, func() transport.Transport {
					tr, err := webrtc.New(webrtc.Config{MaxMessage: 32 << 10})
					require.NoError(t, err)
					t.Cleanup(func() { tr.Close() })
					return tr
				})
			})
		})
	}
}

// until polls until something holds; each poll waits for an event for up to a second.
func (g *game) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for start := time.Now(); !holds(); {
		if err := g.Poll(); !holds() { // the poll that shows the last signal of a star also tells its end
			require.NoError(t, err, what)
		}
		require.Less(t, time.Since(start), 30*time.Second, "waits for %s; signals %v", what, g.signals)
	}
}

func (g *game) untilSignal(t *testing.T, signal string) {
	t.Helper()
	g.until(t, signal, func() bool { return slices.Contains(g.signals, signal) })
}

func (g *game) untilPacket(t *testing.T) string {
	t.Helper()
	g.until(t, "a packet", func() bool { return g.GetAvailablePacketCount() > 0 })
	return g.get(t)
}

func testRealTime(t *testing.T, topology rtcpeer.Topology, newTransport func() transport.Transport) {
	host, a, b := joinThree(t, topology, newTransport)
	games := []*game{host, a, b}
	for _, g := range games {
		for _, other := range games {
			if g != other {
				g.untilSignal(t, "connected "+g.names[other.id])
			}
		}
		require.Len(t, g.emitted(), 2, "each once")
	}
	require.Equal(t, topology == rtcpeer.Star, a.IsServerRelaySupported())

	for channel, modes := range [][]multiplayer.TransferMode{{0, 1, 2}, {1}} {
		for _, mode := range modes {
			a.SetTransferChannel(channel)
			a.SetTransferMode(mode)
			a.SetTargetPeer(-1)
			require.NoError(t, a.PutPacket(nil), "an empty packet sends nothing")
			require.NoError(t, a.PutPacket([]byte("to b")))
			require.Equal(t, fmt.Sprintf("from a channel %d mode %d: to b", channel, mode), b.untilPacket(t))
		}
	}
	start := time.Now()
	require.NoError(t, host.TryPoll())
	require.Zero(t, host.GetAvailablePacketCount(), "all but the host")
	require.NoError(t, host.Poll())
	require.GreaterOrEqual(t, time.Since(start), time.Second, "nothing came")

	require.NoError(t, host.DisconnectPeer(a.id, true))
	a.untilSignal(t, "disconnected host")
	b.SetTargetPeer(rtcpeer.Server)
	require.NoError(t, b.PutPacket([]byte("after the force")))
	require.Equal(t, "from b channel 0 mode 2: after the force", host.untilPacket(t))
	require.NoError(t, host.TryPoll())
	require.Empty(t, host.emitted(), "with force there is no signal here")

	require.NoError(t, host.DisconnectPeer(b.id, false))
	host.untilSignal(t, "disconnected b")
	b.untilSignal(t, "disconnected host")
	require.NoError(t, b.Close())
	require.Equal(t, rtcpeer.ConnectionDisconnected, b.GetConnectionStatus())
	require.ErrorIs(t, b.TryPoll(), rtcpeer.ErrClosed)
}
