package rtcpeer_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// upload sends 3 MB to a peer that takes whatever comes, as fast as its buffer has room.
func upload(t *testing.T, n *rtcpeer.Node, to rtcpeer.PeerID) (packets int) {
	for ; packets < 300; packets++ {
		require.NoError(t, n.Send(t.Context(), rtcpeer.Packet{Peer: to, Data: make([]byte, 10_000)}))
	}
	return packets
}

// 3 MB are sent reliably over a line of 100 KB/s, and then the node closes (fault A9). Flush before that waits for all of
// them. Close alone, which waits for Linger, says how much was not delivered.
func TestFlushBeforeClose(t *testing.T) {
	for _, bare := range []bool{false, true} {
		for _, flushes := range []bool{true, false} {
			t.Run(fmt.Sprintf("bare=%v flush=%v", bare, flushes), func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 20 * time.Millisecond, Rate: 100_000})
					w.room.bare = bare
					w.join(rtcpeer.Config{}, 1, 5)
					sent := upload(t, w.nodes[5], 1)
					if flushes {
						require.NoError(t, w.nodes[5].Flush(t.Context()))
						require.NoError(t, w.nodes[5].Close())
					} else {
						err := w.closeNode(5)
						var undelivered *rtcpeer.UndeliveredError
						require.ErrorAs(t, err, &undelivered)
						require.Greater(t, undelivered.Bytes[1], 500_000)
						require.Less(t, undelivered.Bytes[1], 2<<20)
						require.ErrorContains(t, err, "bytes for peer 1")
					}
					after(time.Minute)
					require.Equal(t, flushes, len(w.diaries[1].packets(5, 0, rtcpeer.Reliable)) == sent)
				})
			})
		}
	}
}

// Flush goes on over a repair, and says at the end of its context, or of the link, what has not arrived.
func TestFlushOfAnInterruptedLink(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 20 * time.Millisecond})
		w.join(rtcpeer.Config{}, 1, 5, 9)
		w.partition(1, 5)
		after(3 * time.Second)
		require.NoError(t, w.nodes[5].TrySend(rtcpeer.Packet{Data: make([]byte, 1000)}))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		err := w.nodes[5].Flush(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var undelivered *rtcpeer.UndeliveredError
		require.ErrorAs(t, err, &undelivered)
		require.Equal(t, map[rtcpeer.PeerID]int{1: 1000}, undelivered.Bytes)

		time.AfterFunc(2*time.Second, func() { w.heal(1, 5) })
		require.NoError(t, w.nodes[5].Flush(t.Context()))

		w.partition(1, 5)
		after(3 * time.Second)
		require.NoError(t, w.nodes[5].TrySend(rtcpeer.Packet{Data: make([]byte, 1000)}))
		err = w.nodes[5].Flush(t.Context()) // until the link is lost
		require.ErrorAs(t, err, &undelivered)
		require.ErrorIs(t, err, rtcpeer.ErrUnknownPeer)
		require.Equal(t, map[rtcpeer.PeerID]int{1: 1000}, undelivered.Bytes)
		after(time.Second)
		require.Equal(t, []rtcpeer.PeerID{9}, w.nodes[5].Peers())
		require.NoError(t, w.nodes[5].Flush(t.Context()), "nothing is on its way to those who are there")
	})
}

// What another goroutine sends while Flush waits is not waited for.
func TestFlushEndsWhileOthersSend(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 20 * time.Millisecond})
		w.join(rtcpeer.Config{}, 1, 5)
		s := w.stream(5, 1, 0, rtcpeer.Reliable, time.Millisecond, 100)
		after(time.Second)
		require.NoError(t, w.nodes[5].Flush(t.Context()))
		s.end()
		require.NoError(t, w.nodes[5].Flush(t.Context()))
		s.want()
	})
}

// Disconnect too says what was not delivered.
func TestDisconnectTellsWhatWasNotDelivered(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 20 * time.Millisecond, Rate: 100_000})
		w.join(rtcpeer.Config{}, 1, 5)
		upload(t, w.nodes[5], 1)
		require.NoError(t, w.nodes[5].Disconnect(1))
		after(time.Minute)
		events, _ := w.diaries[5].all()
		last := events[len(events)-1]
		require.Equal(t, rtcpeer.PeerDisconnected, last.Kind)
		var undelivered *rtcpeer.UndeliveredError
		require.ErrorAs(t, last.Err, &undelivered)
		require.Greater(t, undelivered.Bytes[1], 500_000)
	})
}

// On both transports, nothing is lost after Flush, and a Flush that has nothing to wait for returns at once.
func TestFlushOverBothTransports(t *testing.T) {
	t.Parallel()
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		overBoth(t, func(t *testing.T, newTransport func() transport.Transport) {
			nodes := group(t, topology, newTransport, rtcpeer.Config{Linger: -1}, 1, 5)
			require.NoError(t, nodes[5].Flush(t.Context()))
			go upload(t, nodes[5], 1)
			for range 300 {
				require.Equal(t, rtcpeer.PacketReceived, next(t, nodes[1]).Kind)
			}
			require.NoError(t, nodes[5].Flush(t.Context()))
			require.NoError(t, nodes[5].Close())
			require.ErrorIs(t, nodes[5].Flush(t.Context()), rtcpeer.ErrClosed)
		})
	}
	require.NoError(t, new(rtcpeer.Offline).Flush(t.Context()))
}
