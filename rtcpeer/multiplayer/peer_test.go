package multiplayer_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/multiplayer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	signaling "example.org/rtcpeer/signaling/memory"
	"example.org/rtcpeer/testdata/bubble"
)

func TestDefaults(t *testing.T) {
	inBoth(t, func(t *testing.T, host, a, _ *game) {
		require.Equal(t, multiplayer.TransferModeReliable, a.GetTransferMode())
		require.Equal(t, 0, a.GetTransferChannel())
		require.False(t, a.IsRefusingNewConnections())
		require.Equal(t, rtcpeer.ConnectionConnected, a.GetConnectionStatus())
		require.Equal(t, a.node.ID(), a.GetUniqueID())
		require.True(t, host.IsServer())
		require.False(t, a.IsServer())
		require.ElementsMatch(t, []string{"connected host", "connected b"}, a.emitted())
		require.Zero(t, a.GetAvailablePacketCount())
		require.Zero(t, a.GetPacketPeer())
		_, err := a.GetPacket()
		require.ErrorIs(t, err, multiplayer.ErrUnavailable)
		require.ErrorIs(t, a.GetPacketError(), multiplayer.ErrUnavailable)
		a.SetRefuseNewConnections(true)
		require.True(t, a.IsRefusingNewConnections())
	})
	require.Equal(t, [3]multiplayer.TransferMode{0, 1, 2}, [3]multiplayer.TransferMode{
		multiplayer.TransferModeUnreliable, multiplayer.TransferModeUnreliableOrdered, multiplayer.TransferModeReliable})
	require.Equal(t, [3]rtcpeer.ConnectionStatus{0, 1, 2}, [3]rtcpeer.ConnectionStatus{
		rtcpeer.ConnectionDisconnected, rtcpeer.ConnectionConnecting, rtcpeer.ConnectionConnected})
}

func TestPackets(t *testing.T) {
	inBoth(t, func(t *testing.T, host, a, b *game) {
		a.SetTargetPeer(rtcpeer.Server)
		require.NoError(t, a.PutPacket([]byte("one"))) // reliable, unless told otherwise
		a.SetTransferMode(multiplayer.TransferModeUnreliable)
		require.NoError(t, a.PutPacket([]byte("two"))) // the target is sticky
		a.SetTransferMode(multiplayer.TransferModeUnreliableOrdered)
		a.SetTargetPeer(rtcpeer.Broadcast)
		require.NoError(t, a.PutPacket([]byte("three")))
		a.SetTransferChannel(1)
		a.SetTransferMode(multiplayer.TransferModeReliable) // not asked: the channel decides
		a.SetTargetPeer(-b.id)
		require.NoError(t, a.PutPacket([]byte("four")))
		require.NoError(t, a.PutPacket(nil), "an empty packet sends nothing")

		host.frame(t)
		require.Equal(t, 4, host.GetAvailablePacketCount())
		got := []string{host.get(t), host.get(t), host.get(t), host.get(t)}
		require.ElementsMatch(t, []string{
			"from a channel 0 mode 2: one", "from a channel 0 mode 0: two",
			"from a channel 0 mode 1: three", "from a channel 1 mode 1: four",
		}, got)
		b.frame(t)
		require.Equal(t, "from a channel 0 mode 1: three", b.get(t))
		require.Zero(t, b.GetAvailablePacketCount())

		a.SetTargetPeer(nobody(a.names))
		require.ErrorIs(t, a.PutPacket([]byte("x")), rtcpeer.ErrUnknownPeer)
		a.SetTargetPeer(rtcpeer.Broadcast)
		a.SetTransferChannel(2)
		require.ErrorIs(t, a.PutPacket([]byte("x")), rtcpeer.ErrUnknownChannel)
		a.SetTransferChannel(0)
		a.SetTransferMode(3)
		require.ErrorIs(t, a.PutPacket([]byte("x")), rtcpeer.ErrUnknownChannel)
		a.SetTransferMode(multiplayer.TransferModeReliable)
		require.ErrorIs(t, a.PutPacket(make([]byte, 1<<20)), rtcpeer.ErrPacketTooLarge)
	})
}

// A sender's packet comes before its disconnected signal, although the game gets the packet only after the poll.
func TestPacketsBeforeDisconnected(t *testing.T) {
	inBoth(t, func(t *testing.T, host, a, b *game) {
		host.emitted()
		require.NoError(t, a.PutPacket([]byte("goodbye")))
		require.NoError(t, a.Close())
		synctest.Wait() // between two peers there is no order
		require.NoError(t, b.PutPacket([]byte("still here")))
		host.frame(t)
		require.Equal(t, "from a channel 0 mode 2: goodbye", host.get(t))
		for range 3 {
			if host.frame(t); host.GetAvailablePacketCount() > 0 {
				require.Equal(t, "from b channel 0 mode 2: still here", host.get(t))
			}
		}
		require.Equal(t, []string{"disconnected a"}, host.emitted())
	})
}

func TestDisconnect(t *testing.T) {
	tests := []struct {
		force bool
		want  []string
	}{
		{false, []string{"disconnected a"}},
		{true, nil},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("force %v", tt.force), func(t *testing.T) {
			inBoth(t, func(t *testing.T, host, a, _ *game) {
				host.emitted()
				a.emitted()
				a.SetTargetPeer(rtcpeer.Server)
				require.NoError(t, a.PutPacket([]byte("unread")))
				host.frame(t)
				require.NoError(t, host.DisconnectPeer(a.id, tt.force))
				require.Equal(t, tt.force, host.GetAvailablePacketCount() == 0, "force drops what was not got")
				if !tt.force {
					require.Equal(t, "from a channel 0 mode 2: unread", host.get(t))
				}
				host.frame(t)
				host.frame(t)
				require.Equal(t, tt.want, host.emitted())
				require.ErrorIs(t, host.DisconnectPeer(a.id, tt.force), rtcpeer.ErrUnknownPeer)

				synctest.Wait()
				a.TryPoll()
				require.Contains(t, a.emitted(), "disconnected host", "the other end always learns it")
			})
		})
	}
}

// A peer that is disconnected with force before a poll has shown it is never shown.
func TestForceBeforeConnectedIsPolled(t *testing.T) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		t.Run(string(topology), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				network := memory.NewNetwork(memory.Options{})
				host, a, b := joinThree(t, topology, func() transport.Transport { return network.Transport() })
				synctest.Wait()
				a.SetTargetPeer(rtcpeer.Server)
				require.NoError(t, a.PutPacket([]byte("unread")))
				synctest.Wait()
				require.NoError(t, host.DisconnectPeer(a.id, true))
				host.frame(t)
				require.Equal(t, []string{"connected b"}, host.emitted())
				require.Zero(t, host.GetAvailablePacketCount())
				require.ErrorIs(t, host.DisconnectPeer(a.id, true), rtcpeer.ErrUnknownPeer)

				require.NoError(t, host.DisconnectPeer(b.id, false))
				host.frame(t)
				require.Equal(t, []string{"disconnected b"}, host.emitted())
			})
		})
	}
}

// The same while the packets of an earlier link, which was lost, were not got yet.
func TestForceWhileDisconnectedWaits(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		var transports []*memory.Transport
		host, a, _ := joinThree(t, rtcpeer.Mesh, func() transport.Transport {
			transports = append(transports, network.Transport())
			return transports[len(transports)-1]
		})
		a.SetTargetPeer(rtcpeer.Server)
		synctest.Wait()
		require.NoError(t, a.PutPacket([]byte("unread")))
		host.frame(t)
		require.Equal(t, 1, host.GetAvailablePacketCount())
		host.emitted()
		network.Partition(transports[0], transports[1])
		for slices.Contains(host.node.Peers(), a.id) {
			time.Sleep(time.Millisecond) // of fake time
		}
		network.Heal(transports[0], transports[1])
		for !slices.Contains(host.node.Peers(), a.id) {
			time.Sleep(time.Millisecond)
		}
		host.frame(t)
		require.Empty(t, host.emitted(), "the packet comes first")
		require.NoError(t, host.DisconnectPeer(a.id, true))
		require.Zero(t, host.GetAvailablePacketCount())
		host.frame(t)
		require.Empty(t, host.emitted())
	})
}

func TestClose(t *testing.T) {
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
		require.Equal(t, []string{"disconnected a"}, host.emitted())
	})
}

// Poll waits for something, for up to a second; TryPoll never does.
func TestPollWaits(t *testing.T) {
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
		require.Equal(t, "from host channel 0 mode 2: tick", a.get(t))
	})
}

// A game that polls but does not get its packets has at most 4,096 of them waiting in the Peer.
func TestUnreadPacketsAreBounded(t *testing.T) {
	play(t, rtcpeer.Mesh, func(t *testing.T, host, a, _ *game) {
		for range 10000 {
			host.PutPacket([]byte("x"))
			require.NoError(t, a.TryPoll())
		}
		require.LessOrEqual(t, a.GetAvailablePacketCount(), 4096)
	})
}

func TestPeerFailed(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		server := signaling.NewServer()
		defer server.Close()
		network, names := memory.NewNetwork(memory.Options{}), make(map[rtcpeer.PeerID]string)
		a := joinGame(t, server, names, "a", rtcpeer.Config{Transport: network.Transport(), Refuse: true})
		b := joinGame(t, server, names, "b", rtcpeer.Config{Transport: network.Transport()})
		var failure *rtcpeer.PeerError
		b.PeerFailed = func(err *rtcpeer.PeerError) { failure = err }
		a.frame(t)
		b.frame(t)
		require.ErrorIs(t, failure, rtcpeer.ErrRefused)
		require.Empty(t, b.emitted())
	})
}

func TestGenerateUniqueID(t *testing.T) {
	peer := multiplayer.New(new(rtcpeer.Offline))
	require.NotEqual(t, peer.GenerateUniqueID(), peer.GenerateUniqueID())
}

func TestOffline(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		peer := multiplayer.New(new(rtcpeer.Offline))
		require.Equal(t, rtcpeer.ConnectionConnected, peer.GetConnectionStatus())
		require.Equal(t, rtcpeer.Server, peer.GetUniqueID())
		require.True(t, peer.IsServer())
		require.False(t, peer.IsServerRelaySupported())
		require.NoError(t, peer.PutPacket([]byte("to nobody")))
		require.NoError(t, peer.Poll())
		require.Zero(t, peer.GetAvailablePacketCount())
		require.ErrorIs(t, peer.DisconnectPeer(5, false), rtcpeer.ErrUnknownPeer)
		require.NoError(t, peer.Close())
		require.ErrorIs(t, peer.TryPoll(), rtcpeer.ErrClosed)
	})
}

// A command of the engine is told from an ordinary packet.
func TestGetPacketCommand(t *testing.T) {
	play(t, rtcpeer.Star, func(t *testing.T, host, a, _ *game) {
		call := []byte{0x20, 0, 0, 0, 0, 1, 0}
		require.NoError(t, a.node.TrySend(rtcpeer.Packet{Peer: rtcpeer.Server, Command: rtcpeer.CommandRemoteCall, Data: call}))
		require.NoError(t, a.PutPacket([]byte{1}))
		host.frame(t)
		for _, want := range []rtcpeer.Command{rtcpeer.CommandRemoteCall, rtcpeer.CommandRaw} {
			require.Equal(t, want, host.GetPacketCommand())
			_, err := host.GetPacket()
			require.NoError(t, err)
		}
	})
}

// The times of the node are shown, and 0 where nothing is known.
func TestTimes(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{Delay: 20 * time.Millisecond})
		_, a, b := joinThree(t, rtcpeer.Star, func() transport.Transport { return network.Transport() })
		time.Sleep(10 * time.Second) // of fake time
		for _, id := range []rtcpeer.PeerID{rtcpeer.Server, b.id} {
			rtt, known := a.node.RTT(id)
			require.True(t, known)
			require.Equal(t, rtt, a.GetPeerRTT(id))
		}
		require.InDelta(t, 0, a.GetPeerOffset(b.id).Seconds(), 1e-5)
		require.Zero(t, a.GetPeerRTT(nobody(a.names)))
		require.Zero(t, a.GetPeerOffset(nobody(a.names)))
	})
}

// A Peer may be a type that embeds a Node, such as a websocket.Server: the times are still those of the Node.
func TestTimesOfAnEmbeddedNode(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{Delay: 20 * time.Millisecond})
		host, a, _ := joinThree(t, rtcpeer.Star, func() transport.Transport { return network.Transport() })
		time.Sleep(10 * time.Second) // of fake time
		outer := multiplayer.New(struct{ *rtcpeer.Node }{host.node})
		require.Equal(t, host.GetPeerRTT(a.id), outer.GetPeerRTT(a.id))
		require.NotZero(t, outer.GetPeerRTT(a.id))
		require.Equal(t, host.GetPeerOffset(a.id), outer.GetPeerOffset(a.id))
	})
}

func TestTransferModeString(t *testing.T) {
	require.Equal(t, "unreliable unreliable_ordered reliable", fmt.Sprint(
		multiplayer.TransferModeUnreliable, " ", multiplayer.TransferModeUnreliableOrdered, " ", multiplayer.TransferModeReliable))
	require.Equal(t, "mode(3)", multiplayer.TransferMode(3).String())
}

// nobody returns the id of no member.
func nobody(names map[rtcpeer.PeerID]string) rtcpeer.PeerID {
	id := rtcpeer.PeerID(2)
	for names[id] != "" {
		id++
	}
	return id
}
