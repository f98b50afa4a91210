package cluster

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/bubble"
)

// Over a bus that loses, repeats and reorders, all arrives once and in order.
func TestPipe(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		var toA, toB [][]byte
		lossy := func(to *[][]byte) func([]byte) error {
			return func(b []byte) error {
				b = append([]byte(nil), b...)
				for range random.IntN(3) { // none, one or two
					at := random.IntN(len(*to) + 1)
					*to = append((*to)[:at], append([][]byte{b}, (*to)[at:]...)...)
				}
				return nil
			}
		}
		a, b := newPipe(1, 2, lossy(&toB), new(counters)), newPipe(2, 1, lossy(&toA), new(counters))
		const messages = 300
		sent, got := 0, uint32(0)
		for got < messages {
			if sent < messages {
				a.send(binary.BigEndian.AppendUint32(nil, uint32(sent)))
				sent++
			}
			for _, d := range toB {
				if data, _ := b.receive(d); data != nil {
					require.Equal(t, got, binary.BigEndian.Uint32(data))
					got++
				}
			}
			toB = nil
			for _, d := range toA {
				a.receive(d)
			}
			toA = nil
			time.Sleep(50 * time.Millisecond) // of fake time
			require.False(t, a.tick(time.Now(), false))
			require.False(t, b.tick(time.Now(), false))
		}
	})
}

// A pipe whose other end takes nothing is bounded, breaks, and is whole again: the other end learns it.
func TestPipeBreaks(t *testing.T) {
	lost := 0
	a := newPipe(1, 2, func([]byte) error { lost++; return nil }, new(counters))
	for range maxUnacked + 1 {
		a.send([]byte("x"))
	}
	require.Len(t, a.unacked, maxUnacked)
	require.True(t, a.tick(time.Now(), false))
	require.NotNil(t, a.hasRoom())
	a.restart()
	require.Nil(t, a.hasRoom())
	var last []byte
	a.publish = func(b []byte) error { last = b; return nil }
	a.send([]byte("y"))
	b := newPipe(2, 1, func([]byte) error { return nil }, new(counters))
	data, restarted := b.receive(last)
	require.Equal(t, "y", string(data))
	require.True(t, restarted)
	data, restarted = b.receive(last)
	require.Nil(t, data)
	require.False(t, restarted)
}
