// Package clock measures how long a server has been awake: by the monotonic clock, and without the time during which
// the process was stopped.
package clock

import (
	"sync/atomic"
	"time"
)

// A Clock tells how long the server has been awake. The server measures all its timeouts with it. It follows the
// monotonic clock, so setting the wall clock changes nothing. While the process is stopped or the machine sleeps, the
// Clock stands still: nothing should time out while nobody could act. Its owner calls Tick. It is safe for concurrent
// use.
type Clock struct {
	// Fixed at construction.
	began time.Time
	most  time.Duration // counted at most between two ticks; the rest was not spent awake

	last atomic.Pointer[tick] // stored by Tick
}

// A tick is a reading of the monotonic clock and of the Clock, both as time since began, and of the wall clock.
type tick struct {
	monotonic, awake time.Duration
	wall             time.Time
}

// New returns a clock that is ticked at least once every tickEvery.
func New(tickEvery time.Duration) *Clock {
	c := &Clock{began: time.Now(), most: 2 * tickEvery}
	c.last.Store(&tick{wall: c.began.Round(0)})
	return c
}

// Now returns how long the server has been awake since the clock was made.
func (c *Clock) Now() time.Duration { return c.read().awake }

func (c *Clock) read() tick {
	last, monotonic := c.last.Load(), time.Since(c.began)
	return tick{monotonic: monotonic, awake: last.awake + min(max(monotonic-last.monotonic, 0), c.most)}
}

// Tick must be called at least once in each interval given to New while the process runs. It reports whether the wall
// clock was set by more than a minute since the last call.
func (c *Clock) Tick() (set bool) {
	last, now := c.last.Load(), c.read()
	now.wall = time.Now().Round(0)
	c.last.Store(&now)
	step := now.wall.Sub(last.wall) - (now.monotonic - last.monotonic)
	return step.Abs() > time.Minute
}

// Far is later than any time that is waited for.
const Far = 100 * 365 * 24 * time.Hour

// At returns when a date will be reached, assuming that the wall clock is right now. A date that has passed gives
// now, and the limit is Far from now. Wall-clock times are subtracted only here and in Tick.
func (c *Clock) At(date time.Time) time.Duration {
	return c.Now() + min(max(time.Until(date), 0), Far)
}

// Step makes Tick see a step of the wall clock. It is for tests.
func (c *Clock) Step(step time.Duration) {
	last := *c.last.Load()
	last.wall = last.wall.Add(-step)
	c.last.Store(&last)
}

// An Alarm is a timer of a clock.
type Alarm struct {
	timer   *time.Timer
	stopped atomic.Bool
}

// After calls do in its own goroutine when the time wait has passed on the clock.
func (c *Clock) After(wait time.Duration, do func()) *Alarm {
	a, due := new(Alarm), c.Now()+wait
	a.timer = time.AfterFunc(Far, func() {
		left := due - c.Now()
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

// Stop keeps the alarm from going off, unless it has already begun to.
func (a *Alarm) Stop() {
	a.stopped.Store(true)
	a.timer.Stop()
}
