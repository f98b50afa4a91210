package clock

import "time"

// A Bucket lets one thing pass in a given time over the long run, and some at once. It is the time of
// a Clock at which it will be full again (the generic cell rate algorithm), so that one of a
// rate.Limiter's size has place for ten.
type Bucket time.Duration

// Take returns 0 if something may pass now, or how long until it may.
func (b *Bucket) Take(now, every time.Duration, burst int) (wait time.Duration) {
	if wait = b.Wait(now, every, burst); wait == 0 {
		*b = Bucket(max(time.Duration(*b), now) + every)
	}
	return wait
}

// Wait is Take, but nothing passes.
func (b Bucket) Wait(now, every time.Duration, burst int) time.Duration {
	return max(0, max(time.Duration(b), now)+every-now-every*time.Duration(burst))
}

// PutBack undoes a Take.
func (b *Bucket) PutBack(every time.Duration) { *b -= Bucket(every) }

// Full reports whether nothing has passed for so long that it counts no more.
func (b Bucket) Full(now time.Duration) bool { return time.Duration(b) <= now }
