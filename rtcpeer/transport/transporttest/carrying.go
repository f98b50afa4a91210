package transporttest

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
)

// reliable is the index of the reliable lane in Config.
const reliable = int(transport.Reliable)

func testEveryLane(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Connect(t, a, b, Config())
	for i, c := range Config().Lanes {
		there, back := []byte(c.Label), []byte(c.Label+" back")
		write(t, offerer, i, there)
		wantPacket(t, answerer, i, there, "the way there")
		write(t, answerer, i, back)
		wantPacket(t, offerer, i, back, "the way back")
	}
}

// testEarlyData writes as soon as one end is open. The other end may not know yet that the path is open.
func testEarlyData(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Negotiate(t, a, b, Config())
	trickle(t, offerer, answerer, func(opened transport.Path) {
		for i, c := range Config().Lanes {
			write(t, opened, i, []byte(c.Label))
		}
	})
	for i, c := range Config().Lanes {
		wantPacket(t, offerer, i, []byte(c.Label), "early data")
		wantPacket(t, answerer, i, []byte(c.Label), "early data")
	}
}

func testReliable(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Connect(t, a, b, Config())
	const packets = 1000
	for i := range uint32(packets) {
		write(t, offerer, reliable, packet(i, numbered))
	}
	for i := range uint32(packets) {
		wantPacket(t, answerer, reliable, packet(i, numbered), fmt.Sprintf("packet %d of %d", i, packets))
	}
}

func testSizes(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Connect(t, a, b, Config())
	for number, size := range []int{1, 1 << 10, 16 << 10, maxPacket} {
		for i := range Config().Lanes {
			p := packet(uint32(number), size)
			write(t, offerer, i, p)
			wantPacket(t, answerer, i, p, fmt.Sprintf("a packet of %d bytes", size))
		}
	}
}

// testModes requires all packets of the reliable lane, and half of those of the other lanes. Even a clean
// network may lose a packet of an unreliable lane, for instance to a full socket buffer. The packets are sent
// at a pace that overloads nothing.
func testModes(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Connect(t, a, b, Config())
	for i, c := range Config().Lanes {
		t.Run(c.Label, func(t *testing.T) {
			want := 10
			for number := range uint32(20) {
				write(t, offerer, i, packet(number, numbered))
				waitLow(t, patience, offerer, i, 4*numbered) // low 0 would wait 200 ms for each delayed SACK
			}
			if c.Mode == transport.Reliable {
				want = 20
			}
			for n := range want {
				read(t, answerer, i, fmt.Sprintf("%d of 20 packets, %d are there", want, n))
			}
		})
	}
}

func testShortBuffer(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Connect(t, a, b, Config())
	write(t, offerer, reliable, []byte("longer than ten bytes"))
	write(t, offerer, reliable, []byte("next"))
	for range 2 {
		_, err := answerer.Lane(reliable).Read(make([]byte, 10))
		require.ErrorIs(t, err, io.ErrShortBuffer)
	}
	wantPacket(t, answerer, reliable, []byte("longer than ten bytes"), "the packet after ErrShortBuffer")
	wantPacket(t, answerer, reliable, []byte("next"), "the packet after that")
}

func testTryRead(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Connect(t, a, b, Config())
	for i, c := range Config().Lanes {
		lane, ok := answerer.Lane(i).(transport.TryReader)
		if !ok {
			t.Skip("lanes of this transport cannot tell that nothing has arrived")
		}
		t.Run(c.Label, func(t *testing.T) {
			for range 2 {
				_, err := lane.TryRead(make([]byte, 100))
				require.ErrorIs(t, err, transport.ErrNoPacket)
			}
			write(t, offerer, i, []byte("one"))
			wantPacket(t, answerer, i, []byte("one"), "Read after TryRead waits")
			write(t, offerer, i, []byte("two"))
			p, err := tryUntil(t, lane)
			require.NoError(t, err)
			require.Equal(t, "two", string(p))
			write(t, offerer, i, []byte("three"))
			wantPacket(t, answerer, i, []byte("three"), "Read after a packet from TryRead")
		})
	}
	offerer.Close()
	for i := range Config().Lanes {
		_, err := tryUntil(t, answerer.Lane(i).(transport.TryReader))
		require.Error(t, err, "after the other end has closed")
	}
}

// tryUntil calls TryRead until it returns something else than ErrNoPacket.
func tryUntil(t *testing.T, lane transport.TryReader) (p []byte, err error) {
	t.Helper()
	p = make([]byte, 100)
	within(t, "TryRead", func() {
		n := 0
		for n, err = lane.TryRead(p); errors.Is(err, transport.ErrNoPacket); n, err = lane.TryRead(p) {
			<-time.After(time.Millisecond)
		}
		p = p[:n]
	})
	return p, err
}

func testWriteKeepsNothing(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Connect(t, a, b, Config())
	p := []byte("first")
	for i := range Config().Lanes {
		copy(p, "first")
		write(t, offerer, i, p)
		copy(p, "XXXXX")
		wantPacket(t, answerer, i, []byte("first"), "a packet whose slice was used again")
	}
}

func testBufferedFalls(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Connect(t, a, b, Config())
	n := fill(t, offerer, 1<<20)

	called := make(chan struct{}, n)
	offerer.Lane(reliable).NotifyLow(512<<10, func() { called <- struct{}{} })
	for i := range uint32(n) {
		wantPacket(t, answerer, reliable, packet(i, 16<<10), fmt.Sprintf("packet %d of %d", i, n))
	}
	within(t, "the function given to NotifyLow", func() { <-called })
	waitLow(t, patience, offerer, reliable, 0)
	require.Zero(t, offerer.Lane(reliable).Buffered())
}

// fill writes packets of 16 KiB to the reliable lane until Buffered is more than bytes. If nobody reads, this
// needs more than any receive window. fill returns the number of packets.
func fill(t *testing.T, path transport.Path, bytes int) int {
	t.Helper()
	const most = 32 << 20
	for n := range most >> 14 {
		if path.Lane(reliable).Buffered() > bytes {
			return n
		}
		write(t, path, reliable, packet(uint32(n), 16<<10))
	}
	require.FailNow(t, "no push back", "%d bytes written, nothing read, %d buffered", most, path.Lane(reliable).Buffered())
	return 0
}

// testStalledReader tests that a reader that stops delays only its own path, and gets everything in the end.
func testStalledReader(t *testing.T, a, b transport.Transport) {
	stalled, lazy := Connect(t, a, b, Config())
	free, busy := Connect(t, a, b, Config())

	n := fill(t, stalled, 2<<20)
	for i, c := range Config().Lanes {
		write(t, free, i, []byte(c.Label))
		wantPacket(t, busy, i, []byte(c.Label), "the other path's packet")
	}
	require.LessOrEqual(t, stalled.Lane(reliable).Buffered(), n*(16<<10), "more is buffered than was written")

	for i := range uint32(n) {
		wantPacket(t, lazy, reliable, packet(i, 16<<10), fmt.Sprintf("packet %d of %d", i, n))
	}
	waitLow(t, patience, stalled, reliable, 0)
}

func testStats(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Connect(t, a, b, Config())
	const packets, size = 10, 1 << 10
	for i := range uint32(packets) {
		write(t, offerer, reliable, packet(i, size))
		wantPacket(t, answerer, reliable, packet(i, size), "a packet")
	}
	// A transport may count a packet only after it has been sent.
	counted := func() bool {
		return offerer.Stats().BytesSent >= packets*size && answerer.Stats().BytesReceived >= packets*size
	}
	require.Eventually(t, counted, patience, time.Millisecond, "sender %+v, receiver %+v", offerer.Stats(), answerer.Stats())
}
