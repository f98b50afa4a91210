package memory

import (
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A queue behaves as a slice of packets does.
func TestQueue(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var q queue
	var model []string
	for range 20_000 {
		switch {
		case random.IntN(100) < 55:
			p := make([]byte, random.IntN(300))
			for i := range p {
				p[i] = byte(random.Uint32())
			}
			q.push(p)
			model = append(model, string(p))
		case len(model) > 0:
			if n := len(model[0]); n > 0 {
				_, err := q.pop(make([]byte, n-1))
				require.ErrorIs(t, err, io.ErrShortBuffer)
			}
			b := make([]byte, 300)
			n, err := q.pop(b)
			require.NoError(t, err)
			require.Equal(t, model[0], string(b[:n]))
			model = model[1:]
		}
		require.Equal(t, len(model) == 0, q.empty())
	}
	keep, bytes := len(model)/2, 0
	for _, p := range model[:keep] {
		bytes += len(p)
	}
	q.truncate(bytes)
	require.Equal(t, bytes, q.bytes)
	for range keep {
		_, err := q.pop(make([]byte, 300))
		require.NoError(t, err)
	}
	require.True(t, q.empty())
}

// What one burst took is given back.
func TestQueueShrinks(t *testing.T) {
	var q queue
	for range 100 {
		q.push(make([]byte, 64<<10))
	}
	for range 100 {
		_, err := q.pop(make([]byte, 64<<10))
		require.NoError(t, err)
	}
	require.Zero(t, cap(q.buf))
}
