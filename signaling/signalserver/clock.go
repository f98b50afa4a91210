package signalserver

import (
	"sync/atomic"
	"time"
)

// A clock tells how long the server has been awake: the time by which it measures everything. It goes by the
// monotonic clock, so that a step of the wall clock changes nothing. While the process is stopped, or the
// machine sleeps, it stands still: what nobody could do meanwhile must not have been too late. The sweep
// ticks it.
type clock struct {
	// Fixed at construction.
	began time.Time
	most  time.Duration // counts of the time between two ticks; the rest was not spent awake

	last atomic.Pointer[tick] // stored by the sweep
}

// A tick is a reading of the monotonic clock and of this one, in time since began, and of the wall clock.
type tick struct {
	monotonic, awake time.Duration
	wall             time.Time
}

func newClock(tickEvery time.Duration) *clock {
	c := &clock{began: time.Now(), most: 2 * tickEvery}
	c.last.Store(&tick{wall: c.began.Round(0)})
	return c
}

// now returns the time since the server was made, for which it was awake.
func (c *clock) now() time.Duration { return c.read().awake }

func (c *clock) read() tick {
	last, monotonic := c.last.Load(), time.Since(c.began)
	return tick{monotonic: monotonic, awake: last.awake + min(max(monotonic-last.monotonic, 0), c.most)}
}

// tick is called at least once in the time with which the clock was made, while the process runs. It reports
// whether the wall clock was set since the last time, by more than a minute.
func (c *clock) tick() (set bool) {
	last, now := c.last.Load(), c.read()
	now.wall = time.Now().Round(0)
	c.last.Store(&now)
	step := now.wall.Sub(last.wall) - (now.monotonic - last.monotonic)
	return step.Abs() > time.Minute
}

// far is later than anything that is waited for.
const far = 100 * 365 * 24 * time.Hour

// at returns when a date will be reached, if the wall clock is right now: far away at most, and now for a date
// that has passed. Here and in tick alone is wall-clock time subtracted.
func (c *clock) at(date time.Time) time.Duration {
	return c.now() + min(max(time.Until(date), 0), far)
}

// An alarm is a timer of a clock.
type alarm struct {
	timer   *time.Timer
	stopped atomic.Bool
}

// after calls do in a goroutine of its own when so much time has passed.
func (c *clock) after(wait time.Duration, do func()) *alarm {
	a, due := new(alarm), c.now()+wait
	a.timer = time.AfterFunc(far, func() {
		left := due - c.now()
		switch {
		case a.stopped.Load():
		case left > 0: // the server was not awake all the time
			a.timer.Reset(left)
			if a.stopped.Load() {
				a.timer.Stop()
			}
		default:
			do()
		}
	})
	a.timer.Reset(wait)
	return a
}

// stop keeps the alarm from going off, unless that has begun.
func (a *alarm) stop() {
	a.stopped.Store(true)
	a.timer.Stop()
}
