//go:build !js

package rtcpeer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// heldRoom is a room over WebRTC, whose members take part in repairs or not.
func heldRoom(t *testing.T, topology rtcpeer.Topology, bare bool, config rtcpeer.Config, ids ...rtcpeer.PeerID) map[rtcpeer.PeerID]*rtcpeer.Node {
	r := newRoom(topology)
	config.WebRTC = webrtc.Config{Loopback: true}
	config.SlowAfter = time.Hour // nobody is to be freed by another one's end
	config.Linger = -1
	nodes := make(map[rtcpeer.PeerID]*rtcpeer.Node)
	for _, id := range ids {
		self := rtcpeer.Describe(config)
		if bare {
			self.Features = nil
		}
		n, err := rtcpeer.New(t.Context(), r.seat(id, self), config)
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

// L17: a guest of a star stops receiving, and another one sends to it until nothing more goes. The lane that is held up
// holds up no other lane of its sender, towards the host or through it, in whatever mode; nor the lanes of others.
func TestL17HeldUpLaneInAStar(t *testing.T) {
	channels := []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.UnreliableOrdered, rtcpeer.Reliable}
	for _, bare := range []bool{false, true} {
		t.Run(fmt.Sprintf("bare=%v", bare), func(t *testing.T) {
			nodes := heldRoom(t, rtcpeer.Star, bare, rtcpeer.Config{Channels: channels}, 1, 5, 7, 9)
			host, sender, other := nodes[1], nodes[5], nodes[9] // and 7 receives nothing any more
			go drainUntilEnd(t, other)
			heard := make(chan rtcpeer.Packet, 1000)
			go func() {
				for {
					ev, err := host.Receive(t.Context())
					if err != nil {
						return
					}
					if ev.Kind == rtcpeer.PacketReceived && len(ev.Packet.Data) < 100 {
						heard <- ev.Packet
					}
				}
			}()
			require.Eventually(t, func() bool {
				full := true
				for range 100 {
					full = sender.TrySend(rtcpeer.Packet{Peer: 7, Data: make([]byte, 16<<10)}) != nil && full
				}
				return full && host.Stats().Links[7].Lanes[0].Buffered > 900<<10
			}, 30*time.Second, 100*time.Millisecond, "its lane is held up")

			for _, from := range []*rtcpeer.Node{sender, other} {
				for channel := range 4 {
					for _, mode := range []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.UnreliableOrdered, rtcpeer.Unreliable} {
						if channel == 0 && mode == rtcpeer.Reliable && from == sender || channel > 0 && mode != rtcpeer.Reliable {
							continue // the lane itself; the mode of a channel is fixed
						}
						p := rtcpeer.Packet{Peer: 1, Channel: channel, Mode: mode, Data: fmt.Appendf(nil, "%d on %d, %v", from.ID(), channel, mode)}
						for lost := true; lost; { // an unreliable packet may be
							require.NoError(t, from.TrySend(p))
							select {
							case got := <-heard:
								lost = string(got.Data) != string(p.Data)
							case <-time.After(time.Second):
								require.True(t, mode != rtcpeer.Reliable || channel == 2, "no word of %s", p.Data)
							case <-t.Context().Done():
								require.FailNow(t, "no word", "of %s", p.Data)
							}
						}
					}
				}
			}
			require.False(t, host.Stats().Links[5].Interrupted)
			require.False(t, host.Stats().Links[7].Interrupted)
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
