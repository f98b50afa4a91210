package rtcpeer_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
)

// parting returns the PeerDisconnected of a peer, which is the next event about it.
func parting(t *testing.T, n *rtcpeer.Node, id rtcpeer.PeerID) rtcpeer.Event {
	t.Helper()
	for {
		if ev := next(t, n); ev.Peer == id {
			require.Equal(t, rtcpeer.PeerDisconnected, ev.Kind, "%v", ev)
			return ev
		}
	}
}

// Either end tells the other one why it ends the link. Nobody else is told, and the end that tells is not told back.
func TestDisconnectWith(t *testing.T) {
	said := []struct {
		code uint16
		text string
	}{{7, "idle"}, {0, strings.Repeat("é€👋 \x00\x1b", rtcpeer.MaxDisconnectText/12)}, {0, ""}}
	overBoth(t, func(t *testing.T, newTransport func() transport.Transport) {
		for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
			for _, from := range []rtcpeer.PeerID{1, 5} {
				for _, s := range said {
					t.Run(fmt.Sprintf("%s from %d %d %.8q", topology, from, s.code, s.text), func(t *testing.T) {
						t.Parallel()
						to := 6 - from
						nodes := group(t, topology, newTransport, rtcpeer.Config{Linger: time.Minute}, 1, 5, 7) // on a busy machine, too
						require.NoError(t, nodes[from].Send(t.Context(), rtcpeer.Packet{Peer: to, Data: []byte("last")}))
						require.NoError(t, nodes[from].DisconnectWith(to, s.code, s.text))
						wantPacket(t, nodes[to], from, 0, rtcpeer.Reliable, "last")
						require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerDisconnected, Peer: from, Reason: rtcpeer.ByPeer, Code: s.code, Text: s.text},
							parting(t, nodes[to], from))
						require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerDisconnected, Peer: to, Reason: rtcpeer.ByUs}, parting(t, nodes[from], to))
						if topology == rtcpeer.Star {
							require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerDisconnected, Peer: 5, Reason: rtcpeer.ByPeer}, parting(t, nodes[7], 5), "another guest")
						}
						if topology == rtcpeer.Star && to == 5 {
							_, err := nodes[5].Receive(t.Context())
							require.ErrorIs(t, err, rtcpeer.ErrHostGone)
							require.Equal(t, s.code == 7, strings.HasSuffix(err.Error(), `it ended the link: code 7, "idle"`), "%v", err)
						}
					})
				}
			}
		}
	})
}

// A lateAcks is a transport whose control lanes never learn that what they sent has arrived.
type lateAcks struct{ transport.Transport }

func (l lateAcks) NewPath(config transport.PathConfig) (transport.Path, error) {
	p, err := l.Transport.NewPath(config)
	return lateAcksPath{p, slices.IndexFunc(config.Lanes, func(l transport.LaneConfig) bool { return l.ID == 0 })}, err
}

type lateAcksPath struct {
	transport.Path
	control int
}

func (p lateAcksPath) Lane(i int) transport.Lane {
	if i == p.control {
		return lateAcksLane{p.Path.Lane(i)}
	}
	return p.Path.Lane(i)
}

type lateAcksLane struct{ transport.Lane }

func (lateAcksLane) Buffered() int { return 1 }

// The other end may be gone before its acknowledgement of the bye has arrived: it has closed the path, or the path is silent
// and the server has said that the other end is gone. Then the node does not linger, and what the other end had acknowledged
// before the bye counts as delivered.
func TestDisconnectWhenTheOtherEndIsGone(t *testing.T) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		for _, silent := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s silent %v", topology, silent), func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					network := memory.NewNetwork(memory.Options{Delay: 20 * time.Millisecond})
					var hosts []*memory.Transport
					newTransport := func() transport.Transport {
						hosts = append(hosts, network.Transport())
						return lateAcks{hosts[len(hosts)-1]}
					}
					nodes := group(t, topology, newTransport, rtcpeer.Config{Linger: time.Minute}, 1, 5)
					require.NoError(t, nodes[1].Send(t.Context(), rtcpeer.Packet{Peer: 5, Data: []byte("last")}))
					start := time.Now()
					require.NoError(t, nodes[1].DisconnectWith(5, 7, "idle"))
					wantPacket(t, nodes[5], 1, 0, rtcpeer.Reliable, "last")
					require.Equal(t, "idle", parting(t, nodes[5], 1).Text)
					if silent {
						network.Partition(hosts[0], hosts[1])
					}
					ev := next(t, nodes[1])
					if ev.Kind == rtcpeer.PeerInterrupted {
						ev = next(t, nodes[1])
					}
					require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerDisconnected, Peer: 5, Reason: rtcpeer.ByUs}, ev)
					require.Less(t, time.Since(start), 10*time.Second)
				})
			})
		}
	}
}

func TestDisconnectWithErrors(t *testing.T) {
	network := memory.NewNetwork(memory.Options{})
	nodes := group(t, rtcpeer.Star, func() transport.Transport { return network.Transport() }, rtcpeer.Config{}, 1, 5, 7)
	for _, text := range []string{strings.Repeat("x", rtcpeer.MaxDisconnectText+1), "\xff", "half \xf0\x9f\x91"} {
		err := nodes[1].DisconnectWith(5, 7, text)
		require.ErrorIs(t, err, rtcpeer.ErrDisconnectText)
		require.Less(t, len(err.Error()), 200)
	}
	require.ErrorIs(t, nodes[1].DisconnectWith(1234, 7, "idle"), rtcpeer.ErrUnknownPeer)
	require.ErrorIs(t, nodes[5].DisconnectWith(7, 7, "idle"), rtcpeer.ErrNotHost)
	require.NoError(t, nodes[1].Send(t.Context(), rtcpeer.Packet{Peer: 5, Data: []byte("still")}))
	wantPacket(t, nodes[5], 1, 0, rtcpeer.Reliable, "still")
}

// A program that ends a link and then leaves says why; one that only leaves has nothing to say.
func TestDisconnectWithAndClose(t *testing.T) {
	lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
		w := newWorld(t, topology, memory.Options{Delay: 20 * time.Millisecond}).join(rtcpeer.Config{}, 1, 5, 7)
		require.NoError(t, w.nodes[1].DisconnectWith(5, 7, "idle"))
		require.NoError(t, w.closeNode(1))
		after(time.Second)
		require.Equal(t, []string{"by peer: code 7, \"idle\""}, w.diaries[5].partings(1))
		require.Equal(t, []string{"by peer"}, w.diaries[7].partings(1))
	})
}

// partings returns why a peer was disconnected, and what its program has said, each time.
func (d *diary) partings(id rtcpeer.PeerID) (all []string) {
	events, _ := d.all()
	for _, ev := range events {
		if ev.Kind == rtcpeer.PeerDisconnected && ev.Peer == id {
			all = append(all, strings.TrimPrefix(ev.String(), fmt.Sprintf("disconnected %d: ", id)))
		}
	}
	return all
}

// A link is ended while nothing gets through. The other end is told by the signaling server, or over the path if that
// comes back in time.
func TestDisconnectWithDuringInterruption(t *testing.T) {
	for _, tt := range []struct {
		name   string
		heal   time.Duration // after the disconnect
		lost   bool          // the first refusal
		offers bool          // they are lost, so that the refusal has the number of an earlier attempt
	}{
		{"the path stays away", time.Hour, false, false}, {"the refusal is lost", 2 * time.Second, true, false},
		{"the path comes back", 100 * time.Millisecond, false, false}, {"offers are lost", time.Hour, false, true},
	} {
		for _, from := range []rtcpeer.PeerID{1, 5} {
			for _, silence := range []time.Duration{0, 5 * time.Second} {
				t.Run(fmt.Sprintf("%s from %d after %v", tt.name, from, silence), func(t *testing.T) {
					lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
						w := newWorld(t, topology, memory.Options{Delay: 20 * time.Millisecond}).join(rtcpeer.Config{}, 1, 5)
						refusals := 0
						w.intercept(func(_, _ rtcpeer.PeerID, s signaling.SignalData) bool {
							if s.Type == signaling.Refuse {
								refusals++
							}
							return tt.lost && s.Type == signaling.Refuse && refusals == 1 || tt.offers && s.Type == signaling.Offer
						})
						w.partition(1, 5)
						after(silence)
						require.NoError(t, w.nodes[from].DisconnectWith(6-from, 7, "idle"))
						after(tt.heal)
						w.heal(1, 5)
						after(20 * time.Second)
						if topology == rtcpeer.Star && from == 5 && tt.lost { // the guest's node has ended, and cannot refuse again
							require.Len(t, w.diaries[1].partings(5), 1)
						} else {
							require.Equal(t, []string{`by peer: code 7, "idle"`}, w.diaries[6-from].partings(from))
						}
						require.Equal(t, []string{"by us"}, w.diaries[from].partings(6-from))
					})
				})
			}
		}
	}
}

// The path comes back too late for the bye, and the other end notices that the path is closed before the signaling server
// delivers the refusal. If no refusal comes, the other end gives the link up as lost a moment later, not after LostAfter.
func TestDisconnectWithLateRefusal(t *testing.T) {
	const linger = time.Second
	for _, tt := range []struct {
		name  string
		late  time.Duration
		never bool
		want  string
	}{{"late", 2 * time.Second, false, `by peer: code 7, "idle"`}, {"never", 0, true, "lost"}} {
		for _, from := range []rtcpeer.PeerID{1, 5} {
			t.Run(fmt.Sprintf("%s from %d", tt.name, from), func(t *testing.T) {
				lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
					if topology == rtcpeer.Star && from == 5 {
						return // it leaves the room, which is news as well
					}
					w := newWorld(t, topology, memory.Options{Delay: 20 * time.Millisecond}).join(rtcpeer.Config{Linger: linger, LostAfter: -1}, 1, 5)
					w.room.delay = func(_, _ rtcpeer.PeerID) time.Duration { return tt.late }
					w.intercept(func(_, _ rtcpeer.PeerID, s signaling.SignalData) bool { return tt.never })
					w.partition(1, 5)
					after(5 * time.Second)
					require.True(t, w.link(6-from, from).Interrupted)
					require.NoError(t, w.nodes[from].DisconnectWith(6-from, 7, "idle"))
					after(linger + 10*time.Millisecond) // the end of the path is on its way
					w.heal(1, 5)
					after(4 * time.Second) // LostAfter never ends it
					require.Equal(t, []string{tt.want}, w.diaries[6-from].partings(from))
					require.Equal(t, []string{"by us"}, w.diaries[from].partings(6-from))
				})
			})
		}
	}
}

// A link that goes through the signaling server.
func TestDisconnectWithOverAForwardedPath(t *testing.T) {
	for _, from := range []rtcpeer.PeerID{1, 5} {
		t.Run(fmt.Sprint(from), func(t *testing.T) {
			lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
				w := newForwardingWorld(t, topology, true).join(withRelayLinks, 1, 5)
				after(5 * time.Second)
				require.Equal(t, transport.Signaling, w.link(1, 5).Local)
				text := strings.Repeat("x", rtcpeer.MaxDisconnectText)
				require.NoError(t, w.nodes[from].DisconnectWith(6-from, 300, text))
				after(time.Second)
				require.Equal(t, []string{fmt.Sprintf("by peer: code 300, %q", text)}, w.diaries[6-from].partings(from))
			})
		})
	}
}

// A peer that takes no part in repairs is sent no bye. The link ends as with Disconnect, without a code and a text.
func TestDisconnectWithPeerWithoutRepairs(t *testing.T) {
	lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
		w := newWorld(t, topology, memory.Options{Delay: 20 * time.Millisecond})
		w.room.bare = true
		w.enter(1, rtcpeer.Config{})
		w.room.bare = false
		w.join(rtcpeer.Config{}, 5)
		require.False(t, w.link(5, 1).Repairable)
		require.NoError(t, w.nodes[5].DisconnectWith(1, 7, "idle"))
		after(time.Second)
		require.Equal(t, []string{"by peer"}, w.diaries[1].partings(5))
		require.Equal(t, []string{"by us"}, w.diaries[5].partings(1))
	})
}

// One end ends the link as soon as it is connected, and the other end has just been admitted.
func TestDisconnectWithRightAfterAuthentication(t *testing.T) {
	for _, from := range []rtcpeer.PeerID{1, 5} {
		lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
			for range 20 {
				w := newWorld(t, topology, memory.Options{Delay: 20 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.1})
				slow := func(context.Context, *rtcpeer.PendingPeer) error {
					after(500 * time.Millisecond) // what the other end accepts has come by then
					return nil
				}
				fast := func(context.Context, *rtcpeer.PendingPeer) error { return nil }
				auth := map[rtcpeer.PeerID]rtcpeer.AuthFunc{from: slow, 6 - from: fast}
				nodes := make(map[rtcpeer.PeerID]*rtcpeer.Node)
				for _, id := range []rtcpeer.PeerID{1, 5} {
					nodes[id] = w.room.join(t, id, w.network.Transport(), rtcpeer.Config{Framed: true, Auth: auth[id]})
				}
				wantEvent(t, nodes[from], rtcpeer.PeerConnected, 6-from)
				require.NoError(t, nodes[from].DisconnectWith(6-from, 7, "idle"))
				wantEvent(t, nodes[6-from], rtcpeer.PeerConnected, from)
				ev := parting(t, nodes[6-from], from)
				require.Equal(t, []any{rtcpeer.ByPeer, uint16(7), "idle"}, []any{ev.Reason, ev.Code, ev.Text})
			}
		})
	}
}
