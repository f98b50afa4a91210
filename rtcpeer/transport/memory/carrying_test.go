package memory_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/testdata/bubble"
)

// The lanes of transporttest.Config.
const (
	reliable   = int(transport.Reliable)
	ordered    = int(transport.UnreliableOrdered)
	unreliable = int(transport.Unreliable)
)

// connect returns an open path between two new hosts.
func connect(t testing.TB, net *memory.Network) (a, b transport.Path) {
	t.Helper()
	return transporttest.Connect(t, net.Transport(), net.Transport(), transporttest.Config())
}

func read(t testing.TB, path transport.Path, lane int) []byte {
	t.Helper()
	b := make([]byte, 2<<20)
	n, err := path.Lane(lane).Read(b)
	require.NoError(t, err)
	return b[:n]
}

// sendNumbers writes n numbered packets of 100 bytes, one each interval.
func sendNumbers(t testing.TB, path transport.Path, lane int, n uint32, interval time.Duration) {
	t.Helper()
	tick := time.NewTicker(max(interval, 1))
	defer tick.Stop()
	for i := range n {
		require.NoError(t, path.Lane(lane).Write(append(binary.BigEndian.AppendUint32(nil, i), make([]byte, 96)...)))
		<-tick.C
	}
}

// finish closes from and returns the numbers that to can still read.
func finish(t testing.TB, from, to transport.Path, lane int) (numbers []uint32) {
	t.Helper()
	require.NoError(t, from.Close())
	for {
		b := make([]byte, 100)
		if _, err := to.Lane(lane).Read(b); err != nil {
			require.ErrorIs(t, err, transport.ErrRemoteClosed)
			return numbers
		}
		numbers = append(numbers, binary.BigEndian.Uint32(b))
	}
}

func TestDelay(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		net := memory.NewNetwork(memory.Options{Delay: 30 * time.Millisecond})
		start := time.Now()
		a, b := connect(t, net)
		require.Equal(t, 60*time.Millisecond, time.Since(start), "opening takes a round trip")
		require.Equal(t, 60*time.Millisecond, a.Stats().RTT)

		for lane := range transporttest.Config().Lanes {
			start = time.Now()
			require.NoError(t, a.Lane(lane).Write([]byte("hello")))
			require.Equal(t, 5, a.Lane(lane).Buffered(), "in flight")
			require.Equal(t, "hello", string(read(t, b, lane)))
			require.Equal(t, 30*time.Millisecond, time.Since(start))
			require.Zero(t, a.Lane(lane).Buffered(), "arrived")
		}
	})
}

func TestCloseArrivesBehindThePackets(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		net := memory.NewNetwork(memory.Options{Delay: 30 * time.Millisecond})
		a, b := connect(t, net)
		require.NoError(t, a.Lane(reliable).Write([]byte("last words")))
		start := time.Now()
		require.NoError(t, a.Close())

		e := <-b.Events()
		require.ErrorIs(t, e.Err, transport.ErrRemoteClosed)
		require.Equal(t, 30*time.Millisecond, time.Since(start))
		require.Equal(t, "last words", string(read(t, b, reliable)))
		_, err := b.Lane(reliable).Read(nil)
		require.ErrorIs(t, err, transport.ErrRemoteClosed)
	})
}

func TestRateAndLag(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		net := memory.NewNetwork(memory.Options{Rate: 100_000})
		a, b := connect(t, net)
		start := time.Now()
		require.Zero(t, a.Lane(reliable).Lag())
		for range 10 {
			require.NoError(t, a.Lane(reliable).Write(make([]byte, 10_000)))
		}
		require.Equal(t, time.Second, a.Lane(unreliable).Lag(), "the lanes of a path share its rate")
		require.Zero(t, b.Lane(reliable).Lag(), "the other direction is free")
		require.Equal(t, 100_000, a.Lane(reliable).Buffered())

		for i := range 10 {
			read(t, b, reliable)
			require.Equal(t, time.Duration(i+1)*100*time.Millisecond, time.Since(start), "packet %d", i)
		}
		require.Zero(t, a.Lane(reliable).Lag())
	})
}

func TestLoss(t *testing.T) {
	for _, c := range []struct {
		name        string
		lane        int
		retransmits uint16
		least, most int // of 1000 with a loss of one half
	}{
		{"reliable", reliable, 0, 1000, 1000},
		{"unreliable", unreliable, 0, 450, 550},
		{"unreliable, one retransmission", unreliable, 1, 700, 800},
		{"unreliable, four retransmissions", unreliable, 4, 950, 990},
		{"ordered", ordered, 0, 450, 550},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				net := memory.NewNetwork(memory.Options{Delay: time.Millisecond, Loss: 0.5, Seed: 1})
				cfg := transporttest.Config()
				cfg.Lanes[c.lane].MaxRetransmits = c.retransmits
				a, b := transporttest.Connect(t, net.Transport(), net.Transport(), cfg)
				sendNumbers(t, a, c.lane, 1000, 0)
				<-time.After(time.Second) // 16 retransmissions of 12 ms at most
				got := finish(t, a, b, c.lane)
				require.GreaterOrEqual(t, len(got), c.least)
				require.LessOrEqual(t, len(got), c.most)
				require.Equal(t, c.lane != unreliable || c.retransmits == 0, slices.IsSorted(got), "in order")
			})
		})
	}
}

func TestTotalLoss(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		a, b := connect(t, memory.NewNetwork(memory.Options{Loss: 1}))
		require.NoError(t, a.Lane(unreliable).Write([]byte("lost")))
		require.NoError(t, a.Lane(reliable).Write([]byte("late")))
		start := time.Now()
		require.Equal(t, "late", string(read(t, b, reliable)))
		require.Equal(t, 15*10*time.Millisecond, time.Since(start), "the sixteenth time arrives")
		require.Empty(t, finish(t, a, b, unreliable))
	})
}

func TestReordering(t *testing.T) {
	for _, c := range []struct {
		name    string
		options memory.Options
	}{
		{"jitter", memory.Options{Delay: time.Millisecond, Jitter: 5 * time.Millisecond}},
		{"held back", memory.Options{Reorder: 0.1}},
	} {
		for lane, cfg := range transporttest.Config().Lanes {
			t.Run(c.name+"/"+cfg.Label, func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					a, b := connect(t, memory.NewNetwork(c.options))
					sendNumbers(t, a, lane, 500, time.Millisecond)
					<-time.After(time.Second)
					got := finish(t, a, b, lane)
					require.Equal(t, lane != unreliable, slices.IsSorted(got), "in order")
					if lane == ordered {
						require.Less(t, len(got), 500, "those overtaken are lost")
						require.Greater(t, len(got), 150)
					} else {
						require.Len(t, got, 500)
					}
				})
			})
		}
	}
}

func TestSameSeedSameLosses(t *testing.T) {
	run := func(t *testing.T, seed uint64) (got []uint32) {
		bubble.Test(t, func(t *testing.T) {
			net := memory.NewNetwork(memory.Options{Jitter: 5 * time.Millisecond, Loss: 0.3, Seed: seed})
			a, b := connect(t, net)
			sendNumbers(t, a, unreliable, 200, time.Millisecond)
			<-time.After(time.Second)
			got = finish(t, a, b, unreliable)
		})
		return got
	}
	first := run(t, 1)
	require.Equal(t, first, run(t, 1))
	require.NotEqual(t, first, run(t, 2))
}

func TestAdjust(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		net := memory.NewNetwork(memory.Options{})
		a, b := connect(t, net)
		net.Adjust(func(o *memory.Options) { o.Delay = time.Second })
		start := time.Now()
		require.NoError(t, a.Lane(reliable).Write([]byte("slow")))
		net.Adjust(func(o *memory.Options) { o.Delay = -1 })
		require.NoError(t, a.Lane(reliable).Write([]byte("fast")))

		require.Equal(t, "slow", string(read(t, b, reliable)))
		require.Equal(t, "fast", string(read(t, b, reliable)), "still in order")
		require.Equal(t, time.Second, time.Since(start))
	})
}
