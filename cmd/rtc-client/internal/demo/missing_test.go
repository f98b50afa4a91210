package demo

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/rtc-client/internal/modes"
	"example.org/rtcpeer/rtcpeer"
)

// A demo that has not finished in time says which peer lacks what.
func TestMissing(t *testing.T) {
	run := newDemoRun(3, 3, &bytes.Buffer{})
	a, b, c := run.peers[0], run.peers[1], run.peers[2]
	a.id, b.id = 1, 7
	require.Equal(t, "; peer 1 is not connected to peer 7; peer 7 is not connected to peer 1; a peer has not joined", run.missing())

	c.id = 9
	run.round = 2
	for _, p := range run.peers {
		for _, other := range run.peers {
			p.received[other.id] = &[len(modes.All)]int{2, 2, 2}
		}
	}
	require.Empty(t, run.missing())
	b.received[9] = &[len(modes.All)]int{rtcpeer.Reliable: 2, rtcpeer.UnreliableOrdered: 1}
	require.Equal(t, "; peer 7 has not received 2 unreliable packets from peer 9; peer 7 has not received 1 unreliable_ordered packets from peer 9", run.missing())

	run.packets, run.round = 10, 11
	require.Contains(t, run.missing(), "has not received 8 unreliable packets from peer 7")
	require.True(t, strings.HasSuffix(run.missing(), "; and 10 more"), run.missing())
}
