package rtcpeer

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// wantKept wants these packets, in order, and the figures that go with them.
func wantKept(t *testing.T, k *kept, first uint64, want ...string) {
	t.Helper()
	var got []string
	require.NoError(t, k.all(func(p []byte) error {
		got = append(got, string(p))
		return nil
	}))
	require.Equal(t, want, got)
	size := 0
	for _, p := range want {
		size += len(p)
	}
	require.Equal(t, [3]uint64{first, first + uint64(len(want)), uint64(size)}, [3]uint64{k.first, k.next, uint64(k.size)})
}

func TestKept(t *testing.T) {
	var k kept
	wantKept(t, &k, 0)
	require.True(t, k.taken(0), "nothing is kept, nothing is taken")
	k.push([]byte("one"))
	k.push([]byte("two"))
	k.push([]byte("three"))
	wantKept(t, &k, 0, "one", "two", "three")
	require.True(t, k.taken(1))
	wantKept(t, &k, 1, "two", "three")
	require.True(t, k.taken(1), "again is no change")
	wantKept(t, &k, 1, "two", "three")
	require.True(t, k.taken(3))
	wantKept(t, &k, 3)
	k.push([]byte("four"))
	wantKept(t, &k, 3, "four")
}

// What cannot have been taken changes nothing.
func TestKeptIgnoresImpossibleCounts(t *testing.T) {
	var k kept
	require.False(t, k.taken(1), "nothing was sent")
	for i := range 5 {
		k.push([]byte{byte('a' + i)})
	}
	require.True(t, k.taken(2))
	for _, n := range []uint64{0, 1, 6, 1 << 63, 1<<64 - 1} {
		require.False(t, k.taken(n), "%d", n)
		wantKept(t, &k, 2, "c", "d", "e")
	}
}

// Packets of all sizes cross the end of the ring at every offset.
func TestKeptWrapsAround(t *testing.T) {
	for size := 1; size <= 64; size++ {
		var k kept
		number := uint64(0)
		packet := func(n uint64) string { return string(bytes.Repeat([]byte{byte(n)}, size)) }
		for range 3 {
			k.push([]byte(packet(number)))
			number++
		}
		room := 0
		for range 600 {
			k.push([]byte(packet(number)))
			number++
			require.True(t, k.taken(number-3))
			wantKept(t, &k, number-3, packet(number-3), packet(number-2), packet(number-1))
			room = max(room, len(k.buf))
		}
		require.Equal(t, 512, room, "what is used again need not grow")
	}
}

func TestKeptGrows(t *testing.T) {
	var k kept
	var want []string
	for i := range 100 { // with the head somewhere in the middle each time it grows
		p := fmt.Sprintf("%0*d", i*i, i)
		k.push([]byte(p))
		want = append(want, p)
		if i%3 == 2 {
			require.True(t, k.taken(k.first+1))
			want = want[1:]
		}
	}
	wantKept(t, &k, 33, want...)
	require.Zero(t, len(k.buf)&(len(k.buf)-1), "a power of two: %d", len(k.buf))
	require.Less(t, len(k.buf), 2*(k.used+1))
}

// A packet that alone is larger than the ring, in a ring that is not empty.
func TestKeptLargePacket(t *testing.T) {
	var k kept
	large := string(bytes.Repeat([]byte("x"), 256<<10))
	k.push([]byte("small"))
	k.push([]byte(large))
	k.push([]byte("small"))
	wantKept(t, &k, 0, "small", large, "small")
}

func TestKeptAllStops(t *testing.T) {
	var k kept
	for i := range 5 {
		k.push([]byte{byte(i)})
	}
	calls, broken := 0, errors.New("broken")
	require.ErrorIs(t, k.all(func(p []byte) error {
		if calls++; p[0] == 2 {
			return broken
		}
		return nil
	}), broken)
	require.Equal(t, 3, calls)
	wantKept(t, &k, 0, "\x00", "\x01", "\x02", "\x03", "\x04")
}

// Only an empty ring that is large gives its memory back, and its numbers go on.
func TestKeptTrim(t *testing.T) {
	var k kept
	k.trim()
	k.push([]byte("a"))
	require.True(t, k.taken(1))
	k.trim()
	require.Len(t, k.buf, 512, "small enough to stay")
	large := string(bytes.Repeat([]byte("x"), 2*keptIdle))
	k.push([]byte(large))
	k.trim()
	wantKept(t, &k, 1, large)
	require.True(t, k.taken(2))
	k.trim()
	require.Nil(t, k.buf)
	k.push([]byte("b"))
	wantKept(t, &k, 2, "b")
}

// Random operations on kept have the same results as on a slice of packets.
func TestKeptModel(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 0))
		var k kept
		var model []string
		first := uint64(0)
		for step := range 500 {
			switch r.IntN(8) {
			case 0, 1, 2, 3:
				p := fmt.Sprintf("%0*d", 1+r.IntN(1<<r.IntN(11)), step)
				k.push([]byte(p))
				model = append(model, p)
			case 4, 5, 6:
				n := first + uint64(r.IntN(len(model)+3)) - 1 // one too few, and one too many, as well
				possible := n >= first && n <= first+uint64(len(model))
				require.Equal(t, possible, k.taken(n), "seed %d step %d", seed, step)
				if possible {
					model, first = model[n-first:], n
				}
			case 7:
				k.trim()
			}
			want := append([]string(nil), model...)
			wantKept(t, &k, first, want...)
		}
	}
}

// In a steady state keeping costs no memory, whatever the sizes.
func TestKeptAllocatesNothing(t *testing.T) {
	var k kept
	p := make([]byte, 1200)
	for range 100 {
		k.push(p)
	}
	i := 0
	require.Zero(t, testing.AllocsPerRun(2000, func() {
		i++
		k.push(p[:1+i*37%len(p)])
		if !k.taken(k.next - 50) {
			t.Fatal("not taken")
		}
		k.trim()
	}))
}
