package rtcpeer_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// game is a MultiplayerPeer with its signals written down.
type game struct {
	*rtcpeer.MultiplayerPeer
	signals []string
}

func newGame(n rtcpeer.Peer) *game {
	g := &game{MultiplayerPeer: rtcpeer.NewMultiplayerPeer(n)}
	g.PeerConnected = func(id rtcpeer.PeerID) { g.signals = append(g.signals, fmt.Sprintf("connected %d", id)) }
	g.PeerDisconnected = func(id rtcpeer.PeerID) { g.signals = append(g.signals, fmt.Sprintf("disconnected %d", id)) }
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
	about := fmt.Sprintf("from %d channel %d mode %d: ", g.GetPacketPeer(), g.GetPacketChannel(), g.GetPacketMode())
	data, err := g.GetPacket()
	require.NoError(t, err)
	require.NoError(t, g.GetPacketError())
	return about + string(data)
}

// play runs a test with a host and two guests whose connecting has been polled away.
func play(t *testing.T, topology rtcpeer.Topology, test func(t *testing.T, host, a, b *game)) {
	t.Run(string(topology), func(t *testing.T) {
		bubble.Test(t, func(t *testing.T) {
			network := memory.NewNetwork(memory.Options{})
			config := rtcpeer.Config{Channels: []rtcpeer.Mode{rtcpeer.UnreliableOrdered}}
			r := newRoom(topology)
			var games []*game
			for _, id := range []rtcpeer.PeerID{1, 5, 7} {
				games = append(games, newGame(r.join(t, id, network.Transport(), config)))
			}
			for _, g := range games {
				g.frame(t)
			}
			test(t, games[0], games[1], games[2])
		})
	})
}

func inBoth(t *testing.T, test func(t *testing.T, host, a, b *game)) {
	play(t, rtcpeer.Mesh, test)
	play(t, rtcpeer.Star, test)
}

func TestMultiplayerPeerDefaults(t *testing.T) {
	inBoth(t, func(t *testing.T, host, a, _ *game) {
		require.Equal(t, rtcpeer.TransferModeReliable, a.GetTransferMode())
		require.Equal(t, 0, a.GetTransferChannel())
		require.False(t, a.IsRefusingNewConnections())
		require.Equal(t, rtcpeer.ConnectionConnected, a.GetConnectionStatus())
		require.Equal(t, rtcpeer.PeerID(5), a.GetUniqueID())
		require.True(t, host.IsServer())
		require.False(t, a.IsServer())
		require.ElementsMatch(t, []string{"connected 1", "connected 7"}, a.emitted())
		require.Zero(t, a.GetAvailablePacketCount())
		require.Zero(t, a.GetPacketPeer())
		_, err := a.GetPacket()
		require.ErrorIs(t, err, rtcpeer.ErrUnavailable)
		require.ErrorIs(t, a.GetPacketError(), rtcpeer.ErrUnavailable)
		a.SetRefuseNewConnections(true)
		require.True(t, a.IsRefusingNewConnections())
	})
	require.Equal(t, [3]rtcpeer.TransferMode{0, 1, 2}, [3]rtcpeer.TransferMode{
		rtcpeer.TransferModeUnreliable, rtcpeer.TransferModeUnreliableOrdered, rtcpeer.TransferModeReliable})
	require.Equal(t, [3]rtcpeer.ConnectionStatus{0, 1, 2}, [3]rtcpeer.ConnectionStatus{
		rtcpeer.ConnectionDisconnected, rtcpeer.ConnectionConnecting, rtcpeer.ConnectionConnected})
	require.Equal(t, [2]rtcpeer.PeerID{0, 1}, [2]rtcpeer.PeerID{rtcpeer.TargetPeerBroadcast, rtcpeer.TargetPeerServer})
}

func TestMultiplayerPeerPackets(t *testing.T) {
	inBoth(t, func(t *testing.T, host, a, b *game) {
		a.SetTargetPeer(rtcpeer.TargetPeerServer)
		require.NoError(t, a.PutPacket([]byte("one"))) // reliable, unless told otherwise
		a.SetTransferMode(rtcpeer.TransferModeUnreliable)
		require.NoError(t, a.PutPacket([]byte("two"))) // the target is sticky
		a.SetTransferMode(rtcpeer.TransferModeUnreliableOrdered)
		a.SetTargetPeer(rtcpeer.TargetPeerBroadcast)
		require.NoError(t, a.PutPacket([]byte("three")))
		a.SetTransferChannel(1)
		a.SetTransferMode(rtcpeer.TransferModeReliable) // not asked: the channel decides
		a.SetTargetPeer(-7)
		require.NoError(t, a.PutPacket([]byte("four")))
		require.NoError(t, a.PutPacket(nil), "an empty packet sends nothing")

		host.frame(t)
		require.Equal(t, 4, host.GetAvailablePacketCount())
		got := []string{host.get(t), host.get(t), host.get(t), host.get(t)}
		require.ElementsMatch(t, []string{
			"from 5 channel 0 mode 2: one", "from 5 channel 0 mode 0: two",
			"from 5 channel 0 mode 1: three", "from 5 channel 1 mode 1: four",
		}, got)
		b.frame(t)
		require.Equal(t, "from 5 channel 0 mode 1: three", b.get(t))
		require.Zero(t, b.GetAvailablePacketCount())

		a.SetTargetPeer(1234)
		require.ErrorIs(t, a.PutPacket([]byte("x")), rtcpeer.ErrUnknownPeer)
		a.SetTargetPeer(0)
		a.SetTransferChannel(2)
		require.ErrorIs(t, a.PutPacket([]byte("x")), rtcpeer.ErrUnknownChannel)
		a.SetTransferChannel(0)
		a.SetTransferMode(3)
		require.ErrorIs(t, a.PutPacket([]byte("x")), rtcpeer.ErrUnknownChannel)
		a.SetTransferMode(rtcpeer.TransferModeReliable)
		require.ErrorIs(t, a.PutPacket(make([]byte, 1<<20)), rtcpeer.ErrPacketTooLarge)
	})
}

// A packet comes before its sender's disconnected, although the game gets it after the poll.
func TestMultiplayerPeerKeepsTheOrder(t *testing.T) {
	inBoth(t, func(t *testing.T, host, a, b *game) {
		host.emitted()
		require.NoError(t, a.PutPacket([]byte("goodbye")))
		require.NoError(t, a.Close())
		synctest.Wait() // between two peers there is no order
		require.NoError(t, b.PutPacket([]byte("still here")))
		host.frame(t)
		require.Equal(t, "from 5 channel 0 mode 2: goodbye", host.get(t))
		for range 3 {
			if host.frame(t); host.GetAvailablePacketCount() > 0 {
				require.Equal(t, "from 7 channel 0 mode 2: still here", host.get(t))
			}
		}
		require.Equal(t, []string{"disconnected 5"}, host.emitted())
	})
}

func TestMultiplayerPeerDisconnect(t *testing.T) {
	tests := []struct {
		force bool
		want  []string
	}{
		{false, []string{"disconnected 5"}},
		{true, nil},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("force %v", tt.force), func(t *testing.T) {
			inBoth(t, func(t *testing.T, host, a, _ *game) {
				host.emitted()
				a.emitted()
				a.SetTargetPeer(1)
				require.NoError(t, a.PutPacket([]byte("unread")))
				host.frame(t)
				require.NoError(t, host.DisconnectPeer(5, tt.force))
				require.Equal(t, tt.force, host.GetAvailablePacketCount() == 0, "force drops what was not got")
				if !tt.force {
					require.Equal(t, "from 5 channel 0 mode 2: unread", host.get(t))
				}
				host.frame(t)
				host.frame(t)
				require.Equal(t, tt.want, host.emitted())
				require.ErrorIs(t, host.DisconnectPeer(5, tt.force), rtcpeer.ErrUnknownPeer)

				synctest.Wait()
				a.TryPoll()
				require.Contains(t, a.emitted(), "disconnected 1", "the other end always learns it")
			})
		})
	}
}

func TestMultiplayerPeerClose(t *testing.T) {
	inBoth(t, func(t *testing.T, host, a, b *game) {
		a.emitted()
		require.NoError(t, host.PutPacket([]byte("unread")))
		a.frame(t)
		require.NoError(t, a.Close())
		require.Equal(t, rtcpeer.ConnectionDisconnected, a.GetConnectionStatus())
		require.Zero(t, a.GetAvailablePacketCount())
		require.ErrorIs(t, a.TryPoll(), rtcpeer.ErrClosed)
		require.ErrorIs(t, a.Poll(), rtcpeer.ErrClosed)
		require.ErrorIs(t, a.PutPacket([]byte("x")), rtcpeer.ErrClosed)
		require.Empty(t, a.emitted(), "no signals here")
		host.emitted()
		host.frame(t)
		require.Equal(t, []string{"disconnected 5"}, host.emitted())
	})
}

// Poll waits for something, for up to a second; TryPoll never does.
func TestMultiplayerPeerPollWaits(t *testing.T) {
	inBoth(t, func(t *testing.T, host, a, _ *game) {
		start := time.Now()
		a.emitted()
		require.NoError(t, a.TryPoll())
		require.Zero(t, time.Since(start))
		require.NoError(t, a.Poll())
		require.Equal(t, time.Second, time.Since(start), "nothing came")
		time.AfterFunc(300*time.Millisecond, func() { host.PutPacket([]byte("tick")) })
		start = time.Now()
		require.NoError(t, a.Poll())
		require.Equal(t, 300*time.Millisecond, time.Since(start))
		require.NoError(t, a.Poll())
		require.Equal(t, 300*time.Millisecond, time.Since(start), "what is there is to be got first")
		require.Equal(t, "from 1 channel 0 mode 2: tick", a.get(t))
	})
}

// A game that polls and does not get its packets keeps no more than a poll takes over.
func TestMultiplayerPeerTakesOverSoMuch(t *testing.T) {
	play(t, rtcpeer.Mesh, func(t *testing.T, host, a, _ *game) {
		for range 10000 {
			host.PutPacket([]byte("x"))
			require.NoError(t, a.TryPoll())
		}
		require.LessOrEqual(t, a.GetAvailablePacketCount(), 4096)
	})
}

func TestMultiplayerPeerFailed(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		r := newRoom(rtcpeer.Mesh)
		a := newGame(r.join(t, 1, network.Transport(), rtcpeer.Config{Refuse: true}))
		b := newGame(r.join(t, 5, network.Transport(), rtcpeer.Config{}))
		var failure *rtcpeer.PeerError
		b.PeerFailed = func(err *rtcpeer.PeerError) { failure = err }
		a.frame(t)
		b.frame(t)
		require.ErrorIs(t, failure, rtcpeer.ErrRefused)
		require.Empty(t, b.emitted())
	})
}

func TestGenerateUniqueID(t *testing.T) {
	seen := make(map[rtcpeer.PeerID]bool)
	for range 1000 {
		id := rtcpeer.GenerateUniqueID()
		require.Greater(t, id, rtcpeer.Server)
		seen[id] = true
	}
	require.Greater(t, len(seen), 990)
}

func TestOffline(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var peer rtcpeer.Offline
		g := newGame(&peer)
		require.Equal(t, rtcpeer.ConnectionConnected, g.GetConnectionStatus())
		require.Equal(t, rtcpeer.Server, g.GetUniqueID())
		require.True(t, g.IsServer())
		require.False(t, g.IsServerRelaySupported())
		require.NoError(t, g.PutPacket([]byte("to nobody")))
		require.NoError(t, g.Poll())
		require.Zero(t, g.GetAvailablePacketCount())
		require.ErrorIs(t, g.DisconnectPeer(5, false), rtcpeer.ErrUnknownPeer)
		require.ErrorIs(t, peer.Send(t.Context(), rtcpeer.Packet{Peer: 5}), rtcpeer.ErrUnknownPeer)
		require.NoError(t, peer.Send(t.Context(), rtcpeer.Packet{Data: []byte("x")}))
		require.Empty(t, peer.Peers())
		peer.SetRefuse(true)
		require.True(t, peer.Refuses())
		require.NoError(t, peer.Close())
		require.NoError(t, peer.Close())
		_, err := peer.Receive(t.Context())
		require.ErrorIs(t, err, rtcpeer.ErrClosed)
	})
}

var (
	_ rtcpeer.Peer        = (*rtcpeer.Node)(nil)
	_ rtcpeer.Peer        = (*rtcpeer.Offline)(nil)
	_ transport.Transport = (*memory.Transport)(nil)
)
