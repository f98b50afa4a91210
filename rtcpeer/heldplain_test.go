//go:build !js

package rtcpeer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
)

// The guest that stops receiving takes no part in repairs, as a Godot game does not (fault L17): neither the member that
// sends to it nor anybody else becomes silent to the host. When the buffer of its lane is full, the host holds up the lane
// of the sender and no other one, because the sender takes part in repairs.
func TestHeldUpGuestWithoutRepairs(t *testing.T) {
	t.Parallel()
	nodes := heldRoomWithPlain(t, rtcpeer.Config{}, 7, 1, 5, 7, 9)
	host, sender, other := nodes[1], nodes[5], nodes[9] // and 7 receives nothing any more
	require.False(t, host.Stats().Links[7].Repairable)
	require.True(t, host.Stats().Links[5].Repairable)
	go drainUntilEnd(t, other)
	heard := hearAll(t, host)
	var before uint64
	require.Eventually(t, func() bool { // nothing has gone since the last time
		full := true
		for sender.TrySend(rtcpeer.Packet{Peer: 7, Data: make([]byte, 16<<10)}) == nil {
			full = false
		}
		now := host.Stats().Links[5].Lanes[0].ReceivedBytes
		still := now == before
		before = now
		return full && still
	}, 60*time.Second, 300*time.Millisecond)

	for _, from := range []*rtcpeer.Node{sender, other} {
		free := []rtcpeer.Mode{rtcpeer.UnreliableOrdered, rtcpeer.Unreliable}
		if from == other {
			free = append(free, rtcpeer.Reliable)
		}
		for _, mode := range free {
			sendUntilHeard(t, from, rtcpeer.Packet{Peer: 1, Mode: mode, Data: fmt.Appendf(nil, "%d, %v", from.ID(), mode)}, heard)
		}
	}
}
