package rtcpeer_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// The rules of SceneMultiplayer's relay for every form of target, on every channel and mode.

// relayTargets are what guest 5 may name in a room of 1 (the host), 7 and 9, and who then gets it.
var relayTargets = []struct {
	name   string
	target rtcpeer.PeerID
	want   []rtcpeer.PeerID
}{
	{"all", 0, []rtcpeer.PeerID{1, 7, 9}},
	{"one", 7, []rtcpeer.PeerID{7}},
	{"all but one", -7, []rtcpeer.PeerID{1, 9}},
	{"all but the host", -1, []rtcpeer.PeerID{7, 9}},
	{"all but itself", -5, []rtcpeer.PeerID{1, 7, 9}},
	{"all but somebody unknown", -1234, []rtcpeer.PeerID{1, 7, 9}},
	{"all but the least id there is", -1 << 31, []rtcpeer.PeerID{1, 7, 9}},
	{"somebody unknown", 1234, nil},
	{"itself", 5, []rtcpeer.PeerID{5}},
	{"the host, which is no target of a relay", 1, nil},
}

// relayLanes are the lanes of channel 0, and of an extra channel.
var relayLanes = []struct {
	channel int
	mode    rtcpeer.Mode
}{
	{0, rtcpeer.Reliable}, {0, rtcpeer.UnreliableOrdered}, {0, rtcpeer.Unreliable}, {1, rtcpeer.UnreliableOrdered},
}

var extraChannel = rtcpeer.Config{Channels: []rtcpeer.Mode{rtcpeer.UnreliableOrdered}}

func withExtraLane() transport.PathConfig {
	extra := transport.LaneConfig{ID: 4, Label: "4", Mode: transport.UnreliableOrdered}
	return transport.PathConfig{Lanes: append(slices.Clone(godotLanes.Lanes), extra)}
}

// relayFrame is 07 03, an id, and what is relayed.
func relayFrame(id rtcpeer.PeerID, inner string) string {
	return "0703" + hex.EncodeToString(binary.LittleEndian.AppendUint32(nil, uint32(id))) + inner
}

func TestHostRelays(t *testing.T) {
	commands := []struct {
		inner   string
		command rtcpeer.Command
		data    string // as the host's program gets it
	}{
		{"036869", rtcpeer.CommandRaw, "hi"},
		{"201b00008000", rtcpeer.CommandRemoteCall, "\x20\x1b\x00\x00\x80\x00"},
		{"0103", rtcpeer.CommandSimplifyPath, "\x01\x03"},
		{"0207", rtcpeer.CommandConfirmPath, "\x02\x07"},
		{"140708", rtcpeer.CommandSpawn, "\x14\x07\x08"},
		{"05ff", rtcpeer.CommandDespawn, "\x05\xff"},
		{"8600", rtcpeer.CommandSync, "\x86\x00"},
	}
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		r := newRoom(rtcpeer.Star)
		host := r.join(t, 1, network.Transport(), extraChannel)
		guests := make(map[rtcpeer.PeerID]*bare)
		for _, id := range []rtcpeer.PeerID{5, 7, 9} {
			guests[id] = sitBareWith(t, r, id, 1, network.Transport(), withExtraLane())
			require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
			for before := range guests {
				if before != id {
					guests[before].skip(0)
					guests[id].skip(0)
				}
			}
		}
		for i, lane := range relayLanes {
			for _, tt := range relayTargets {
				for _, c := range commands {
					what := fmt.Sprintf("%v to %s on channel %d, %v", c.command, tt.name, lane.channel, lane.mode)
					guests[5].send(i, relayFrame(tt.target, c.inner))
					synctest.Wait()
					if ev, err := host.TryReceive(); slices.Contains(tt.want, 1) {
						require.NoError(t, err, what)
						require.Equal(t, rtcpeer.Packet{Peer: 5, Channel: lane.channel, Mode: lane.mode, Command: c.command, Data: []byte(c.data)}, ev.Packet, what)
					} else {
						require.ErrorIs(t, err, rtcpeer.ErrNoEvent, what)
					}
					require.NoError(t, host.TrySend(rtcpeer.Packet{Channel: lane.channel, Mode: lane.mode, Data: []byte("z")}))
					for id, g := range guests {
						if slices.Contains(tt.want, id) {
							g.want(i, relayFrame(5, c.inner))
						}
						g.want(i, "037a") // and nothing else
					}
				}
			}
		}
		require.EqualValues(t, 2*len(relayLanes)*len(commands), host.Stats().Dropped["no_target"])
	})
}

// A guest of a host that shows the bytes: one packet, whatever the target, which the host resolves.
func TestGuestSends(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		r := newRoom(rtcpeer.Star)
		opened := make(chan *bare)
		go func() { opened <- sitBareWith(t, r, 1, 5, network.Transport(), withExtraLane()) }()
		synctest.Wait()
		guest := r.join(t, 5, network.Transport(), extraChannel)
		host := <-opened
		host.send(0, "070107000000")
		for range 2 {
			require.Equal(t, rtcpeer.PeerConnected, next(t, guest).Kind)
		}
		for i, lane := range relayLanes {
			for _, tt := range relayTargets {
				p := rtcpeer.Packet{Peer: tt.target, Channel: lane.channel, Mode: lane.mode, Data: []byte("hi")}
				rpc := rtcpeer.Packet{Peer: tt.target, Channel: lane.channel, Mode: lane.mode, Command: rtcpeer.CommandRemoteCall, Data: []byte("\x20\x01")}
				switch err := guest.TrySend(p); {
				case tt.target == 1:
					require.NoError(t, err)
					host.want(i, "036869")
					require.NoError(t, guest.TrySend(rpc))
					host.want(i, "2001")
				case tt.target > 0 && tt.target != 7:
					require.ErrorIs(t, err, rtcpeer.ErrUnknownPeer, tt.name)
					require.ErrorIs(t, guest.TrySend(rpc), rtcpeer.ErrUnknownPeer, tt.name)
				default:
					require.NoError(t, err)
					host.want(i, relayFrame(tt.target, "036869"))
					require.NoError(t, guest.TrySend(rpc))
					host.want(i, relayFrame(tt.target, "2001"))
				}
			}
			host.send(i, relayFrame(7, "036869"))
			wantPacket(t, guest, 7, lane.channel, lane.mode, "hi")
			host.send(i, relayFrame(7, "2001"))
			require.Equal(t, rtcpeer.Packet{Peer: 7, Channel: lane.channel, Mode: lane.mode, Command: rtcpeer.CommandRemoteCall, Data: []byte("\x20\x01")}, next(t, guest).Packet)
		}
		require.ErrorIs(t, guest.TrySend(rtcpeer.Packet{Command: rtcpeer.CommandSpawn, Data: []byte("\x07\x01\x09\x00\x00\x00")}), rtcpeer.ErrCommand)
	})
}

// A mesh with Godot games: 03 before each packet, commands as they are, and no relay.
func TestFramedMesh(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		r := newRoom(rtcpeer.Mesh)
		n := r.join(t, 1, network.Transport(), rtcpeer.Config{Framed: true})
		godot := sitBare(t, r, 5, 1, network.Transport())
		require.Equal(t, rtcpeer.PeerConnected, next(t, n).Kind)
		require.False(t, n.Relays())

		godot.send(1, "036869")
		wantPacket(t, n, 5, 0, rtcpeer.UnreliableOrdered, "hi")
		godot.send(0, "140708")
		require.Equal(t, rtcpeer.Packet{Peer: 5, Command: rtcpeer.CommandSpawn, Data: []byte{0x14, 7, 8}}, next(t, n).Packet)
		for _, target := range []rtcpeer.PeerID{0, 5, -7} {
			require.NoError(t, n.TrySend(rtcpeer.Packet{Peer: target, Mode: rtcpeer.Unreliable, Data: []byte("hi")}))
			godot.want(2, "036869")
		}
		require.NoError(t, n.TrySend(rtcpeer.Packet{Peer: 5, Command: rtcpeer.CommandSync, Data: []byte{0x06, 1}}))
		godot.want(0, "0601")
		require.ErrorIs(t, n.TrySend(rtcpeer.Packet{Peer: 7, Data: []byte("x")}), rtcpeer.ErrUnknownPeer)

		for _, bad := range []string{"03", "07", "070109000000", "070205000000", relayFrame(1, "03aa"), relayFrame(0, "03aa")} {
			godot.send(0, bad)
		}
		godot.send(0, "0361")
		wantPacket(t, n, 5, 0, rtcpeer.Reliable, "a")
		require.EqualValues(t, 6, n.Stats().Dropped["malformed"])
	})
	overBoth(t, func(t *testing.T, newTransport func() transport.Transport) {
		nodes := group(t, rtcpeer.Mesh, newTransport, rtcpeer.Config{Framed: true}, 1, 5, 7)
		largest := string(make([]byte, 16<<10))
		require.NoError(t, nodes[5].Send(t.Context(), rtcpeer.Packet{Data: []byte(largest)}))
		wantPacket(t, nodes[1], 5, 0, rtcpeer.Reliable, largest)
		wantPacket(t, nodes[7], 5, 0, rtcpeer.Reliable, largest)
	})
}

// A bare mesh has no commands, and says so.
func TestBareMeshHasNoCommands(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		n := newRoom(rtcpeer.Mesh).join(t, 1, network.Transport(), rtcpeer.Config{})
		require.ErrorIs(t, n.TrySend(rtcpeer.Packet{Command: rtcpeer.CommandSpawn, Data: []byte{4}}), rtcpeer.ErrCommand)
	})
}

// A host with places for two: who comes third is refused with words, until one is free.
func TestMaxPeers(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		r := newRoom(rtcpeer.Star)
		host := r.join(t, 1, network.Transport(), rtcpeer.Config{MaxPeers: 2})
		five := r.join(t, 5, network.Transport(), rtcpeer.Config{})
		r.join(t, 7, network.Transport(), rtcpeer.Config{})
		require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
		require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
		third := r.join(t, 9, network.Transport(), rtcpeer.Config{})
		ev := next(t, third)
		require.ErrorIs(t, ev.Err, rtcpeer.ErrRefused)
		require.ErrorContains(t, ev.Err, "no more than 2 peers are admitted")
		wantTurnedAway(t, host, 9, "no more than 2 peers are admitted")
		wantNoEvent(t, host)

		require.NoError(t, five.Close())
		wantDisconnected(t, host, 5, rtcpeer.ByPeer)
		synctest.Wait()
		r.join(t, 11, network.Transport(), rtcpeer.Config{})
		require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
		require.Equal(t, []rtcpeer.PeerID{7, 11}, host.Peers())
	})
	_, err := rtcpeer.New(t.Context(), newRoom(rtcpeer.Star).enter(1, nil), rtcpeer.Config{MaxPeers: -1})
	require.ErrorContains(t, err, "Config.MaxPeers -1")
}

// wantTurnedAway takes the event of a newcomer that is refused here.
func wantTurnedAway(t *testing.T, n *rtcpeer.Node, id rtcpeer.PeerID, why string) {
	t.Helper()
	ev := next(t, n)
	require.Equal(t, rtcpeer.PeerRefused, ev.Kind)
	require.Equal(t, id, ev.Peer)
	require.ErrorContains(t, ev.Err, why)
}

// What a link carried still counts when it is over.
func TestTotals(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		r := newRoom(rtcpeer.Star)
		host := r.join(t, 1, network.Transport(), rtcpeer.Config{})
		for i, id := range []rtcpeer.PeerID{5, 7, 9} {
			guest := sitBare(t, r, id, 1, network.Transport())
			require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
			guest.send(0, "03616263")
			wantPacket(t, host, id, 0, rtcpeer.Reliable, "abc")
			require.NoError(t, host.TrySend(rtcpeer.Packet{Mode: rtcpeer.Unreliable, Data: []byte("z")}))
			once, all := host.Stats(), uint64(i+1)
			want := rtcpeer.Totals{Links: i + 1, Received: all, ReceivedBytes: 4 * all, Sent: all, SentBytes: 2 * all, Lanes: []rtcpeer.LaneTotals{
				{Mode: rtcpeer.Reliable, Received: all, ReceivedBytes: 4 * all},
				{Mode: rtcpeer.UnreliableOrdered},
				{Mode: rtcpeer.Unreliable, Sent: all, SentBytes: 2 * all},
			}}
			require.Equal(t, want, once.Total)
			require.EqualValues(t, 2, once.Links[id].Lanes[2].SentBytes)
			require.EqualValues(t, 4, once.Links[id].Lanes[0].ReceivedBytes)
			require.NoError(t, guest.link.Close())
			wantDisconnected(t, host, id, rtcpeer.ByPeer)
			synctest.Wait()
			require.Equal(t, want, host.Stats().Total)
			require.Empty(t, host.Stats().Links)
		}
	})
}
