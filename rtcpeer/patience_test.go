package rtcpeer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// Signals take longer than a first attempt may, as when a person carries them (fault A10). The attempts adapt, and the two
// members are linked, whoever joins first and whatever time a link may take. The same holds for a link whose path is lost.
func TestSlowSignaling(t *testing.T) {
	for _, oneWay := range []time.Duration{2 * time.Second, 4 * time.Second, 6 * time.Second, 10 * time.Second, 30 * time.Second} {
		for _, timeout := range []time.Duration{0, -1, time.Minute} {
			for _, first := range []rtcpeer.PeerID{1, 5} {
				t.Run(fmt.Sprintf("%v timeout %v first %d", oneWay, timeout, first), func(t *testing.T) {
					bubble.Test(t, func(t *testing.T) {
						w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 20 * time.Millisecond})
						w.room.delay = func(_, _ rtcpeer.PeerID) time.Duration { return oneWay }
						config := rtcpeer.Config{ConnectTimeout: timeout}
						w.enter(first, config)
						w.enter(6-first, config)
						start := time.Now()
						after(8*oneWay + time.Minute)
						w.wantBoth(1, 5)
						require.Less(t, w.diaries[1].when(rtcpeer.PeerConnected, 5).Sub(start), 8*oneWay+time.Minute)

						w.network.Forget(w.hosts[1], w.hosts[5])
						after(10 * time.Minute)
						w.wantBoth(1, 5)
						require.False(t, w.link(1, 5).Interrupted)
						require.False(t, w.link(5, 1).Interrupted)
						for _, d := range w.diaries {
							d.check(t)
						}
					})
				})
			}
		}
	}
}
