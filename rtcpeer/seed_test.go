package rtcpeer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
)

// The seed's face over both transports, in real time: multiplayer_test.go has the details in fake time.
func TestSeedsFace(t *testing.T) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		t.Run(string(topology), func(t *testing.T) {
			overBoth(t, func(t *testing.T, newTransport func() transport.Transport) { testSeedsFace(t, topology, newTransport) })
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

func testSeedsFace(t *testing.T, topology rtcpeer.Topology, newTransport func() transport.Transport) {
	r := newRoom(topology)
	config := rtcpeer.Config{Channels: []rtcpeer.Mode{rtcpeer.UnreliableOrdered}}
	host := newGame(r.join(t, 1, newTransport(), config))
	a := newGame(r.join(t, 5, newTransport(), config))
	b := newGame(r.join(t, 7, newTransport(), config))
	games := []*game{host, a, b}
	for _, g := range games {
		for _, other := range games {
			if g != other {
				g.untilSignal(t, fmt.Sprintf("connected %d", other.GetUniqueID()))
			}
		}
		require.Len(t, g.emitted(), 2, "each once")
	}
	require.Equal(t, topology == rtcpeer.Star, a.IsServerRelaySupported())

	for channel, modes := range [][]rtcpeer.TransferMode{{0, 1, 2}, {1}} {
		for _, mode := range modes {
			a.SetTransferChannel(channel)
			a.SetTransferMode(mode)
			a.SetTargetPeer(-1)
			require.NoError(t, a.PutPacket(nil), "an empty packet sends nothing")
			require.NoError(t, a.PutPacket([]byte("to b")))
			require.Equal(t, fmt.Sprintf("from 5 channel %d mode %d: to b", channel, mode), b.untilPacket(t))
		}
	}
	start := time.Now()
	require.NoError(t, host.TryPoll())
	require.Zero(t, host.GetAvailablePacketCount(), "all but the host")
	require.NoError(t, host.Poll())
	require.GreaterOrEqual(t, time.Since(start), time.Second, "nothing came")

	require.NoError(t, host.DisconnectPeer(5, true))
	a.untilSignal(t, "disconnected 1")
	b.SetTargetPeer(rtcpeer.TargetPeerServer)
	require.NoError(t, b.PutPacket([]byte("after the force")))
	require.Equal(t, "from 7 channel 0 mode 2: after the force", host.untilPacket(t))
	require.NoError(t, host.TryPoll())
	require.Empty(t, host.emitted(), "with force there is no signal here")

	require.NoError(t, host.DisconnectPeer(7, false))
	host.untilSignal(t, "disconnected 7")
	b.untilSignal(t, "disconnected 1")
	require.NoError(t, b.Close())
	require.Equal(t, rtcpeer.ConnectionDisconnected, b.GetConnectionStatus())
	require.ErrorIs(t, b.TryPoll(), rtcpeer.ErrClosed)
}
