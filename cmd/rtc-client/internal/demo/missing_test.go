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

// An unreliable packet may come twice, since the demo sends it again, and late. Nothing else may come that was not
// sent, or twice.
func TestPacket(t *testing.T) {
	run := newDemoRun(2, 3, &bytes.Buffer{})
	to := run.peers[0]
	to.id, run.round = 1, 2
	to.received[7] = &[len(modes.All)]int{1, 1, 1}
	packet := func(from rtcpeer.PeerID, mode rtcpeer.Mode, data string) error {
		return run.packet(arrival{to: to}, rtcpeer.Packet{Peer: from, Mode: mode, Data: []byte(data)})
	}
	for i, mode := range modes.All {
		require.NoError(t, packet(7, mode, demoPacket(7, mode, 2)))
		require.Equal(t, i+1, run.received)
	}
	for _, round := range []int{1, 2} {
		require.NoError(t, packet(7, rtcpeer.Unreliable, demoPacket(7, rtcpeer.Unreliable, round)))
		require.Error(t, packet(7, rtcpeer.Reliable, demoPacket(7, rtcpeer.Reliable, round)))
	}
	require.Error(t, packet(7, rtcpeer.Unreliable, demoPacket(7, rtcpeer.Unreliable, 3)), "not sent yet")
	require.Error(t, packet(9, rtcpeer.Unreliable, demoPacket(9, rtcpeer.Unreliable, 2)), "of a peer that is not connected")
	require.Len(t, modes.All, run.received, "a packet that comes twice counts once")
}
