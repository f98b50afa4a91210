package rtcpeer_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
)

// The contract, in both topologies and over both transports.
func TestContract(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		test func(t *testing.T, topology rtcpeer.Topology, newTransport func() transport.Transport)
	}{
		{"targets", testTargets},
		{"modes and channels", testModesAndChannels},
		{"sizes", testSizes},
		{"order on a channel", testOrder},
		{"goodbye then close", testGoodbye},
		{"disconnect", testDisconnect},
		{"refuse", testRefuse},
		{"after close", testAfterClose},
	}
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s/%s", topology, tt.name), func(t *testing.T) {
				overBoth(t, func(t *testing.T, newTransport func() transport.Transport) { tt.test(t, topology, newTransport) })
			})
		}
	}
}

func testTargets(t *testing.T, topology rtcpeer.Topology, newTransport func() transport.Transport) {
	nodes := group(t, topology, newTransport, rtcpeer.Config{}, 1, 5, 7, 9)
	tests := []struct {
		name         string
		from, target rtcpeer.PeerID
		want         []rtcpeer.PeerID
	}{
		{"guest to all", 5, rtcpeer.Broadcast, []rtcpeer.PeerID{1, 7, 9}},
		{"guest to the server", 5, rtcpeer.Server, []rtcpeer.PeerID{1}},
		{"guest to one", 5, 9, []rtcpeer.PeerID{9}},
		{"guest to all but one", 5, -7, []rtcpeer.PeerID{1, 9}},
		{"guest to all but the server", 5, -1, []rtcpeer.PeerID{7, 9}},
		{"guest to all but itself", 5, -5, []rtcpeer.PeerID{1, 7, 9}},
		{"all but somebody unknown is all", 5, -1234, []rtcpeer.PeerID{1, 7, 9}},
		{"host to all", 1, rtcpeer.Broadcast, []rtcpeer.PeerID{5, 7, 9}},
		{"host to one", 1, 7, []rtcpeer.PeerID{7}},
		{"host to all but one", 1, -9, []rtcpeer.PeerID{5, 7}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.NoError(t, nodes[tt.from].Send(t.Context(), rtcpeer.Packet{Peer: tt.target, Data: []byte(tt.name)}))
			for id, n := range nodes {
				switch {
				case slices.Contains(tt.want, id):
					wantPacket(t, n, tt.from, 0, rtcpeer.Reliable, tt.name)
				case id != tt.from:
					wantNothingElse(t, nodes[tt.from], n, 0, rtcpeer.Reliable)
				}
			}
		})
	}
	for _, unknown := range []rtcpeer.PeerID{1234, 2147483647} {
		require.ErrorIs(t, nodes[5].Send(t.Context(), rtcpeer.Packet{Peer: unknown, Data: []byte("x")}), rtcpeer.ErrUnknownPeer)
		err := nodes[1].TrySend(rtcpeer.Packet{Peer: unknown, Data: []byte("x")})
		require.ErrorIs(t, err, rtcpeer.ErrUnknownPeer)
		require.ErrorContains(t, err, "is not in the room")
	}
	err := nodes[5].TrySend(rtcpeer.Packet{Peer: 5, Data: []byte("x")})
	require.ErrorIs(t, err, rtcpeer.ErrUnknownPeer, "nobody sends to itself")
	require.ErrorContains(t, err, "5 is this node itself")
	require.Equal(t, []rtcpeer.PeerID{1, 7, 9}, nodes[5].Peers())
	require.Equal(t, topology == rtcpeer.Star, nodes[5].Relays())
}

func testModesAndChannels(t *testing.T, topology rtcpeer.Topology, newTransport func() transport.Transport) {
	channels := []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.UnreliableOrdered, rtcpeer.Unreliable}
	nodes := group(t, topology, newTransport, rtcpeer.Config{Channels: channels}, 1, 5, 7)
	tests := []struct {
		channel    int
		mode, want rtcpeer.Mode
	}{
		{0, rtcpeer.Reliable, rtcpeer.Reliable},
		{0, rtcpeer.UnreliableOrdered, rtcpeer.UnreliableOrdered},
		{0, rtcpeer.Unreliable, rtcpeer.Unreliable},
		{1, rtcpeer.Unreliable, rtcpeer.Reliable}, // the channel's mode decides
		{2, rtcpeer.Reliable, rtcpeer.UnreliableOrdered},
		{3, rtcpeer.Reliable, rtcpeer.Unreliable},
	}
	for _, tt := range tests {
		for _, way := range [][2]rtcpeer.PeerID{{1, 7}, {7, 1}, {5, 7}, {7, 5}} {
			from, to := nodes[way[0]], nodes[way[1]]
			data := fmt.Sprintf("channel %d %v", tt.channel, tt.mode)
			require.NoError(t, from.Send(t.Context(), rtcpeer.Packet{Peer: to.ID(), Channel: tt.channel, Mode: tt.mode, Data: []byte(data)}))
			wantPacket(t, to, from.ID(), tt.channel, tt.want, data)
		}
	}
	for _, bad := range []rtcpeer.Packet{{Channel: 4}, {Channel: -1}, {Mode: 3}, {Mode: 255}} {
		bad.Data = []byte("x")
		require.ErrorIs(t, nodes[5].TrySend(bad), rtcpeer.ErrUnknownChannel)
	}
}

func testSizes(t *testing.T, topology rtcpeer.Topology, newTransport func() transport.Transport) {
	const limit = 16 << 10
	nodes := group(t, topology, newTransport, rtcpeer.Config{}, 1, 5, 7)
	for _, size := range []int{1, 2, 1199, 1200, 1201, 4096, limit - 1, limit} {
		data := bytes.Repeat([]byte{byte(size)}, size)
		for _, mode := range []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.UnreliableOrdered, rtcpeer.Unreliable} {
			require.NoError(t, nodes[5].Send(t.Context(), rtcpeer.Packet{Peer: 7, Mode: mode, Data: data}))
			wantPacket(t, nodes[7], 5, 0, mode, string(data))
		}
	}
	err := nodes[5].Send(t.Context(), rtcpeer.Packet{Peer: 7, Data: make([]byte, limit+1)})
	require.ErrorIs(t, err, rtcpeer.ErrPacketTooLarge)
	require.ErrorContains(t, err, "16385 bytes: want at most 16384")

	for _, target := range []rtcpeer.PeerID{rtcpeer.Broadcast, 7, -1} {
		require.NoError(t, nodes[5].Send(t.Context(), rtcpeer.Packet{Peer: target}), "an empty packet is accepted")
	}
	wantNothingElse(t, nodes[5], nodes[7], 0, rtcpeer.Reliable)
}

func testOrder(t *testing.T, topology rtcpeer.Topology, newTransport func() transport.Transport) {
	nodes := group(t, topology, newTransport, rtcpeer.Config{}, 1, 5, 7)
	const packets = 2000
	go func() {
		for i := range packets {
			if err := nodes[5].Send(t.Context(), rtcpeer.Packet{Peer: 7, Data: fmt.Append(nil, i)}); err != nil {
				t.Errorf("packet %d: %v", i, err)
				return
			}
		}
	}()
	for i := range packets {
		wantPacket(t, nodes[7], 5, 0, rtcpeer.Reliable, fmt.Sprint(i))
	}
}

// What was sent before Close arrives, and then the end, at once and with its reason.
func testGoodbye(t *testing.T, topology rtcpeer.Topology, newTransport func() transport.Transport) {
	nodes := group(t, topology, newTransport, rtcpeer.Config{}, 1, 5, 7)
	const packets = 100
	for i := range packets {
		require.NoError(t, nodes[5].Send(t.Context(), rtcpeer.Packet{Data: fmt.Append(nil, i)}))
	}
	require.NoError(t, nodes[5].Close())
	for _, id := range []rtcpeer.PeerID{1, 7} {
		for i := range packets {
			wantPacket(t, nodes[id], 5, 0, rtcpeer.Reliable, fmt.Sprint(i))
		}
		wantDisconnected(t, nodes[id], 5, rtcpeer.ByPeer)
	}
	require.Equal(t, []rtcpeer.PeerID{7}, nodes[1].Peers())
	require.Equal(t, []rtcpeer.PeerID{1}, nodes[7].Peers())
}

func testDisconnect(t *testing.T, topology rtcpeer.Topology, newTransport func() transport.Transport) {
	nodes := group(t, topology, newTransport, rtcpeer.Config{}, 1, 5, 7)
	require.ErrorIs(t, nodes[1].Disconnect(1234), rtcpeer.ErrUnknownPeer)
	if topology == rtcpeer.Star {
		require.ErrorIs(t, nodes[5].Disconnect(7), rtcpeer.ErrNotHost, "a guest has no link with another")
	}
	require.NoError(t, nodes[1].Send(t.Context(), rtcpeer.Packet{Peer: 5, Data: []byte("you are out")}))
	require.NoError(t, nodes[1].Disconnect(5))
	wantDisconnected(t, nodes[1], 5, rtcpeer.ByUs)
	wantPacket(t, nodes[5], 1, 0, rtcpeer.Reliable, "you are out")
	require.ErrorIs(t, nodes[1].TrySend(rtcpeer.Packet{Peer: 5, Data: []byte("x")}), rtcpeer.ErrUnknownPeer)
	if topology == rtcpeer.Mesh {
		wantDisconnected(t, nodes[5], 1, rtcpeer.ByPeer)
		require.Equal(t, []rtcpeer.PeerID{7}, nodes[5].Peers())
		wantNothingElse(t, nodes[5], nodes[7], 0, rtcpeer.Reliable)
		return
	}
	wantDisconnected(t, nodes[7], 5, rtcpeer.ByPeer)
	wantDisconnected(t, nodes[5], 7, rtcpeer.HostGone)
	wantDisconnected(t, nodes[5], 1, rtcpeer.ByPeer)
	_, err := nodes[5].Receive(t.Context())
	require.ErrorIs(t, err, rtcpeer.ErrHostGone)
	require.Equal(t, rtcpeer.ConnectionDisconnected, nodes[5].Status())
}

func testRefuse(t *testing.T, topology rtcpeer.Topology, newTransport func() transport.Transport) {
	r := newRoom(topology)
	host := r.join(t, 1, newTransport(), rtcpeer.Config{})
	require.False(t, host.Refuses())
	host.SetRefuse(true)
	guest := r.join(t, 5, newTransport(), rtcpeer.Config{})
	ev := next(t, guest)
	require.Equal(t, rtcpeer.PeerFailed, ev.Kind)
	require.ErrorIs(t, ev.Err, rtcpeer.ErrRefused)
	require.Equal(t, rtcpeer.PeerID(1), ev.Peer)
	if topology == rtcpeer.Star {
		_, err := guest.Receive(t.Context())
		require.ErrorIs(t, err, rtcpeer.ErrRefused, "without a host a star is over")
	}
	wantTurnedAway(t, host, 5, "new connections are refused")
	_, err := host.TryReceive()
	require.ErrorIs(t, err, rtcpeer.ErrNoEvent)

	host.SetRefuse(false)
	other := r.join(t, 7, newTransport(), rtcpeer.Config{})
	require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
	require.Equal(t, rtcpeer.PeerConnected, next(t, other).Kind)
}

func testAfterClose(t *testing.T, topology rtcpeer.Topology, newTransport func() transport.Transport) {
	nodes := group(t, topology, newTransport, rtcpeer.Config{}, 1, 5)
	require.NoError(t, nodes[1].Send(t.Context(), rtcpeer.Packet{Data: []byte("never read")}))
	n := nodes[5]
	require.Equal(t, rtcpeer.ConnectionConnected, n.Status())
	waiting := make(chan error, 1)
	go func() {
		for {
			if _, err := n.Receive(context.Background()); err != nil {
				waiting <- err
				return
			}
		}
	}()
	for range 8 {
		go n.Close()
	}
	require.NoError(t, n.Close())
	require.NoError(t, n.Close(), "twice is legal")
	require.ErrorIs(t, <-waiting, rtcpeer.ErrClosed)
	require.Equal(t, rtcpeer.ConnectionDisconnected, n.Status())
	require.Empty(t, n.Peers())
	_, err := n.TryReceive()
	require.ErrorIs(t, err, rtcpeer.ErrClosed)
	require.ErrorIs(t, n.Send(t.Context(), rtcpeer.Packet{Data: []byte("x")}), rtcpeer.ErrClosed)
	require.ErrorIs(t, n.TrySend(rtcpeer.Packet{Peer: 1, Data: []byte("x")}), rtcpeer.ErrClosed)
	wantDisconnected(t, nodes[1], 5, rtcpeer.ByPeer)
}

// The hosts of several rooms may share a transport, and so a UDP port. One that closes does not disturb the others.
func TestNodesShareATransport(t *testing.T) {
	overBoth(t, func(t *testing.T, newTransport func() transport.Transport) {
		shared := newTransport()
		var hosts, guests [2]*rtcpeer.Node
		for i := range hosts {
			r := newRoom(rtcpeer.Star)
			hosts[i] = r.join(t, 1, shared, rtcpeer.Config{})
			guests[i] = r.join(t, 5, newTransport(), rtcpeer.Config{})
			wantEvent(t, hosts[i], rtcpeer.PeerConnected, 5)
			wantEvent(t, guests[i], rtcpeer.PeerConnected, 1)
		}
		require.NoError(t, hosts[0].Close())
		require.NoError(t, guests[1].Send(t.Context(), rtcpeer.Packet{Peer: rtcpeer.Server, Data: []byte("still here")}))
		wantPacket(t, hosts[1], 5, 0, rtcpeer.Reliable, "still here")
	})
}
