package signalclient

import (
	"math/rand/v2"
	"time"
)

// A backoff says how long to wait before each attempt: a random time up to a bound that doubles. The whole wait is
// random ("full jitter"), because when a server restarts, all its members lose it at the same moment and must not all
// come back at once.
type backoff struct {
	min, max time.Duration
	random   func(n int64) int64 // 0 to n-1

	bound time.Duration // of the next wait; 0: min
}

func newBackoff(cfg Config) backoff {
	return backoff{min: cfg.BackoffMin, max: cfg.BackoffMax, random: rand.Int64N}
}

func (b *backoff) next() time.Duration {
	bound := max(b.bound, b.min)
	b.bound = min(2*bound, b.max)
	if b.bound < bound { // 2*bound is over the longest duration
		b.bound = b.max
	}
	return time.Duration(b.random(int64(bound) + 1))
}

func (b *backoff) reset() { b.bound = 0 }
