//go:build !js

package websocket_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/multiplayer"
	"example.org/rtcpeer/rtcpeer/websocket"
)

var _ rtcpeer.Peer = (*websocket.Server)(nil)

func TestIDs(t *testing.T) {
	peers := star(t, websocket.Config{}, 5)
	var guests []rtcpeer.PeerID
	for i, p := range peers {
		require.True(t, p.Relays())
		require.Equal(t, rtcpeer.ConnectionConnected, p.Status())
		if i > 0 {
			guests = append(guests, p.ID())
			require.Greater(t, p.ID(), rtcpeer.Server)
		}
	}
	slices.Sort(guests)
	require.Equal(t, rtcpeer.Server, peers[0].ID())
	require.Equal(t, guests, peers[0].Peers())
	require.Len(t, slices.Compact(guests), 5, "no id twice")
	for _, p := range peers[1:] {
		others := slices.DeleteFunc(slices.Clone(guests), func(id rtcpeer.PeerID) bool { return id == p.ID() })
		require.Equal(t, append([]rtcpeer.PeerID{1}, others...), p.Peers())
	}
}

func TestTargets(t *testing.T) {
	peers := star(t, websocket.Config{}, 3)
	ids := func(i int) rtcpeer.PeerID { return peers[i].ID() }
	tests := []struct {
		name   string
		from   int
		target rtcpeer.PeerID
		want   []int
	}{
		{"guest to all", 1, rtcpeer.Broadcast, []int{0, 2, 3}},
		{"guest to the server", 1, rtcpeer.Server, []int{0}},
		{"guest to one", 1, ids(3), []int{3}},
		{"guest to all but one", 1, -ids(2), []int{0, 3}},
		{"guest to all but the server", 1, -1, []int{2, 3}},
		{"guest to all but itself", 1, -ids(1), []int{0, 2, 3}},
		{"all but somebody unknown is all", 1, -1234, []int{0, 2, 3}},
		{"host to all", 0, rtcpeer.Broadcast, []int{1, 2, 3}},
		{"host to one", 0, ids(2), []int{2}},
		{"host to all but one", 0, -ids(3), []int{1, 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i, mode := range []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.UnreliableOrdered, rtcpeer.Unreliable} {
				data := fmt.Sprint(tt.name, i)
				require.NoError(t, peers[tt.from].Send(t.Context(), rtcpeer.Packet{Peer: tt.target, Mode: mode, Data: []byte(data)}))
				for to, p := range peers {
					switch {
					case slices.Contains(tt.want, to):
						wantPacket(t, p, ids(tt.from), data)
					case to != tt.from: // on one socket nothing overtakes a marker
						send(t, peers[tt.from], ids(to), "marker")
						wantPacket(t, p, ids(tt.from), "marker")
					}
				}
			}
		})
	}
	for _, unknown := range []rtcpeer.PeerID{1234, ids(1)} {
		require.ErrorIs(t, peers[1].TrySend(rtcpeer.Packet{Peer: unknown, Data: []byte("x")}), rtcpeer.ErrUnknownPeer)
	}
	require.ErrorIs(t, peers[1].TrySend(rtcpeer.Packet{Channel: 1, Data: []byte("x")}), rtcpeer.ErrUnknownChannel)
	require.NoError(t, peers[1].TrySend(rtcpeer.Packet{}), "an empty packet is accepted")
}

func TestSizes(t *testing.T) {
	const limit = 65528
	peers := star(t, websocket.Config{}, 2)
	for _, size := range []int{1, 118, 119, 120, 4090, 4096, limit - 1, limit} {
		data := string(bytes.Repeat([]byte{byte(size)}, size))
		send(t, peers[1], peers[2].ID(), data)
		wantPacket(t, peers[2], peers[1].ID(), data)
		send(t, peers[0], peers[2].ID(), data)
		wantPacket(t, peers[2], 1, data)
	}
	for _, p := range peers {
		require.ErrorIs(t, p.TrySend(rtcpeer.Packet{Data: make([]byte, limit+1)}), rtcpeer.ErrPacketTooLarge)
	}
}

func TestOrder(t *testing.T) {
	peers := star(t, websocket.Config{}, 2)
	const packets = 20000
	go func() {
		for i := range packets {
			if err := peers[1].Send(t.Context(), rtcpeer.Packet{Peer: peers[2].ID(), Data: fmt.Append(nil, i)}); err != nil {
				t.Errorf("packet %d: %v", i, err)
				return
			}
		}
	}()
	for i := range packets {
		wantPacket(t, peers[2], peers[1].ID(), fmt.Sprint(i))
	}
}

// What was sent before Close arrives, and then the end, at once and with its reason.
func TestCloseDeliversWhatWasSent(t *testing.T) {
	const packets = 500
	t.Run("of a guest", func(t *testing.T) {
		peers := star(t, websocket.Config{}, 2)
		for i := range packets {
			send(t, peers[1], rtcpeer.Broadcast, fmt.Sprint(i))
			send(t, peers[0], peers[1].ID(), "never read")
		}
		require.NoError(t, peers[1].Close())
		for _, other := range []rtcpeer.Peer{peers[0], peers[2]} {
			for i := range packets {
				wantPacket(t, other, peers[1].ID(), fmt.Sprint(i))
			}
			wantDisconnected(t, other, peers[1].ID(), rtcpeer.ByPeer)
		}
		require.Equal(t, []rtcpeer.PeerID{peers[2].ID()}, peers[0].Peers())
		require.Eventually(t, func() bool { return len(peers[0].(*websocket.Server).Members()) == 1 }, patience, tick)
	})
	t.Run("of the server", func(t *testing.T) {
		peers := star(t, websocket.Config{}, 2)
		for i := range packets {
			send(t, peers[0], rtcpeer.Broadcast, fmt.Sprint(i))
		}
		require.NoError(t, peers[0].Close())
		for i, guest := range peers[1:] {
			for i := range packets {
				wantPacket(t, guest, 1, fmt.Sprint(i))
			}
			wantHostGone(t, guest, peers[2-i].ID())
		}
	})
}

// wantHostGone takes the end of a guest that knew one other.
func wantHostGone(t *testing.T, guest rtcpeer.Peer, other rtcpeer.PeerID) {
	t.Helper()
	ev := next(t, guest)
	require.Equal(t, other, ev.Peer)
	if ev.Reason != rtcpeer.ByPeer { // the server may have told of the other's end before its own
		require.Equal(t, rtcpeer.HostGone, ev.Reason)
	}
	wantDisconnected(t, guest, 1, rtcpeer.ByPeer)
	_, err := guest.Receive(t.Context())
	require.ErrorIs(t, err, rtcpeer.ErrHostGone)
	require.Equal(t, rtcpeer.ConnectionDisconnected, guest.Status())
}

func TestDisconnect(t *testing.T) {
	peers := star(t, websocket.Config{}, 2)
	require.ErrorIs(t, peers[0].Disconnect(1234), rtcpeer.ErrUnknownPeer)
	require.ErrorIs(t, peers[1].Disconnect(peers[2].ID()), rtcpeer.ErrNotHost)
	send(t, peers[0], peers[1].ID(), "you are out")
	require.NoError(t, peers[0].Disconnect(peers[1].ID()))
	wantPacket(t, peers[1], 1, "you are out")
	wantHostGone(t, peers[1], peers[2].ID())
	wantDisconnected(t, peers[0], peers[1].ID(), rtcpeer.ByUs)
	wantDisconnected(t, peers[2], peers[1].ID(), rtcpeer.ByPeer)

	require.NoError(t, peers[2].Disconnect(1), "a guest leaves")
	wantDisconnected(t, peers[2], 1, rtcpeer.ByUs)
	wantDisconnected(t, peers[0], peers[2].ID(), rtcpeer.ByPeer)
}

func TestRefuse(t *testing.T) {
	server, url := serve(t, websocket.Config{Node: rtcpeer.Config{Refuse: true}})
	require.True(t, server.Refuses())
	_, err := websocket.Dial(t.Context(), url, websocket.Config{})
	require.ErrorIs(t, err, rtcpeer.ErrRefused)
	require.ErrorContains(t, err, `"new connections are refused"`)

	server.SetRefuse(false)
	guest := dial(t, url, websocket.Config{})
	wantConnected(t, server, guest.ID())
	wantConnected(t, guest, 1)

	server.SetRefuse(true)
	send(t, guest, 1, "open links stay")
	wantPacket(t, server, guest.ID(), "open links stay")
	server.SetRefuse(false)

	require.NoError(t, server.Seal(t.Context()))
	_, err = websocket.Dial(t.Context(), url, websocket.Config{})
	require.ErrorIs(t, err, rtcpeer.ErrRefused)
	require.ErrorContains(t, err, "sealed")

	refusing := websocket.Config{Node: rtcpeer.Config{Refuse: true}}
	_, url = serve(t, websocket.Config{})
	guest = dial(t, url, refusing)
	require.Equal(t, rtcpeer.PeerRefused, next(t, guest).Kind)
	_, err = guest.Receive(t.Context())
	require.ErrorIs(t, err, rtcpeer.ErrHostGone, "a guest that refuses its host has none")
}

func TestFull(t *testing.T) {
	server, url := serve(t, websocket.Config{MaxGuests: 1})
	guest := dial(t, url, websocket.Config{})
	wantConnected(t, server, guest.ID())
	_, err := websocket.Dial(t.Context(), url, websocket.Config{})
	require.ErrorContains(t, err, "503 Service Unavailable: \"the server is full\"")

	require.NoError(t, guest.Close())
	wantDisconnected(t, server, guest.ID(), rtcpeer.ByPeer)
	require.Eventually(t, func() bool {
		guest, err := websocket.Dial(t.Context(), url, websocket.Config{})
		return err == nil && guest.Close() == nil
	}, patience, tick, "the place is free")
}

func TestAfterClose(t *testing.T) {
	server, url := serve(t, websocket.Config{})
	guest := dial(t, url, websocket.Config{})
	wantConnected(t, server, guest.ID())
	for _, p := range []rtcpeer.Peer{guest, server} {
		waiting := make(chan error, 1)
		go func() {
			for {
				if _, err := p.Receive(context.Background()); err != nil {
					waiting <- err
					return
				}
			}
		}()
		for range 8 {
			go p.Close()
		}
		require.NoError(t, p.Close())
		require.NoError(t, p.Close(), "twice is legal")
		require.ErrorIs(t, <-waiting, rtcpeer.ErrClosed)
		require.Equal(t, rtcpeer.ConnectionDisconnected, p.Status())
		require.ErrorIs(t, p.TrySend(rtcpeer.Packet{Data: []byte("x")}), rtcpeer.ErrClosed)
	}
	_, err := websocket.Dial(t.Context(), url, websocket.Config{})
	require.ErrorContains(t, err, "the server is closed")
}

// A game that uses the class without MultiplayerAPI: no frames, no relay.
func TestBareContract(t *testing.T) {
	config := websocket.Config{Bare: true}
	server, url := serve(t, config)
	a, b := dial(t, url, config), dial(t, url, config)
	for _, guest := range []rtcpeer.Peer{a, b} {
		wantConnected(t, guest, 1)
		require.False(t, guest.Relays())
		next(t, server)
	}
	require.Equal(t, []rtcpeer.PeerID{1}, a.Peers())
	send(t, a, rtcpeer.Broadcast, "to the server, in fact")
	wantPacket(t, server, a.ID(), "to the server, in fact")
	require.ErrorIs(t, a.TrySend(rtcpeer.Packet{Peer: b.ID(), Data: []byte("x")}), rtcpeer.ErrUnknownPeer)
	send(t, server, -a.ID(), "not a")
	send(t, server, rtcpeer.Broadcast, "all")
	wantPacket(t, b, 1, "not a")
	wantPacket(t, b, 1, "all")
	wantPacket(t, a, 1, "all")

	require.NoError(t, server.Disconnect(a.ID()))
	wantDisconnected(t, a, 1, rtcpeer.ByPeer)
	_, err := a.Receive(t.Context())
	require.ErrorIs(t, err, rtcpeer.ErrHostGone)
	require.Equal(t, rtcpeer.ConnectionDisconnected, a.Status())
}

// The face of Godot's class over it.
func TestMultiplayerPeer(t *testing.T) {
	peers := star(t, websocket.Config{}, 2)
	var signals []string
	host, a, b := multiplayer.New(peers[0]), multiplayer.New(peers[1]), multiplayer.New(peers[2])
	b.PeerDisconnected = func(id rtcpeer.PeerID) { signals = append(signals, fmt.Sprint("disconnected ", id)) }
	require.True(t, host.IsServer())
	require.True(t, a.IsServerRelaySupported())

	a.SetTargetPeer(b.GetUniqueID())
	a.SetTransferMode(multiplayer.TransferModeUnreliable)
	require.NoError(t, a.PutPacket([]byte("hi")))
	for b.GetAvailablePacketCount() == 0 {
		require.NoError(t, b.Poll())
	}
	require.Equal(t, a.GetUniqueID(), b.GetPacketPeer())
	require.Equal(t, multiplayer.TransferModeReliable, b.GetPacketMode(), "as WebSocketMultiplayerPeer has it")
	require.Zero(t, b.GetPacketChannel())
	data, err := b.GetPacket()
	require.NoError(t, err)
	require.Equal(t, "hi", string(data))

	require.NoError(t, host.DisconnectPeer(a.GetUniqueID(), true))
	for len(signals) == 0 {
		require.NoError(t, b.Poll())
	}
	require.Equal(t, []string{fmt.Sprint("disconnected ", a.GetUniqueID())}, signals)
}
