package rtcpeer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
)

// A member that is kicked from a mesh or a star gets one PeerDisconnected for each peer, before Receive says why the node
// has ended, and then has no peers (faults A1 and A5). All others get the same reason, whether the path or the signaling
// server tells them first.
func TestKickedMember(t *testing.T) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		for _, victim := range []rtcpeer.PeerID{5, 9} {
			for _, lag := range []time.Duration{0, time.Second} { // of the server's messages
				for _, path := range []time.Duration{20 * time.Millisecond, 300 * time.Millisecond} {
					t.Run(fmt.Sprintf("%s %d server %v path %v", topology, victim, lag, path), func(t *testing.T) {
						bubble.Test(t, func(t *testing.T) {
							w := newWorld(t, topology, memory.Options{Delay: 20 * time.Millisecond})
							w.room.lag = lag
							w.join(rtcpeer.Config{}, faultIDs...)
							w.network.Adjust(func(o *memory.Options) { o.Delay = path })
							require.NoError(t, w.nodes[1].Kick(t.Context(), victim, "be nice"))
							after(time.Minute)

							_, err := w.diaries[victim].end()
							require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeKicked})
							require.Empty(t, w.nodes[victim].Peers())
							require.Equal(t, rtcpeer.ConnectionDisconnected, w.nodes[victim].Status())
							for _, other := range faultIDs {
								if other == victim {
									continue
								}
								want := "connected disconnected(kicked)"
								require.Equal(t, want, w.diaries[other].story(victim), "%d of %d", other, victim)
								if topology == rtcpeer.Star && other != rtcpeer.Server {
									want = "connected disconnected(host gone)"
								}
								require.Equal(t, want, w.diaries[victim].story(other), "%d of %d", victim, other)
								require.Len(t, w.nodes[other].Peers(), 1)
								w.diaries[other].check(t)
							}
						})
					})
				}
			}
		}
	}
}

// Where no other host can follow, the host's word is enough for a guest that is away from the server.
func TestKickedWhileAwayFromTheServer(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Star, memory.Options{Delay: 20 * time.Millisecond}).join(rtcpeer.Config{}, faultIDs...)
		away := w.room.sessionOf(9)
		w.room.cut(away)
		w.room.notice(away)
		require.NoError(t, w.nodes[1].Kick(t.Context(), 9, "be nice"))
		after(10 * time.Second)
		_, err := w.diaries[9].end()
		require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeKicked})
		require.Equal(t, "connected disconnected(kicked)", w.diaries[9].story(1))
	})
}

// The other guests are told what the host knows of the end of a guest (fault A5 and related ones). If the host's program
// has ended the link, the reason is ByPeer for them.
func TestReasonOfAGuestsEnd(t *testing.T) {
	tests := []struct {
		name         string
		end          func(t *testing.T, w *world)
		host, others rtcpeer.DisconnectReason
	}{
		{"left", func(t *testing.T, w *world) { require.NoError(t, w.nodes[5].Close()) }, rtcpeer.ByPeer, rtcpeer.ByPeer},
		{"disconnected by the host", func(t *testing.T, w *world) { require.NoError(t, w.nodes[1].Disconnect(5)) }, rtcpeer.ByUs, rtcpeer.ByPeer},
		{"died", func(_ *testing.T, w *world) { w.kill(5) }, rtcpeer.Lost, rtcpeer.Lost},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Star, memory.Options{Delay: 20 * time.Millisecond})
				w.join(rtcpeer.Config{}, faultIDs...)
				tt.end(t, w)
				after(time.Minute)
				require.Contains(t, w.diaries[1].story(5), fmt.Sprintf("disconnected(%v)", tt.host))
				require.Equal(t, fmt.Sprintf("connected disconnected(%v)", tt.others), w.diaries[9].story(5))
			})
		})
	}
}

// A host disconnects a guest half a second after it has joined (fault A4). The error of the guest's node says that the host
// ended the link, and does not guess that authentication was missing.
func TestGuestDisconnectedSoonAfterJoining(t *testing.T) {
	for _, bare := range []bool{false, true} {
		t.Run(fmt.Sprintf("bare=%v", bare), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Star, memory.Options{Delay: 20 * time.Millisecond})
				w.room.bare = bare
				w.enter(1, rtcpeer.Config{})
				w.enter(5, rtcpeer.Config{})
				after(500 * time.Millisecond)
				require.NoError(t, w.nodes[1].Disconnect(5))
				after(time.Minute)
				_, err := w.diaries[5].end()
				require.ErrorIs(t, err, rtcpeer.ErrHostGone)
				require.ErrorContains(t, err, "it ended the link")
				require.NotContains(t, err.Error(), "authentication")
			})
		})
	}
}
