package signalertest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
)

// testNodes has three nodes meet, and the host lock the room and kick one of them.
func testNodes(t *testing.T, h *hall, topology rtcpeer.Topology) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	network := memory.NewNetwork(memory.Options{})
	var nodes [3]*rtcpeer.Node
	for i := range nodes {
		config := rtcpeer.Config{Topology: topology, Transport: network.Transport()}
		join := rtcpeer.JoinMessage(config)
		join.Room = "hall"
		s, err := h.join(ctx, join)
		require.NoError(t, err)
		nodes[i], err = rtcpeer.New(ctx, s, config)
		require.NoError(t, err)
		t.Cleanup(func() { nodes[i].Close() })
	}
	for _, n := range nodes {
		for range len(nodes) - 1 {
			await(ctx, t, n, rtcpeer.PeerConnected)
		}
	}
	host, guest, kicked := nodes[0], nodes[1], nodes[2]
	require.NoError(t, guest.Send(ctx, rtcpeer.Packet{Peer: rtcpeer.Broadcast, Data: []byte("hello")}))
	for _, n := range []*rtcpeer.Node{host, kicked} {
		ev := await(ctx, t, n, rtcpeer.PacketReceived)
		require.Equal(t, "hello", string(ev.Packet.Data))
		require.Equal(t, guest.ID(), ev.Peer)
	}

	require.NoError(t, host.SetLocked(ctx, true), "it waits for the server's word")
	require.True(t, host.Locked())
	h.refused(signaling.Join{}, signaling.CodeLocked)

	require.NoError(t, host.Kick(ctx, kicked.ID(), "no cheating"))
	require.Equal(t, kicked.ID(), await(ctx, t, guest, rtcpeer.PeerDisconnected).Peer)
	for {
		if _, err := kicked.Receive(ctx); err != nil {
			require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeKicked})
			return
		}
	}
}

// await reads a node's events until one of a kind.
func await(ctx context.Context, t *testing.T, n *rtcpeer.Node, kind rtcpeer.EventKind) rtcpeer.Event {
	t.Helper()
	for {
		ev, err := n.Receive(ctx)
		require.NoError(t, err)
		if ev.Kind == kind {
			return ev
		}
	}
}
