package multiplayer_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/multiplayer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	signaling "example.org/rtcpeer/signaling/memory"
	"example.org/rtcpeer/testdata/atonce"
	"example.org/rtcpeer/testdata/bubble"
)

func TestMain(m *testing.M) {
	atonce.Set(4)
	goleak.VerifyTestMain(m)
}

// A game is a Peer with its signals written down. It shows the others by their names.
type game struct {
	*multiplayer.Peer
	node    *rtcpeer.Node
	id      rtcpeer.PeerID
	names   map[rtcpeer.PeerID]string // of all in the room
	signals []string
}

// joinGame joins a room of the server under a name.
func joinGame(t *testing.T, server *signaling.Server, names map[rtcpeer.PeerID]string, name string, config rtcpeer.Config) *game {
	t.Helper()
	message := rtcpeer.JoinMessage(config)
	message.Room = "game"
	client, err := server.Join(t.Context(), message)
	require.NoError(t, err)
	node, err := rtcpeer.New(t.Context(), client, config)
	require.NoError(t, err)
	t.Cleanup(func() { node.Close() })
	g := &game{Peer: multiplayer.New(node), node: node, id: node.ID(), names: names}
	names[g.id] = name
	g.PeerConnected = func(id rtcpeer.PeerID) { g.signals = append(g.signals, "connected "+names[id]) }
	g.PeerDisconnected = func(id rtcpeer.PeerID) { g.signals = append(g.signals, "disconnected "+names[id]) }
	return g
}

// emitted returns the signals since the last call.
func (g *game) emitted() []string {
	s := g.signals
	g.signals = nil
	return s
}

// frame is one frame of a game loop, after everything in the air has arrived.
func (g *game) frame(t *testing.T) {
	t.Helper()
	synctest.Wait()
	require.NoError(t, g.TryPoll())
}

// get takes the next packet with its three getters, which are asked before.
func (g *game) get(t *testing.T) string {
	t.Helper()
	about := fmt.Sprintf("from %s channel %d mode %d: ", g.names[g.GetPacketPeer()], g.GetPacketChannel(), g.GetPacketMode())
	data, err := g.GetPacket()
	require.NoError(t, err)
	require.NoError(t, g.GetPacketError())
	return about + string(data)
}

// joinThree joins a host and two guests, a and b. Channel 1 is unreliable ordered.
func joinThree(t *testing.T, topology rtcpeer.Topology, newTransport func() transport.Transport) (host, a, b *game) {
	t.Helper()
	server := signaling.NewServer()
	t.Cleanup(server.Close)
	names := make(map[rtcpeer.PeerID]string)
	join := func(name string) *game {
		config := rtcpeer.Config{Topology: topology, Channels: []rtcpeer.Mode{rtcpeer.UnreliableOrdered}, Transport: newTransport()}
		return joinGame(t, server, names, name, config)
	}
	return join("host"), join("a"), join("b")
}

// play runs a test in fake time, with a host and two guests whose connecting was polled.
func play(t *testing.T, topology rtcpeer.Topology, test func(t *testing.T, host, a, b *game)) {
	t.Run(string(topology), func(t *testing.T) {
		bubble.Test(t, func(t *testing.T) {
			network := memory.NewNetwork(memory.Options{})
			host, a, b := joinThree(t, topology, func() transport.Transport { return network.Transport() })
			for _, g := range []*game{host, a, b} {
				g.frame(t)
			}
			test(t, host, a, b)
		})
	})
}

func inBoth(t *testing.T, test func(t *testing.T, host, a, b *game)) {
	t.Helper()
	play(t, rtcpeer.Mesh, test)
	play(t, rtcpeer.Star, test)
}
