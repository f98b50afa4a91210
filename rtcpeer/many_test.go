package rtcpeer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
	"example.org/rtcpeer/testdata/skip"
)

// Many links repaired at once.

// The address of a host with 63 guests changes: all links are back within seconds, after about one offer each, which do not
// come in the same moment.
func TestHubMoves(t *testing.T) {
	for _, told := range []bool{true, false} { // by its system, or by the silence
		t.Run(fmt.Sprintf("told=%v", told), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Star, memory.Options{Delay: 20 * time.Millisecond})
				w.room.delay = func(_, _ rtcpeer.PeerID) time.Duration { return 20 * time.Millisecond }
				hub := w.enter(1, rtcpeer.Config{})
				const guests = 63
				var ids []rtcpeer.PeerID
				for i := range guests {
					ids = append(ids, rtcpeer.PeerID(2+i))
					w.enter(ids[i], rtcpeer.Config{})
				}
				after(5 * time.Second)
				require.Len(t, hub.Peers(), guests)
				var seen []time.Time // guarded by room.mu
				w.intercept(func(_, _ rtcpeer.PeerID, s signaling.SignalData) bool {
					if s.Type == signaling.Offer {
						seen = append(seen, time.Now())
					}
					return false
				})
				start := time.Now()
				if told {
					w.network.Move(w.hosts[1])
				} else {
					for _, id := range ids {
						w.network.Forget(w.hosts[1], w.hosts[id])
					}
				}
				after(5 * time.Second)
				w.room.mu.Lock()
				offers := slices.Clone(seen)
				w.room.mu.Unlock()
				for _, id := range ids {
					require.Equal(t, 2, w.link(1, id).Paths, "link with %d", id)
					require.Equal(t, 2, w.link(id, 1).Paths, "link of %d", id)
					require.Less(t, w.diaries[id].when(rtcpeer.PeerResumed, 1).Sub(start), 3*time.Second)
					d := w.diaries[id].story(1)
					require.Contains(t, []string{"connected", "connected interrupted resumed"}, d)
				}
				require.Len(t, offers, guests)
				if !told {
					return // each guest notices by itself, and they beat at different times
				}
				slices.SortFunc(offers, time.Time.Compare)
				require.Less(t, offers[guests-1].Sub(start), 1500*time.Millisecond)
				for i := range guests - 25 {
					require.Greater(t, offers[i+25].Sub(offers[i]), 50*time.Millisecond, "25 offers in 50 ms")
				}
			})
		})
	}
}

// In a mesh one member moves, and its links with smaller ids are repaired by it, those with larger ids by the others.
func TestMemberMoves(t *testing.T) {
	ids := []rtcpeer.PeerID{1, 3, 5, 7, 9, 11}
	for _, mover := range []rtcpeer.PeerID{1, 5, 11} {
		t.Run(fmt.Sprint(mover), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 20 * time.Millisecond})
				w.join(rtcpeer.Config{}, ids...)
				before := w.sent(signaling.Offer)
				for range 5 {
					w.network.Move(w.hosts[mover])
					after(3 * time.Second)
				}
				require.LessOrEqual(t, w.sent(signaling.Offer)-before, 2*5*(len(ids)-1))
				for _, a := range ids {
					w.diaries[a].check(t)
					for _, b := range ids {
						switch {
						case a == b:
						case a == mover || b == mover:
							require.GreaterOrEqual(t, w.link(a, b).Paths, 6, "%d with %d", a, b)
							require.False(t, w.link(a, b).Interrupted)
							require.NotContains(t, w.diaries[a].story(b), "disconnected")
						default:
							require.Equal(t, 1, w.link(a, b).Paths, "%d with %d", a, b)
							require.Equal(t, "connected", w.diaries[a].story(b))
						}
					}
				}
			})
		})
	}
}

// Both ends notice in the same moment that they have moved, and repair the link at once.
func TestBothEndsMove(t *testing.T) {
	for gap := time.Duration(0); gap <= 600*time.Millisecond; gap += skip.Shorter(200*time.Millisecond, 40*time.Millisecond) {
		for _, first := range []rtcpeer.PeerID{1, 5} {
			t.Run(fmt.Sprintf("%v %d", gap, first), func(t *testing.T) {
				lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
					w := newWorld(t, topology, memory.Options{Delay: 20 * time.Millisecond})
					w.room.delay = func(_, _ rtcpeer.PeerID) time.Duration { return 30 * time.Millisecond }
					w.join(rtcpeer.Config{}, 1, 5)
					streams := []*stream{w.stream(1, 5, 0, rtcpeer.Reliable, 20*time.Millisecond, 1), w.stream(5, 1, 0, rtcpeer.Reliable, 20*time.Millisecond, 1)}
					start := time.Now()
					w.network.Move(w.hosts[first])
					after(gap)
					w.network.Move(w.hosts[6-first])
					after(4 * time.Second)
					for _, s := range streams {
						s.end()
					}
					after(2 * time.Second)
					for id, d := range w.diaries {
						d.check(t)
						require.Contains(t, []string{"connected", "connected interrupted resumed"}, d.story(6-id))
						require.Less(t, d.when(rtcpeer.PeerResumed, 6-id).Sub(start), 3*time.Second)
						require.LessOrEqual(t, w.link(id, 6-id).Paths, 4)
					}
					for _, s := range streams {
						s.want()
					}
				})
			})
		}
	}
}
