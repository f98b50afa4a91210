//go:build !js

package rtcpeer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
	"example.org/rtcpeer/testdata/skip"
)

// heldRoom is a star over WebRTC, in which nobody is freed by another one's end.
func heldRoom(t *testing.T, config rtcpeer.Config, ids ...rtcpeer.PeerID) map[rtcpeer.PeerID]*rtcpeer.Node {
	return heldRoomWithPlain(t, config, 0, ids...)
}

// heldRoomWithPlain has a member that takes no part in repairs.
func heldRoomWithPlain(t *testing.T, config rtcpeer.Config, plain rtcpeer.PeerID, ids ...rtcpeer.PeerID) map[rtcpeer.PeerID]*rtcpeer.Node {
	r := newRoom(rtcpeer.Star)
	config.WebRTC = webrtc.Config{Loopback: true}
	config.SlowAfter = time.Hour
	config.Linger = -1
	nodes := make(map[rtcpeer.PeerID]*rtcpeer.Node)
	for _, id := range ids {
		member := rtcpeer.Describe(config)
		if id == plain {
			member.Features = nil
		}
		n, err := rtcpeer.New(t.Context(), r.enterAs(id, member), config)
		require.NoError(t, err)
		t.Cleanup(func() { closeNode(t, n) })
		nodes[id] = n
	}
	for _, n := range nodes {
		for range len(ids) - 1 {
			require.Equal(t, rtcpeer.PeerConnected, next(t, n).Kind)
		}
	}
	return nodes
}

// hearAll returns what packets say that a node receives from now on.
func hearAll(t *testing.T, n *rtcpeer.Node) <-chan string {
	heard := make(chan string, 1000)
	go func() {
		for {
			ev, err := n.Receive(t.Context())
			if err != nil {
				return
			}
			if ev.Kind == rtcpeer.PacketReceived {
				heard <- string(ev.Packet.Data)
			}
		}
	}()
	return heard
}

// sendUntilHeard sends a packet, an unreliable one again and again as it may be lost, until it is heard.
func sendUntilHeard(t *testing.T, from *rtcpeer.Node, p rtcpeer.Packet, heard <-chan string) {
	t.Helper()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	require.NoError(t, from.TrySend(p))
	for {
		select {
		case got := <-heard:
			if got == string(p.Data) {
				return
			}
		case <-again.C:
			if p.Mode != rtcpeer.Reliable {
				require.NoError(t, from.TrySend(p))
			}
		case <-t.Context().Done():
			require.FailNow(t, "no word", "of %s", p.Data)
		}
	}
}

// A guest of a star stops receiving, and another one sends to it until nothing more goes (fault L17). The lane that is held
// up holds up no other lane of its sender, in whatever mode, and no lane of others. Even if all reliable channels are held
// up, however many they are, there is room for the other lanes.
//
// A sender that takes no part in repairs, as a Godot game does not, is not told what was taken: it fills the window of its
// association, until the guest is disconnected as slow (Config.SlowAfter). About a receiver see heldplain_test.go.
func TestHeldUpLaneInAStar(t *testing.T) {
	t.Parallel()
	for _, channels := range skip.Shorter([]int{0, 2}, []int{0, 2, 30}) {
		t.Run(fmt.Sprint(channels), func(t *testing.T) {
			nodes := heldRoom(t, rtcpeer.Config{Channels: slices.Repeat([]rtcpeer.Mode{rtcpeer.Reliable}, channels)}, 1, 5, 7, 9)
			host, sender, other := nodes[1], nodes[5], nodes[9] // and 7 receives nothing any more
			go drainUntilEnd(t, other)
			heard := hearAll(t, host)
			held := max(channels, 1) // the last channel is for those who are not held up, if there is one
			filled := func() bool {
				full := true
				for channel := range held {
					for sender.TrySend(rtcpeer.Packet{Peer: 7, Channel: channel, Data: make([]byte, 16<<10)}) == nil {
						full = false
					}
				}
				return full
			}
			var before int
			require.Eventually(t, func() bool { // nothing has gone since the last time
				sum := 0
				for _, l := range host.Stats().Links[5].Lanes {
					sum += int(l.ReceivedBytes)
				}
				still := sum == before
				before = sum
				return filled() && still
			}, 60*time.Second, 300*time.Millisecond)

			for _, from := range []*rtcpeer.Node{sender, other} {
				free := []rtcpeer.Packet{{Mode: rtcpeer.UnreliableOrdered}, {Mode: rtcpeer.Unreliable}}
				if channels > 0 {
					free = append(free, rtcpeer.Packet{Channel: channels})
				}
				if from == other {
					free = append(free, rtcpeer.Packet{Mode: rtcpeer.Reliable})
				}
				for _, p := range free {
					p.Peer, p.Data = 1, fmt.Appendf(nil, "%d on %d, %v", from.ID(), p.Channel, p.Mode)
					sendUntilHeard(t, from, p, heard)
				}
			}
			require.Equal(t, 1, host.Stats().Links[5].Paths)
			require.Equal(t, 1, host.Stats().Links[7].Paths)
		})
	}
}

// drainUntilEnd receives all events of a node.
func drainUntilEnd(t *testing.T, n *rtcpeer.Node) {
	for {
		if _, err := n.Receive(t.Context()); err != nil {
			return
		}
	}
}
