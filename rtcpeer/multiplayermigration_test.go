package rtcpeer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	signalingmemory "example.org/rtcpeer/signaling/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// A player is a game over MultiplayerPeer that writes down its signals and packets.
type seedPlayer struct {
	node *rtcpeer.Node
	peer *rtcpeer.MultiplayerPeer
	told []string
}

func (p *seedPlayer) poll(t *testing.T) {
	t.Helper()
	for range 50 {
		require.NoError(t, p.peer.TryPoll())
		for p.peer.GetAvailablePacketCount() > 0 {
			from := p.peer.GetPacketPeer()
			data, err := p.peer.GetPacket()
			require.NoError(t, err)
			p.told = append(p.told, fmt.Sprintf("%d: %s", from, data))
		}
		time.Sleep(100 * time.Millisecond) // of fake time
	}
}

// take returns what was told since the last time.
func (p *seedPlayer) take() []string {
	told := p.told
	p.told = nil
	return told
}

// In the face of Godot's class the host is 1, whoever it is: over a real server's rooms.
func TestMultiplayerPeerOverAnotherHost(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		server := signalingmemory.NewServer()
		defer server.Close()
		network := memory.NewNetwork(memory.Options{Delay: 20 * time.Millisecond})
		var players []*seedPlayer
		for range 4 {
			config := rtcpeer.Config{Topology: rtcpeer.Star, NewRoom: rtcpeer.NewRoom{Migrates: true}, Transport: network.Transport()}
			join := rtcpeer.JoinMessage(config)
			join.Room = "game"
			client, err := server.Join(t.Context(), join)
			require.NoError(t, err)
			node, err := rtcpeer.New(t.Context(), client, config)
			require.NoError(t, err)
			p := &seedPlayer{node: node, peer: rtcpeer.NewMultiplayerPeer(node)}
			p.peer.PeerConnected = func(id rtcpeer.PeerID) { p.told = append(p.told, fmt.Sprint("connected ", id)) }
			p.peer.PeerDisconnected = func(id rtcpeer.PeerID) { p.told = append(p.told, fmt.Sprint("disconnected ", id)) }
			defer func() { closeNode(t, node) }()
			players = append(players, p)
			p.poll(t)
		}
		old, next, a, b := players[0], players[1], players[2], players[3]
		all := []*seedPlayer{next, a, b}
		for _, p := range players {
			p.poll(t)
			p.take()
			require.Equal(t, p == old, p.peer.IsServer())
		}
		nextID, aID, bID := next.peer.GetUniqueID(), a.peer.GetUniqueID(), b.peer.GetUniqueID()

		b.peer.SetTargetPeer(aID) // a reads it after the change
		next.peer.SetTargetPeer(aID)
		require.NoError(t, next.peer.PutPacket([]byte("as a guest")))
		time.Sleep(time.Second)
		require.NoError(t, closeNode(t, old.node))
		for range 3 {
			for _, p := range all {
				p.poll(t)
			}
		}
		require.Equal(t, []string{"disconnected 1"}, next.take(), "who becomes the host keeps the others")
		require.Equal(t, []string{"disconnected 1", fmt.Sprintf("%d: as a guest", nextID), fmt.Sprintf("disconnected %d", nextID), "connected 1"}, a.take())
		require.Equal(t, []string{"disconnected 1", fmt.Sprintf("disconnected %d", nextID), "connected 1"}, b.take())
		require.True(t, next.peer.IsServer())
		require.Equal(t, rtcpeer.PeerID(1), next.peer.GetUniqueID())
		require.Equal(t, aID, a.peer.GetUniqueID())

		a.peer.SetTargetPeer(rtcpeer.TargetPeerServer)
		require.NoError(t, a.peer.PutPacket([]byte("to the host")))
		a.peer.SetTargetPeer(-1)
		require.NoError(t, a.peer.PutPacket([]byte("to the guests")))
		next.peer.SetTargetPeer(rtcpeer.TargetPeerBroadcast)
		require.NoError(t, next.peer.PutPacket([]byte("to all")))
		for _, p := range slices.Backward(all) {
			p.poll(t)
		}
		require.Equal(t, []string{fmt.Sprintf("%d: to the host", aID)}, next.take())
		require.Equal(t, []string{"1: to all"}, a.take())
		require.ElementsMatch(t, []string{fmt.Sprintf("%d: to the guests", aID), "1: to all"}, b.take())

		require.NoError(t, next.node.SetSuccessor(t.Context(), bID))
		require.ErrorIs(t, a.node.SetSuccessor(t.Context(), bID), rtcpeer.ErrNotHost)
		require.ErrorIs(t, next.node.SetSuccessor(t.Context(), 12345), rtcpeer.ErrUnknownPeer)
		require.NoError(t, closeNode(t, next.node))
		for range 3 {
			a.poll(t)
			b.poll(t)
		}
		require.Equal(t, []string{"disconnected 1", fmt.Sprintf("disconnected %d", bID), "connected 1"}, a.take(), "the host has named its successor")
		require.Equal(t, []string{"disconnected 1"}, b.take())
		require.True(t, b.peer.IsServer())
		require.Equal(t, bID, b.node.ID(), "in the Go face ids stay")
		require.NoError(t, closeNode(t, b.node))
		for range 3 {
			a.poll(t)
		}
		require.True(t, a.peer.IsServer(), "alone")
	})
}

// A node that cannot become the host says so, and a room of such ends with its host.
func TestNeverHost(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		server := signalingmemory.NewServer()
		defer server.Close()
		network := memory.NewNetwork(memory.Options{})
		var nodes []*rtcpeer.Node
		for range 3 {
			config := rtcpeer.Config{Topology: rtcpeer.Star, NeverHost: true, NewRoom: rtcpeer.NewRoom{Migrates: true}, Transport: network.Transport()}
			join := rtcpeer.JoinMessage(config)
			join.Room = "game"
			require.NotContains(t, join.Features, signaling.FeatureHost)
			client, err := server.Join(t.Context(), join)
			require.NoError(t, err)
			node, err := rtcpeer.New(t.Context(), client, config)
			require.NoError(t, err)
			defer func() { closeNode(t, node) }()
			nodes = append(nodes, node)
		}
		time.Sleep(5 * time.Second)
		require.NoError(t, nodes[0].Close())
		for _, n := range nodes[1:] {
			for {
				if _, err := n.Receive(t.Context()); err != nil {
					require.ErrorIs(t, err, rtcpeer.ErrHostGone)
					require.ErrorContains(t, err, "nobody there can take its place")
					break
				}
			}
		}
	})
}
