package memory_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
)

func TestCleanPathAllocatesNothing(t *testing.T) {
	a, b := connect(t, memory.NewNetwork(memory.Options{}))
	p := make([]byte, 1<<10)
	for lane, c := range transporttest.Config().Lanes {
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			a.Lane(lane).Write(p)
			b.Lane(lane).Read(p)
		}), c.Label)
	}
}

// One goroutine writes and reads: the cost of a packet without that of waking a reader.
func BenchmarkWriteRead(b *testing.B) {
	for _, size := range []int{64, 1 << 10, 16 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			from, to := connect(b, memory.NewNetwork(memory.Options{}))
			p := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := from.Lane(unreliable).Write(p); err != nil {
					b.Fatal(err)
				}
				if _, err := to.Lane(unreliable).Read(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A reader in its own goroutine sends each packet back.
func BenchmarkRoundTrip(b *testing.B) {
	from, to := connect(b, memory.NewNetwork(memory.Options{}))
	go func() {
		p := make([]byte, 64)
		for {
			if _, err := to.Lane(unreliable).Read(p); err != nil {
				return
			}
			to.Lane(unreliable).Write(p)
		}
	}()
	p := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		from.Lane(unreliable).Write(p)
		if _, err := from.Lane(unreliable).Read(p); err != nil {
			b.Fatal(err)
		}
	}
}
