// Package clock measures time as a server experiences it: by the monotonic clock, and without the time for which the
// process was stopped.
package clock

import (
	"sync/atomic"
	"time"
)

// A Clock tells how long the server has been awake: the time by which it measures everything. It goes by the
// monotonic clock, so that a step of the wall clock changes nothing. While the process is stopped, or the
// machine sleeps, it stands still: what nobody could do meanwhile must not have been too late. Its owner
// calls Tick. Safe for all.
type Clock struct {
	// Fixed at construction.
	began time.Time
	most  time.Duration // counts of the time between two ticks; the rest was not spent awake

	last atomic.Pointer[tick] // stored by Tick
}

// A tick is a reading of the monotonic clock and of this one, in time since began, and of the wall clock.
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

// Now returns the time since the server was made, for which it was awake.
func (c *Clock) Now() time.Duration { return c.read().awake }

func (c *Clock) read() tick {
	last, monotonic := c.last.Load(), time.Since(c.began)
	return tick{monotonic: monotonic, awake: last.awake + min(max(monotonic-last.monotonic, 0), c.most)}
}

// Tick is called at least once in the time with which the clock was made, while the process runs. It reports
// whether the wall clock was set since the last time, by more than a minute.
func (c *Clock) Tick() (set bool) {
	last, now := c.last.Load(), c.read()
	now.wall = time.Now().Round(0)
	c.last.Store(&now)
	step := now.wall.Sub(last.wall) - (now.monotonic - last.monotonic)
	return step.Abs() > time.Minute
}

// Far is later than anything that is waited for.
const Far = 100 * 365 * 24 * time.Hour

// At returns when a date will be reached, if the wall clock is right now: far away at most, and now for a date
// that has passed. Here and in Tick alone is wall-clock time subtracted.
func (c *Clock) At(date time.Time) time.Duration {
	return c.Now() + min(max(time.Until(date), 0), Far)
}

// Step is what a step of the wall clock looks like to Tick. It is for tests.
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

// After calls do in a goroutine of its own when so much time has passed.
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

// Stop keeps the alarm from going off, unless that has begun.
func (a *Alarm) Stop() {
	a.stopped.Store(true)
	a.timer.Stop()
}
