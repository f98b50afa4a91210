package multiplayer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/multiplayer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	signaling "example.org/rtcpeer/signaling/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// loop is five seconds of a game loop. Each packet is written down beside the signals.
func (g *game) loop(t *testing.T) {
	t.Helper()
	for range 50 {
		require.NoError(t, g.TryPoll())
		for g.GetAvailablePacketCount() > 0 {
			from := g.names[g.GetPacketPeer()]
			data, err := g.GetPacket()
			require.NoError(t, err)
			g.signals = append(g.signals, fmt.Sprintf("%s: %s", from, data))
		}
		time.Sleep(100 * time.Millisecond) // of fake time
	}
}

// The present host has id 1 for a Peer, whichever member it is.
func TestNewHostHasID1(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		server := signaling.NewServer()
		defer server.Close()
		network, names := memory.NewNetwork(memory.Options{Delay: 20 * time.Millisecond}), make(map[rtcpeer.PeerID]string)
		join := func(name string) *game {
			config := rtcpeer.Config{Topology: rtcpeer.Star, NewRoom: rtcpeer.NewRoom{Migrates: true}, Transport: network.Transport()}
			g := joinGame(t, server, names, name, config)
			g.loop(t)
			return g
		}
		old, next, a, b := join("1"), join("next"), join("a"), join("b")
		for _, g := range []*game{old, next, a, b} {
			g.loop(t)
			g.emitted()
			require.Equal(t, g == old, g.IsServer())
		}
		all := []*game{next, a, b}

		b.SetTargetPeer(a.id) // a reads it after the change
		next.SetTargetPeer(a.id)
		require.NoError(t, next.PutPacket([]byte("as a guest")))
		time.Sleep(time.Second)
		old.Close()
		for range 3 {
			for _, g := range all {
				g.loop(t)
			}
		}
		require.Equal(t, []string{"disconnected 1"}, next.emitted(), "who becomes the host keeps the others")
		require.Equal(t, []string{"disconnected 1", "next: as a guest", "disconnected next", "connected 1"}, a.emitted())
		require.Equal(t, []string{"disconnected 1", "disconnected next", "connected 1"}, b.emitted())
		require.True(t, next.IsServer())
		require.Equal(t, rtcpeer.PeerID(1), next.GetUniqueID())
		require.Equal(t, a.id, a.GetUniqueID())

		require.NotZero(t, a.GetPeerRTT(rtcpeer.Server), "1 is the new host")
		require.Equal(t, a.GetPeerRTT(next.id), a.GetPeerRTT(rtcpeer.Server))
		require.Equal(t, a.GetPeerOffset(next.id), a.GetPeerOffset(rtcpeer.Server))
		next.SetTargetPeer(rtcpeer.Server)
		err := next.PutPacket([]byte("to itself"))
		require.ErrorIs(t, err, rtcpeer.ErrUnknownPeer)
		require.ErrorContains(t, err, "this node itself")

		a.SetTargetPeer(rtcpeer.Server)
		require.NoError(t, a.PutPacket([]byte("to the host")))
		a.SetTargetPeer(-1)
		require.NoError(t, a.PutPacket([]byte("to the guests")))
		next.SetTargetPeer(rtcpeer.Broadcast)
		require.NoError(t, next.PutPacket([]byte("to all")))
		for _, g := range slices.Backward(all) {
			g.loop(t)
		}
		require.Equal(t, []string{"a: to the host"}, next.emitted())
		require.Equal(t, []string{"1: to all"}, a.emitted())
		require.ElementsMatch(t, []string{"a: to the guests", "1: to all"}, b.emitted())

		require.NoError(t, next.node.SetSuccessor(t.Context(), b.id))
		require.ErrorIs(t, a.node.SetSuccessor(t.Context(), b.id), rtcpeer.ErrNotHost)
		require.ErrorIs(t, next.node.SetSuccessor(t.Context(), nobody(names)), rtcpeer.ErrUnknownPeer)
		next.Close()
		for range 3 {
			a.loop(t)
			b.loop(t)
		}
		require.Equal(t, []string{"disconnected 1", "disconnected b", "connected 1"}, a.emitted(), "the host has named its successor")
		require.Equal(t, []string{"disconnected 1"}, b.emitted())
		require.True(t, b.IsServer())
		require.Equal(t, b.id, b.node.ID(), "in the Go face ids stay")
		b.Close()
		for range 3 {
			a.loop(t)
		}
		require.True(t, a.IsServer(), "alone")
	})
}

// A host that does not relay is the server, too, whatever its id is: a program that is started again may begin as one.
func TestHostThatDoesNotRelay(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		server := signaling.NewServer()
		defer server.Close()
		network, names := memory.NewNetwork(memory.Options{}), make(map[rtcpeer.PeerID]string)
		join := func(name string) *game {
			config := rtcpeer.Config{Topology: rtcpeer.Star, NoRelay: true, NewRoom: rtcpeer.NewRoom{Migrates: true}, Transport: network.Transport()}
			g := joinGame(t, server, names, name, config)
			g.loop(t)
			return g
		}
		old, next := join("1"), join("next")
		next.loop(t)
		old.Close()
		next.loop(t)
		require.Equal(t, next.id, next.node.Host())
		require.True(t, next.IsServer())
		require.True(t, multiplayer.New(next.node).IsServer())
	})
}
