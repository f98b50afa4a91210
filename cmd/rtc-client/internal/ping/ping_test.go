package ping

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/linklog"
	"example.org/rtcpeer/cmd/rtc-client/internal/pairtest"
	"example.org/rtcpeer/cmd/rtc-client/internal/probe"
	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/testdata/bubble"
)

// A ping goes on over a loss, and tells all of a peer in one row.
func TestPingOutlivesTheLink(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		p := pairtest.New(t, rtcpeer.Mesh, rtcpeer.Config{LostAfter: 10 * time.Second})
		go func() {
			for {
				ev, err := p.Nodes[0].Receive(t.Context())
				if err != nil {
					return
				}
				probe.Answer(p.Nodes[0], ev.Packet)
			}
		}()
		var stderr bytes.Buffer
		c := &console.Console{Err: &stderr}
		r := pingRun{node: p.Nodes[1], console: c, links: linklog.New(c, p.Nodes[1], ""), count: 600, interval: 100 * time.Millisecond, wait: 10 * time.Second}
		require.NoError(t, r.meet(t.Context(), 1))
		go func() {
			time.Sleep(10 * time.Second)
			p.Cut()
			time.Sleep(5 * time.Second)
			p.Heal()
			time.Sleep(10 * time.Second)
			p.Cut()
			time.Sleep(20 * time.Second)
			p.Heal()
		}()
		require.NoError(t, r.run(t.Context()))
		r.sample()
		require.Len(t, r.peers, 1)
		got := r.report().Peers[0]
		require.Equal(t, 2, got.Interruptions)
		require.InDelta(t, 20_000, got.LongestMS, 1500, stderr.String())
		require.GreaterOrEqual(t, got.Paths, 2)
		require.Equal(t, 600, got.Unreliable.Sent)
		require.Equal(t, 600, got.Reliable.Sent)
		require.InDelta(t, 600-250, got.Unreliable.Received, 30)
		require.InDelta(t, 600-200, got.Reliable.Received, 30)
		require.Greater(t, got.Reliable.RTT.Max, int64(3_000_000))
		require.Less(t, got.Unreliable.RTT.Max, int64(1_000_000))
	})
}
