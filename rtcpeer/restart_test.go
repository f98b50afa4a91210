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
	"example.org/rtcpeer/testdata/skip"
)

// A program that is started again, with the id that it had, has links with all others again, however it ended and
// whenever it is back (fault L8).
func TestRestart(t *testing.T) {
	ends := []struct {
		name string
		end  func(w *world, id rtcpeer.PeerID)
	}{
		{"closed", func(w *world, id rtcpeer.PeerID) { require.NoError(w.t, w.nodes[id].Close()) }},
		{"closed while nothing gets through", func(w *world, id rtcpeer.PeerID) {
			w.isolate(id, true)
			require.NoError(w.t, w.nodes[id].Close())
		}},
		{"killed", func(w *world, id rtcpeer.PeerID) { w.kill(id) }},
		{"killed, and its place was lost", func(w *world, id rtcpeer.PeerID) {
			w.kill(id)
			w.giveUp(id, signaling.LeftLost)
		}},
	}
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		for _, id := range []rtcpeer.PeerID{1, 5, 9} {
			for _, end := range ends {
				for _, lostAfter := range []time.Duration{0, -1} {
					if topology == rtcpeer.Star && id == rtcpeer.Server && end.name[:6] == "closed" {
						continue // the room ends with it
					}
					t.Run(fmt.Sprintf("%s %d %s %v", topology, id, end.name, lostAfter), func(t *testing.T) {
						for _, away := range skip.Shorter([]time.Duration{30 * time.Millisecond, 1300 * time.Millisecond, 50 * time.Second}, []time.Duration{
							0, 30 * time.Millisecond, 110 * time.Millisecond, 700 * time.Millisecond,
							1300 * time.Millisecond, 1700 * time.Millisecond, 6 * time.Second, 20 * time.Second, 50 * time.Second,
						}) {
							bubble.Test(t, func(t *testing.T) {
								w := newWorld(t, topology, memory.Options{Delay: 20 * time.Millisecond})
								w.room.delay = func(_, _ rtcpeer.PeerID) time.Duration { return 10 * time.Millisecond }
								w.join(rtcpeer.Config{LostAfter: lostAfter}, 1, 5, 9)
								end.end(w, id)
								after(away)
								w.hosts[id] = w.network.Transport()
								w.enter(id, rtcpeer.Config{LostAfter: lostAfter})
								back := time.Now()
								after(10 * time.Second)
								last := rtcpeer.PeerID(0)
								for _, other := range []rtcpeer.PeerID{1, 5, 9} {
									if other == id || topology == rtcpeer.Star && id != rtcpeer.Server && other != rtcpeer.Server {
										continue
									}
									what := fmt.Sprintf("away %v: %d of %d: %s", away, other, id, w.diaries[other].story(id))
									require.Regexp(t, `^connected (interrupted )?disconnected\([a-z ]*\) connected$`, w.diaries[other].story(id), what)
									require.Less(t, w.diaries[other].when(rtcpeer.PeerConnected, id).Sub(back), 2*time.Second, what)
									w.diaries[other].check(t)
									require.Equal(t, "connected", w.diaries[id].story(other))
									require.NoError(t, w.nodes[other].Send(t.Context(), rtcpeer.Packet{Peer: id, Data: []byte("hello again")}))
									last = other
								}
								after(time.Second)
								require.Equal(t, []string{"hello again"}, w.diaries[id].packets(last, 0, rtcpeer.Reliable))
							})
							if t.Failed() {
								return
							}
						}
					})
				}
			}
		}
	}
}

// The same for members without features, which tell no incarnation: that they have left, and joined again, is enough.
func TestRestartOfABareMember(t *testing.T) {
	for _, id := range []rtcpeer.PeerID{1, 5, 9} {
		for _, away := range []time.Duration{0, 30 * time.Millisecond, 700 * time.Millisecond, 1700 * time.Millisecond, 6 * time.Second, 20 * time.Second} {
			t.Run(fmt.Sprintf("%d %v", id, away), func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 20 * time.Millisecond})
					w.room.bare = true
					w.join(rtcpeer.Config{}, 1, 5, 9)
					w.isolate(id, true) // or it would say that it ends
					require.NoError(t, w.nodes[id].Close())
					after(away)
					w.hosts[id] = w.network.Transport()
					w.enter(id, rtcpeer.Config{})
					back := time.Now()
					after(10 * time.Second)
					for _, other := range []rtcpeer.PeerID{1, 5, 9} {
						if other != id {
							require.Regexp(t, `^connected disconnected\((by peer|lost)\) connected$`, w.diaries[other].story(id))
							require.Less(t, w.diaries[other].when(rtcpeer.PeerConnected, id).Sub(back), 2*time.Second)
						}
					}
				})
			})
		}
	}
}
