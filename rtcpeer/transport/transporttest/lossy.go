package transporttest

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
)

// Faults are the faults of the network between two transports.
type Faults struct {
	Loss    bool // about a fifth of the packets is lost
	Reorder bool // some packets overtake others
}

const (
	lossyPatience = 90 * time.Second // a lost packet may cost SCTP a second, and the next loss two
	lossyPackets  = 300
	lossySize     = 1000 // fills a datagram, so that each packet is lost or not by itself
	lossyPace     = 8    // packets of a lane that may be in flight
	endNumber     = 1 << 30
	endEvery      = 20 * time.Millisecond
)

// RunLossy tests the promises of the three modes over a network that loses or reorders packets. From the unreliable
// modes it requires only that at least three packets in ten arrive: an SCTP that gives a packet up after its first
// transmission, as Pion's does with MaxRetransmits 0, drops packets that it later receives out of order. Its tests
// run in parallel, so newPair may be called from several goroutines at the same time.
func RunLossy(t *testing.T, faults Faults, newPair NewPair) {
	for lane, c := range Config().Lanes {
		t.Run(c.Label, func(t *testing.T) {
			t.Parallel() // it mostly waits
			a, b := newPair(t)
			offerer, answerer := Connect(t, a, b, Config())
			wantMode(t, c.Mode, faults, carry(t, offerer, answerer, lane))
		})
	}
}

// carry sends numbered packets at a moderate pace and returns the numbers that arrived.
func carry(t *testing.T, from, to transport.Path, lane int) []uint32 {
	t.Helper()
	var got []uint32
	ended := make(chan error, 1)
	go func() {
		ended <- readUntilError(to.Lane(lane), func(b []byte) {
			if n := binary.BigEndian.Uint32(b); n < endNumber {
				got = append(got, n)
				return
			}
			to.Close() // ends the loop
		})
	}()
	for i := range uint32(lossyPackets) {
		write(t, from, lane, packet(i, lossySize))
		waitLow(t, lossyPatience, from, lane, lossyPace*lossySize)
	}
	waitLow(t, lossyPatience, from, lane, 0) // all packets have arrived or were given up
	sendEnd(t, from, lane, ended)
	return got
}

// sendEnd sends the end packet until one is read, because end packets get lost too.
func sendEnd(t *testing.T, path transport.Path, lane int, ended <-chan error) {
	t.Helper()
	again := time.NewTicker(endEvery)
	defer again.Stop()
	limit := time.After(lossyPatience)
	for {
		if err := path.Lane(lane).Write(packet(endNumber, lossySize)); err != nil {
			wantClosed(t, err, "the end was read")
		}
		select {
		case err := <-ended:
			require.ErrorIs(t, err, transport.ErrClosed, "Read before the last packet")
			return
		case <-again.C:
		case <-limit:
			require.FailNow(t, "timeout", "waited %v for the last packet on lane %d", lossyPatience, lane)
		}
	}
}

func wantMode(t *testing.T, mode transport.Mode, faults Faults, got []uint32) {
	t.Helper()
	t.Logf("%v: %d of %d packets arrived", mode, len(got), lossyPackets)
	if mode == transport.Reliable {
		require.Len(t, got, lossyPackets, "packets on a reliable lane")
	}
	require.GreaterOrEqual(t, len(got), lossyPackets*3/10, "packets that arrived")
	if faults.Loss && mode != transport.Reliable {
		require.Less(t, len(got), lossyPackets, "a lane without retransmissions lost nothing: is it reliable?")
	}
	if mode != transport.Unreliable {
		for i := 1; i < len(got); i++ {
			require.Greater(t, got[i], got[i-1], "order: packet at %d of %d", i, len(got))
		}
	}
	seen := make(map[uint32]bool)
	for _, n := range got {
		require.False(t, seen[n], "packet %d came twice", n)
		seen[n] = true
	}
}
