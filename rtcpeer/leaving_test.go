package rtcpeer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
	"example.org/rtcpeer/testdata/skip"
)

// A member closes its node or disconnects a peer at any moment of a repair. The call returns within two seconds, and the
// other end is told exactly once, within three.
func TestLeavingDuringRepair(t *testing.T) {
	troubles := []struct {
		name string
		make func(w *world)
		mend func(w *world)
	}{
		{"partition", func(w *world) { w.partition(1, 5) }, func(w *world) { w.heal(1, 5) }},
		{"move", func(w *world) { w.network.Move(w.hosts[1]) }, func(*world) {}},
		{"forget", func(w *world) { w.network.Forget(w.hosts[1], w.hosts[5]) }, func(*world) {}},
	}
	for _, tt := range troubles {
		for _, leaver := range []rtcpeer.PeerID{1, 5} {
			for _, closes := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s %d close=%v", tt.name, leaver, closes), func(t *testing.T) {
					for offset := time.Duration(0); offset < 2500*time.Millisecond; offset += skip.Shorter(210*time.Millisecond, 21*time.Millisecond) {
						bubble.Test(t, func(t *testing.T) {
							w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 40 * time.Millisecond})
							w.room.delay = func(_, _ rtcpeer.PeerID) time.Duration { return 15 * time.Millisecond }
							w.join(rtcpeer.Config{}, 1, 5)
							tt.make(w)
							time.AfterFunc(2*time.Second, func() { tt.mend(w) })
							after(offset)
							start := time.Now()
							if closes {
								require.NoError(t, w.nodes[leaver].Close())
							} else {
								require.NoError(t, w.nodes[leaver].Disconnect(6-leaver))
							}
							require.Less(t, time.Since(start), 2*time.Second, "offset %v: it hangs", offset)
							after(time.Minute)
							other := w.diaries[6-leaver]
							story := other.story(leaver)
							require.True(t, strings.HasSuffix(story, "disconnected(by peer)"), "offset %v: %s", offset, story)
							require.Equal(t, 1, strings.Count(story, "disconnected"), "offset %v: %s", offset, story)
							took := other.when(rtcpeer.PeerDisconnected, leaver).Sub(start)
							require.Less(t, took, 3*time.Second, "offset %v: %s", offset, story)
							if !closes {
								own := w.diaries[leaver].story(6 - leaver)
								require.True(t, strings.HasSuffix(own, "disconnected(by us)"), "offset %v: %s", offset, own)
							}
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

// While a link moves from a path that works to another, in whatever moment: what was sent before Close
// arrives. If nothing gets through any more, Close does not wait for it.
func TestClosingInAMove(t *testing.T) {
	for _, tt := range []struct {
		leaver rtcpeer.PeerID
		parted bool
	}{{1, false}, {5, false}, {1, true}, {5, true}} {
		t.Run(fmt.Sprintf("%d parted=%v", tt.leaver, tt.parted), func(t *testing.T) {
			leaver := tt.leaver
			for offset := time.Duration(0); offset < 1200*time.Millisecond; offset += skip.Shorter(30*time.Millisecond, 3*time.Millisecond) {
				bubble.Test(t, func(t *testing.T) {
					w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 40 * time.Millisecond})
					w.hosts[1], w.hosts[5] = w.network.Transport(), w.network.Transport()
					w.network.RelayOnly(w.hosts[1], w.hosts[5], true)
					w.room.delay = func(_, _ rtcpeer.PeerID) time.Duration { return 15 * time.Millisecond }
					w.join(rtcpeer.Config{}, 1, 5)
					w.network.RelayOnly(w.hosts[1], w.hosts[5], false)
					s := w.stream(leaver, 6-leaver, 0, rtcpeer.Reliable, 3*time.Millisecond, 1)
					after(offset)
					s.end()
					if tt.parted {
						w.partition(1, 5)
					}
					start := time.Now()
					err := w.closeNode(leaver)
					require.Equal(t, tt.parted && s.sent > 0, err != nil, "offset %v: %d sent: it says what was not delivered: %v", offset, s.sent, err)
					require.Less(t, time.Since(start), time.Second, "offset %v", offset)
					after(time.Minute)
					if tt.parted {
						require.Equal(t, 1, strings.Count(w.diaries[6-leaver].story(leaver), "disconnected"))
						return
					}
					s.want()
					require.Equal(t, "connected disconnected(by peer)", w.diaries[6-leaver].story(leaver), "offset %v", offset)
				})
				if t.Failed() {
					return
				}
			}
		})
	}
}
