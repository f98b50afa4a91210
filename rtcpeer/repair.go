package rtcpeer

import "time"

// A repair is what an open link knows about its path, and whether it needs another one. It is a value, and its methods
// are pure: each takes what happened and returns the next repair and what to do. link.decide does it.
//
//	heard ----- 1.15 s nothing: ask ----- 1.5 s nothing: interrupted, try ----- LostAfter: give up
//	  ^                                        |
//	  |--- heard again: resumed, drop <--------|
//	  |--- another path took over: resumed <---|
//
// The offering end tries: it makes the next path, beside the present one. The answering end asks it to do so, with a
// signal. Only the offering end decides whether a path that is ready takes over, so that the two ends never go over
// different ones.
type repair struct {
	// Fixed.
	offers    bool
	lostAfter time.Duration // negative: never

	heard       time.Time // when something last came over the present path
	ticked      time.Time // the last tick
	woke        time.Time // the last tick after a sleep; zero: there was none
	asked       time.Time // when the other end was last asked whether it is there
	relaxed     bool      // a silence may be longer: see relaxedPart
	closed      bool      // the present path has ended
	interrupted bool      // the present path is silent or closed, and the program was told
	needs       need
	tryAt       time.Time // there is no try before this time
	began       time.Time // when the present try began; zero: there is none
	waits       bool      // the present try waits until fewer paths are being made
	doubted     bool      // the other end may not know of the present try: its signals may be lost
	searchAt    time.Time // when a relayed path next looks for a direct one; zero: it is not relayed
	searches    int       // how many searches were in vain
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
	stepResume                          // tell the program that the link is back
	stepTry                             // make another path, or ask the other end to
	stepDrop                            // drop the path that is being made
	stepGiveUp                          // end the link
)

// A sight is what a link sees of its paths and of the other end.
type sight struct {
	heard    bool          // something came over the present path since the last tick; for tick alone
	relaxed  bool          // a silence may be longer: the present path is sparing, or the process has too many paths
	making   bool          // another path is being made
	advanced bool          // the two ends reach each other over that path
	answer   time.Duration // how long the other end last took to answer an offer; 0: not known
	fallback bool          // that path goes over WebRTC, and the next one can go through the signaling server
}

const (
	tickEach    = 500 * time.Millisecond
	beatEach    = time.Second             // the longest silence on an idle link
	askAfter    = 1150 * time.Millisecond // see repair.askAfter
	silentAfter = 1400 * time.Millisecond // see repair.silentAfter
	// sleptAfter is the time without a tick after which the process, or its machine, counts as having slept. A process
	// that is short of CPU is not that late.
	sleptAfter = 5 * time.Second
	// graceAfterSleep is how much silence is left to a link that wakes up: it asks at once, and tries a second later.
	graceAfterSleep = 800 * time.Millisecond
	// relaxedPart is how many times longer a relaxed end waits. A sparing path is silent from one measurement to the next
	// (timeEachIdle), and a process with thousands of links is late by seconds while it makes them.
	relaxedPart = time.Duration(timeEachIdle / beatEach)
	requestEach = 3 * time.Second        // between two requests of an answering end for an offer that does not come
	freshFor    = time.Second            // a try that is younger is not begun anew: the two may have crossed
	settleTime  = 200 * time.Millisecond // after a change, before a try: the present path may answer
	firstSearch = 5 * time.Second
	lastSearch  = 5 * time.Minute
)

func newRepair(offers bool, lostAfter time.Duration, now time.Time) repair {
	return repair{offers: offers, lostAfter: lostAfter, heard: now, ticked: now}
}

// askAfter returns the silence after which this end asks: a beat may be late.
func (r repair) askAfter() time.Duration {
	if r.relaxed {
		return relaxedPart * askAfter
	}
	return askAfter
}

// silentAfter returns the silence after which the path counts as silent. An end that is not relaxed notices it at the
// third tick, 1.5 s after the one at which it last heard something.
func (r repair) silentAfter() time.Duration {
	if r.relaxed {
		return relaxedPart * silentAfter
	}
	return silentAfter
}

// tick handles a tick. One has to come every tickEach.
func (r repair) tick(now time.Time, s sight) (repair, []repairStep) {
	var steps []repairStep
	r.relaxed = s.relaxed
	if slept(r.ticked, now) {
		// What came meanwhile is about to be read. If there is nothing, the path soon counts as silent.
		r.heard, r.asked, r.woke = now.Add(graceAfterSleep-r.silentAfter()), time.Time{}, now
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
	case r.lostAfter >= 0 && silence >= max(r.lostAfter, r.silentAfter()): // an idle link is silent for a second
		return r, append(steps, stepGiveUp)
	case silence >= r.silentAfter() || r.closed:
		r = r.noteSilent(now)
		if !r.interrupted {
			r.interrupted = true
			steps = append(steps, stepInterrupt)
		}
		r, steps = r.ask(now, steps)
	case silence >= r.askAfter():
		r, steps = r.ask(now, steps)
	}
	return r.plan(now, s, steps)
}

// isStale reports whether this end has just slept, so that what it hears may have been sent long ago.
func (r repair) isStale(now time.Time) bool {
	return slept(r.ticked, now) || !r.woke.IsZero() && now.Sub(r.woke) < sleptAfter
}

// due returns when something has to be decided between two ticks, or a time in the past if nothing has.
func (r repair) due() time.Time {
	switch {
	case r.needs != 0:
		return r.tryAt
	case r.asked.IsZero() && r.ticked.Sub(r.heard) > r.askAfter()-tickEach: // else the next tick comes first
		return r.heard.Add(r.askAfter())
	}
	return time.Time{}
}

// slept reports whether too much time has passed between two ticks. If the machine was suspended, only the wall clock
// shows it; if the process was stopped, both clocks do.
func slept(before, now time.Time) bool {
	return now.Sub(before) > sleptAfter || now.Round(0).Sub(before.Round(0)) > sleptAfter
}

// ask asks the other end whether it is there, at most once each beatEach.
func (r repair) ask(now time.Time, steps []repairStep) (repair, []repairStep) {
	if r.closed || !r.asked.IsZero() && now.Sub(r.asked) < beatEach {
		return r, steps
	}
	r.asked = now
	return r, append(steps, stepAsk)
}

// changed notes that something has changed at this end, so that the present path may not work any more. This end asks
// over it, and tries another path after delay. Unless the present path is known to be silent, it first gets the time to
// answer.
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

// answered notes that the other end has answered over the present path, which therefore works whatever has changed.
func (r repair) answered(now time.Time, s sight) (repair, []repairStep) {
	r.needs &^= needChange
	return r.plan(now, s, nil)
}

// requested notes that the other end wants another path. If seen is true, the other end knows of the present try, and
// still asks: then the next try comes, though not more than a few a second. If the other end may not know of the
// present try, it has until the try is s.fresh old to answer it.
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

// pathClosed notes that the present path has ended, though the link has not. The program is told at the next tick,
// unless another path has taken over by then.
func (r repair) pathClosed(now time.Time, s sight) (repair, []repairStep) {
	r.closed = true
	return r.noteSilent(now).plan(now, s, nil)
}

// noteSilent notes that the present path is silent or closed. A search for a direct path must not hold up the repair,
// which may go through a relay.
func (r repair) noteSilent(now time.Time) repair {
	if r.needs == needDirect {
		r = r.searchLater(now)
		r.began = time.Time{}
	}
	r.needs |= needPath
	return r
}

// failed notes that the path that was being made has failed. The next try comes when the time of this one is over:
// something that fails fast fails often.
func (r repair) failed(now time.Time, s sight) (repair, []repairStep) {
	if r.needs == needDirect {
		r = r.searchLater(now)
	}
	return r.plan(now, s, nil)
}

// fellBack notes that the path that was being made has failed, and that the next one, of another kind, comes at once.
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
	next.ticked, next.woke, next.relaxed = r.ticked, r.woke, r.relaxed
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

// searchLater ends a search for a direct path that was in vain, and sets the time of the next one.
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

// begins notes that the present try, which has waited, begins now.
func (r repair) begins(now time.Time) repair {
	r.waits, r.began = false, now
	return r
}

// plan decides whether to begin a try, or to drop the present one.
func (r repair) plan(now time.Time, s sight, steps []repairStep) (repair, []repairStep) {
	if r.waits {
		r.began = now
	}
	over := r.began.IsZero() || now.Sub(r.began) >= r.patience(s)
	if over && !r.began.IsZero() && !r.doubted { // the try was in vain
		r.needs &^= needRequest // the request comes again as long as the other end wants a path
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

// patience returns how long a try may take.
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

// fresh returns how old a try must be before the other end, if it asks for a path, counts as not having seen it.
func (s sight) fresh() time.Duration {
	if s.answer == 0 {
		return freshFor
	}
	return max(freshFor/4, s.answer+s.answer/2)
}
