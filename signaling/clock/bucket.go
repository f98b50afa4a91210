package clock

import "time"

// A Bucket lets one event pass per interval in the long run, and a burst of them at once. Its value is the time of a
// Clock at which the bucket will be full again (the generic cell rate algorithm), so ten Buckets need no more memory
// than one rate.Limiter.
type Bucket time.Duration

// Take lets an event pass and returns 0, or returns how long to wait until one may pass.
func (b *Bucket) Take(now, every time.Duration, burst int) (wait time.Duration) {
	if wait = b.Wait(now, every, burst); wait == 0 {
		*b = Bucket(max(time.Duration(*b), now) + every)
	}
	return wait
}

// Wait returns what Take would return, but lets nothing pass.
func (b Bucket) Wait(now, every time.Duration, burst int) time.Duration {
	return max(0, max(time.Duration(b), now)+every-now-every*time.Duration(burst))
}

// PutBack undoes a Take.
func (b *Bucket) PutBack(every time.Duration) { *b -= Bucket(every) }

// Full reports whether the bucket is full again, so that its past no longer matters.
func (b Bucket) Full(now time.Duration) bool { return time.Duration(b) <= now }
