package rtcpeer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
	"example.org/rtcpeer/testdata/skip"
)

// A peer whose program stops reading: what it is sent is bounded at both ends, the others notice
// nothing, and nothing reliable is lost once it reads again.
func TestReaderThatStopsReading(t *testing.T) {
	skip.Long(t)
	overBoth(t, func(t *testing.T, newTransport func() transport.Transport) {
		nodes := group(t, rtcpeer.Mesh, newTransport, rtcpeer.Config{}, 1, 5, 7)
		data := make([]byte, 16<<10)
		sent := 0
		for fits(nodes[1], data) { // node 5 does not read
			sent++
			require.Less(t, sent*len(data), 16<<20, "what waits for a reader is bounded")
		}
		for nodes[1].TrySend(rtcpeer.Packet{Peer: 5, Data: data}) == nil { // Send waits for half
			sent++
		}
		require.LessOrEqual(t, nodes[5].Stats().Waiting, 256<<10/len(data)+2)

		var full *rtcpeer.BroadcastError
		require.ErrorAs(t, nodes[1].Send(t.Context(), rtcpeer.Packet{Data: data}), &full, "a broadcast does not wait")
		require.Equal(t, []rtcpeer.PeerID{5}, full.Peers)
		require.Equal(t, rtcpeer.PacketReceived, next(t, nodes[7]).Kind, "who reads has it")

		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("no patience")
		time.AfterFunc(10*time.Millisecond, func() { cancel(cause) })
		require.ErrorIs(t, nodes[1].Send(ctx, rtcpeer.Packet{Peer: 5, Data: data}), cause)

		waiting := make(chan error, 1)
		go func() {
			waiting <- nodes[1].Send(t.Context(), rtcpeer.Packet{Peer: 5, Data: []byte("the last")})
		}()
		for received := 0; ; received++ {
			if ev := next(t, nodes[5]); string(ev.Packet.Data) == "the last" {
				break
			}
			require.Less(t, received, sent+3)
		}
		require.NoError(t, <-waiting)
	})
}

// fits sends to 5, giving what is on its way the time to move on: SCTP may acknowledge late by 200 ms,
// and a busy machine later.
func fits(n *rtcpeer.Node, data []byte) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return n.Send(ctx, rtcpeer.Packet{Peer: 5, Data: data}) == nil
}

// A program that does not receive loses the latest packets of the unreliable modes, and Stats counts them as no_credit.
func TestUnreadUnreliablePacketsAreDropped(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		nodes := group(t, rtcpeer.Mesh, func() transport.Transport { return network.Transport() }, rtcpeer.Config{}, 1, 5)
		const packets = 1000
		for i := range packets {
			require.NoError(t, nodes[1].Send(t.Context(), rtcpeer.Packet{Peer: 5, Mode: rtcpeer.Unreliable, Data: fmt.Appendf(nil, "%01000d", i)}))
			synctest.Wait()
		}
		stats := nodes[5].Stats()
		require.Positive(t, stats.Dropped["no_credit"])
		require.EqualValues(t, packets, stats.Dropped["no_credit"]+uint64(stats.Waiting))
		require.InDelta(t, 256<<10/1128, stats.Waiting, 2)
		wantPacket(t, nodes[5], 1, 0, rtcpeer.Unreliable, fmt.Sprintf("%01000d", 0)) // the oldest stay
	})
}

// If unreliable packets are sent faster than their path carries them, the sender drops some, so that those that arrive are
// recent.
func TestSlowPathDropsUnreliablePackets(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{Delay: 50 * time.Millisecond, Rate: 200 << 10})
		nodes := group(t, rtcpeer.Mesh, func() transport.Transport { return network.Transport() }, rtcpeer.Config{}, 1, 5)
		start := time.Now()
		go func() {
			for range 400 { // 1 MB a second for four seconds
				at := time.Since(start)
				nodes[1].TrySend(rtcpeer.Packet{Peer: 5, Mode: rtcpeer.UnreliableOrdered, Data: fmt.Appendf(nil, "%010000d", at)})
				after(10 * time.Millisecond)
			}
		}()
		after(6 * time.Second)
		require.Positive(t, nodes[1].Stats().Dropped["buffer_full"])
		require.Greater(t, nodes[5].Stats().Waiting, 20)
	})
}

// Sending waits for the peer that is slow, not for ever: a disconnect ends it.
func TestDisconnectEndsAWaitingSend(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		nodes := group(t, rtcpeer.Mesh, func() transport.Transport { return network.Transport() }, rtcpeer.Config{Linger: -1}, 1, 5)
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			for err == nil {
				err = nodes[1].Send(t.Context(), rtcpeer.Packet{Peer: 5, Data: make([]byte, 16<<10)})
			}
		}()
		synctest.Wait()
		require.NoError(t, nodes[1].Disconnect(5))
		<-done
		require.ErrorIs(t, err, rtcpeer.ErrUnknownPeer)
	})
}

// In a star a guest that takes nothing is cut off in the end, and what the others send each other
// arrives whole.
func TestSlowGuestIsCutOff(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, newTransport func() transport.Transport) {
		t.Parallel()
		config := rtcpeer.Config{SlowAfter: 3 * time.Second}
		nodes := group(t, rtcpeer.Star, newTransport, config, 1, 5, 7, 9)
		const packets = 400 // of 16 KiB: more than all buffers towards 9 hold
		go func() {
			for i := range packets {
				data := append(make([]byte, 0, 16<<10), fmt.Sprint(i)...)
				if err := nodes[5].Send(t.Context(), rtcpeer.Packet{Data: data[:cap(data)]}); err != nil {
					t.Errorf("packet %d: %v", i, err)
					return
				}
			}
		}()
		var readers sync.WaitGroup
		for _, id := range []rtcpeer.PeerID{1, 7} {
			readers.Go(func() { readAll(t, nodes[id], packets) })
		}
		readers.Wait()
	})
}

// readAll wants the packets of 5, whole and in order, and 9 disconnected.
func readAll(t *testing.T, n *rtcpeer.Node, packets int) {
	gone := false
	for i := 0; i < packets || !gone; {
		ev, err := n.Receive(t.Context())
		if !assert.NoError(t, err) {
			return
		}
		switch ev.Kind {
		case rtcpeer.PacketReceived:
			want := fmt.Append(nil, i)
			assert.Equal(t, want, slices.Clone(ev.Packet.Data[:len(want)]), "node %d packet %d", n.ID(), i)
			i++
		case rtcpeer.PeerDisconnected:
			assert.Equal(t, rtcpeer.PeerID(9), ev.Peer)
			if n.ID() == 1 {
				assert.Equal(t, rtcpeer.Slow, ev.Reason)
			}
			gone = true
		}
	}
}
