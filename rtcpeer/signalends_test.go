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

// What becomes of links that are not connected yet when the signaling server, or the room, is gone.

// A node whose signaling has ended for good, and that has no link, ends at once: a link that is being made cannot be
// made any more.
func TestSignalingEndsWhileConnecting(t *testing.T) {
	lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
		w := newWorld(t, topology, memory.Options{Delay: 20 * time.Millisecond})
		w.hosts[1], w.hosts[5] = w.network.Transport(), w.network.Transport()
		w.partition(1, 5)
		w.enter(1, rtcpeer.Config{})
		w.enter(5, rtcpeer.Config{})
		after(2 * time.Second)
		w.room.end(&signaling.Error{Code: signaling.CodeHostLeft, Text: "the room is over"})
		over := time.Now()
		after(time.Minute)
		d := w.diaries[5]
		d.mu.Lock()
		defer d.mu.Unlock()
		require.Error(t, d.ended)
		require.Less(t, d.endedAt.Sub(over), time.Second)
	})
}

// The signaling server restarts while two ends authenticate each other, and one of them is back before the other.
// They go on over the link that they have.
func TestServerRestartsInAuthentication(t *testing.T) {
	for _, first := range []rtcpeer.PeerID{1, 5} {
		for _, gap := range []time.Duration{100 * time.Millisecond, 700 * time.Millisecond, 3 * time.Second} {
			t.Run(fmt.Sprintf("%d is back %v before the other", first, gap), func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					w := newWorld(t, rtcpeer.Star, memory.Options{Delay: 20 * time.Millisecond})
					w.enter(1, rtcpeer.Config{Auth: slowAuth("sesame", 2*time.Second)})
					w.enter(5, rtcpeer.Config{Auth: slowAuth("sesame", 2*time.Second)})
					sessions := map[rtcpeer.PeerID]*session{1: w.room.sessionOf(1), 5: w.room.sessionOf(5)}
					after(time.Second)
					w.room.restart()
					after(100 * time.Millisecond)
					w.room.restore(sessions[first])
					after(gap)
					w.room.restore(sessions[6-first])
					after(time.Minute)
					for id, d := range w.diaries {
						d.check(t)
						require.Equal(t, "connected", d.story(6-id))
					}
				})
			})
		}
	}
}
