package signalserver

import "time"

// A bucket lets one thing pass in a given time over the long run, and some at once. It is the time of
// a clock at which it will be full again (the generic cell rate algorithm), so that one of a
// rate.Limiter's size has place for ten.
type bucket time.Duration

// take returns 0 if something may pass now, or how long until it may.
func (b *bucket) take(now, every time.Duration, burst int) (wait time.Duration) {
	if wait = b.wait(now, every, burst); wait == 0 {
		*b = bucket(max(time.Duration(*b), now) + every)
	}
	return wait
}

// wait is take, but nothing passes.
func (b bucket) wait(now, every time.Duration, burst int) time.Duration {
	return max(0, max(time.Duration(b), now)+every-now-every*time.Duration(burst))
}

// putBack undoes a take.
func (b *bucket) putBack(every time.Duration) { *b -= bucket(every) }

func (b bucket) full(now time.Duration) bool { return time.Duration(b) <= now }
