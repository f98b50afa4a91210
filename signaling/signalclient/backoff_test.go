package signalclient

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBackoffBoundDoubles(t *testing.T) {
	cfg, err := Config{}.withDefaults()
	require.NoError(t, err)
	b := newBackoff(cfg)
	b.random = func(n int64) int64 { return n - 1 } // the longest wait
	for _, ms := range []time.Duration{200, 400, 800, 1600, 3200, 6400, 12800, 15000, 15000} {
		require.Equal(t, ms*time.Millisecond, b.next())
	}
	b.reset()
	require.Equal(t, 200*time.Millisecond, b.next())
}

func TestBackoffIsRandomUpToTheBound(t *testing.T) {
	b := backoff{min: 100 * time.Millisecond, max: time.Second, random: rand.New(rand.NewPCG(1, 2)).Int64N}
	var sum time.Duration
	const rounds = 1000
	for range rounds {
		b.reset()
		wait := b.next()
		require.True(t, 0 <= wait && wait <= 100*time.Millisecond, wait)
		sum += wait
	}
	require.InDelta(t, 50*time.Millisecond, sum/rounds, float64(5*time.Millisecond))
}

func TestBackoffOfExtremesStaysInBounds(t *testing.T) {
	for _, row := range []backoff{{min: 1, max: 1}, {min: math.MaxInt64 / 2, max: math.MaxInt64 - 1}} {
		row.random = rand.New(rand.NewPCG(1, 2)).Int64N
		for range 5 {
			wait := row.next()
			require.True(t, 0 <= wait && wait <= row.max, wait)
		}
	}
}
