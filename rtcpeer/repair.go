package rtcpeer

import "time"

// A repair is what an open link knows of its path, and whether it needs another one. It is a value, and
// its methods are pure: each takes what happened and returns the next repair and what to do. link.keep
// does it.
//
//	heard ----- 1.15 s nothing: ask ----- 1.5 s nothing: interrupted, try ----- LostAfter: give up
//	  ^                                        |
//	  |--- heard again: resumed, drop <--------|
//	  |--- another path took over: resumed <---|
//
// The offering end tries: it makes the next path, beside the present one. The answering end asks it to,
// with a signal. The offering end alone decides whether a path that is ready takes over, so that the two
// ends never go over different ones.
type repair struct {
	// Fixed.
	offers    bool
	lostAfter time.Duration // negative: never

	heard       time.Time // when something last came over the present path
	ticked      time.Time // the last tick
	woke        time.Time // the last one after a sleep; zero: there was none
	asked       time.Time // when the other end was last asked whether it is there
	closed      bool      // the present path has ended
	interrupted bool      // and the program knows
	needs       need
	tryAt       time.Time // no try before
	began       time.Time // of the present try; zero: there is none
	waits       bool      // the present try waits until fewer paths are being made
	doubted     bool      // the other end may not know of that: its signals may be lost
	searchAt    time.Time // when a relayed path looks for a direct one; zero: it is not relayed
	searches    int       // that were in vain
}

// A need is why a link wants another path.
type need uint8

const (
	needPath    need = 1 << iota // the present path is silent or closed
	needChange                   // something has changed at this end
	needRequest                  // the other end wants one
	needDirect                   // the present path goes through a TURN server, or the signaling server
)

// A repairStep is one thing to do for a link.
type repairStep uint8

const (
	stepAsk       repairStep = iota + 1 // ask the other end, over the present path, whether it is there
	stepInterrupt                       // tell the program that the link is interrupted
	stepResume                          // tell it that the link is back
	stepTry                             // make another path, or ask the other end to
	stepDrop                            // drop the path that is being made
	stepGiveUp                          // end the link
)

// A sight is what a link sees of its paths and of the other end.
type sight struct {
	heard    bool          // something came over the present path since the last tick; for tick alone
	making   bool          // another path is being made
	advanced bool          // and the two ends reach each other over it
	answer   time.Duration // that the other end last took to answer an offer; 0: not known
	fallback bool          // it goes over WebRTC, and the next one can go through the signaling server
}

const (
	tickEach    = 500 * time.Millisecond
	beatEach    = time.Second             // of silence, at most, on an idle link
	askAfter    = 1150 * time.Millisecond // without a sign of the other end: a beat may be late
	silentAfter = 1400 * time.Millisecond // likewise: three ticks
	// sleptAfter without a tick the process, or its machine, was asleep. One that is short of CPU is not late by
	// so much.
	sleptAfter = 5 * time.Second
	// graceAfterSleep is the silence with which a link wakes: it is asked at once, and tries a second later.
	graceAfterSleep = silentAfter - 800*time.Millisecond
	requestEach     = 3 * time.Second        // an answering end asks for an offer that does not come
	freshFor        = time.Second            // a try that is younger is not begun anew: the two may have crossed
	settleTime      = 200 * time.Millisecond // after a change, before a try: the present path may answer
	firstSearch     = 5 * time.Second
	lastSearch      = 5 * time.Minute
)

func newRepair(offers bool, lostAfter time.Duration, now time.Time) repair {
	return repair{offers: offers, lostAfter: lostAfter, heard: now, ticked: now}
}

// tick is to come every tickEach.
func (r repair) tick(now time.Time, s sight) (repair, []repairStep) {
	var steps []repairStep
	if slept(r.ticked, now) {
		// What came meanwhile is about to be read. If it says nothing, the path is soon taken for silent.
		r.heard, r.asked, r.woke = now.Add(-graceAfterSleep), time.Time{}, now
		r, steps = r.ask(now, nil)
	} else if elapsed := now.Sub(r.ticked); elapsed > tickEach {
		r.heard = r.heard.Add(excuse(elapsed, elapsed-tickEach))
		if !r.began.IsZero() {
			r.began = r.began.Add(excuse(elapsed, elapsed-tickEach))
		}
	}
	r.ticked = now
	silence := now.Sub(r.heard)
	switch {
	case s.heard && !r.closed:
		r.heard, r.asked = now, time.Time{}
		r.needs &^= needPath
		if r.interrupted {
			r.interrupted = false
			steps = append(steps, stepResume)
		}
	case r.lostAfter >= 0 && silence >= max(r.lostAfter, silentAfter): // an idle link is silent for a second
		return r, append(steps, stepGiveUp)
	case silence >= silentAfter || r.closed:
		r = r.noteSilent(now)
		if !r.interrupted {
			r.interrupted = true
			steps = append(steps, stepInterrupt)
		}
		r, steps = r.ask(now, steps)
	case silence >= askAfter:
		r, steps = r.ask(now, steps)
	}
	return r.plan(now, s, steps)
}

// isStale reports whether this end has just slept, so that what it hears may have been said long ago.
func (r repair) isStale(now time.Time) bool {
	return slept(r.ticked, now) || !r.woke.IsZero() && now.Sub(r.woke) < sleptAfter
}

// due returns when something is to be decided between two ticks; the past, if nothing is.
func (r repair) due() time.Time {
	switch {
	case r.needs != 0:
		return r.tryAt
	case r.asked.IsZero() && r.ticked.Sub(r.heard) > askAfter-tickEach: // else the next tick comes first
		return r.heard.Add(askAfter)
	}
	return time.Time{}
}

// slept reports whether too much time has passed between two ticks. On a machine that was suspended the
// wall clock tells, in a process that was stopped either.
func slept(before, now time.Time) bool {
	return now.Sub(before) > sleptAfter || now.Round(0).Sub(before.Round(0)) > sleptAfter
}

// ask asks the other end, once each beatEach.
func (r repair) ask(now time.Time, steps []repairStep) (repair, []repairStep) {
	if r.closed || !r.asked.IsZero() && now.Sub(r.asked) < beatEach {
		return r, steps
	}
	r.asked = now
	return r, append(steps, stepAsk)
}

// changed notes that something has changed at this end, so that the present path may be no good any more:
// it is asked, and another one is tried after delay, and after it had the time to answer if it is not known to
// be silent.
func (r repair) changed(now time.Time, delay time.Duration) (repair, []repairStep) {
	r.needs |= needChange
	if !r.interrupted {
		delay += settleTime
	}
	r.began, r.tryAt, r.asked = time.Time{}, now.Add(delay), time.Time{}
	if !r.searchAt.IsZero() {
		r.searches, r.searchAt = 0, now.Add(firstSearch/5)
	}
	return r.ask(now, nil)
}

// answered notes that the other end has answered an ask over the present path: whatever changed, it works.
func (r repair) answered(now time.Time, s sight) (repair, []repairStep) {
	r.needs &^= needChange
	return r.plan(now, s, nil)
}

// requested notes that the other end wants another path. seen is true if it knows of the present try, and
// asks all the same: then the next one comes, though not more than a few a second. If it may not know of it, it
// has until the try is freshFor old to answer that.
func (r repair) requested(now time.Time, s sight, seen bool) (repair, []repairStep) {
	r.needs |= needRequest
	switch {
	case seen || now.Sub(r.began) > s.fresh():
		if soonest := r.began.Add(settleTime); soonest.After(r.tryAt) {
			r.tryAt = soonest
		}
		r.began = time.Time{}
	default:
		r.doubted, r.tryAt = true, r.began.Add(s.fresh())
	}
	return r.plan(now, s, nil)
}

// known notes that the other end has answered the present try.
func (r repair) known() repair {
	r.doubted = false
	return r
}

// pathClosed notes that the present path has ended, though not the link. The program is told at the next
// tick, unless another path has taken over by then.
func (r repair) pathClosed(now time.Time, s sight) (repair, []repairStep) {
	r.closed = true
	return r.noteSilent(now).plan(now, s, nil)
}

// noteSilent notes that the present path is silent or closed. A search for a direct path does not hold up the
// repair, for which a relay will do.
func (r repair) noteSilent(now time.Time) repair {
	if r.needs == needDirect {
		r = r.searchLater(now)
		r.began = time.Time{}
	}
	r.needs |= needPath
	return r
}

// failed notes that the path that was being made has failed. The next try comes when this one's time is
// over: what fails fast fails often.
func (r repair) failed(now time.Time, s sight) (repair, []repairStep) {
	if r.needs == needDirect {
		r = r.searchLater(now)
	}
	return r.plan(now, s, nil)
}

// fellBack notes that the path that was being made has failed, and that the next one goes another way: it comes at once.
func (r repair) fellBack(now time.Time, s sight) (repair, []repairStep) {
	r.began, r.tryAt = time.Time{}, now
	return r.plan(now, s, nil)
}

// moved notes that the link goes over another path from now on.
func (r repair) moved(now time.Time, relayed bool) (repair, []repairStep) {
	var steps []repairStep
	if r.interrupted {
		steps = append(steps, stepResume)
	}
	next := newRepair(r.offers, r.lostAfter, now)
	next.ticked, next.woke = r.ticked, r.woke
	return next.relayed(now, relayed), steps
}

// relayed notes whether the present path goes through a relay.
func (r repair) relayed(now time.Time, relayed bool) repair {
	r.searchAt, r.searches = time.Time{}, 0
	if relayed && r.offers {
		r.searchAt = now.Add(firstSearch)
	}
	return r
}

// searchLater ends a search for a direct path that was in vain.
func (r repair) searchLater(now time.Time) repair {
	r.needs &^= needDirect
	wait := firstSearch << min(2*r.searches, 8)
	r.searchAt = now.Add(min(wait, lastSearch))
	r.searches++
	return r
}

// waiting notes that the present try waits: its time has not begun.
func (r repair) waiting() repair {
	r.waits = true
	return r
}

// begins notes that the present try, which has waited, begins.
func (r repair) begins(now time.Time) repair {
	r.waits, r.began = false, now
	return r
}

// plan decides whether to try, or to drop what is being tried.
func (r repair) plan(now time.Time, s sight, steps []repairStep) (repair, []repairStep) {
	if r.waits {
		r.began = now
	}
	over := r.began.IsZero() || now.Sub(r.began) >= r.patience(s)
	if over && !r.began.IsZero() && !r.doubted { // it was in vain
		r.needs &^= needRequest // it comes again while the other end wants one
		if r.needs == needDirect {
			r = r.searchLater(now)
		}
	}
	if r.needs == 0 && !r.searchAt.IsZero() && !now.Before(r.searchAt) {
		r.needs, r.searchAt = needDirect, now // searchLater sets it anew
	}
	switch {
	case r.needs == 0 && !r.began.IsZero():
		r.began, r.waits = time.Time{}, false
		return r, append(steps, stepDrop)
	case r.needs != 0 && over && !now.Before(r.tryAt):
		r.began, r.doubted = now, false
		return r, append(steps, stepTry)
	}
	return r, steps
}

// patience is how long a try may take.
func (r repair) patience(s sight) time.Duration {
	switch {
	case r.doubted:
		return s.fresh()
	case s.advanced:
		return 2 * attemptTimeout
	case r.offers && s.fallback && r.needs != needDirect:
		return max(forwardAfter, 2*s.answer)
	case r.offers || s.making:
		return max(attemptTimeout, 2*s.answer)
	}
	return requestEach
}

// fresh is how old a try may be of which the other end may not know.
func (s sight) fresh() time.Duration {
	if s.answer == 0 {
		return freshFor
	}
	return max(freshFor/4, s.answer+s.answer/2)
}
