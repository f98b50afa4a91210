//go:build !js

package webrtc

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// A window limits how many bytes of the reliable lanes of a path may be in flight: handed to SCTP and not yet
// acknowledged. SCTP's own window halves with each loss, even if packets are lost by chance, and a path of 50
// ms that loses one packet in a hundred then carries 0.3 MB/s of the 12 that it could. So SCTP's window has a
// floor so high that it does not matter (sctpFloor), and this window applies instead. It follows the rate and
// the delay of acknowledgements, as BBR does (draft-ietf-ccwg-bbr): it is the largest rate of the last round
// trips, times the shortest time that a packet took, plus a little so that a faster path shows. To measure that
// time the window is small for a moment now and then: a probe. Windows that share a path join each other's probes,
// because one alone would find the other's queue. If a probe finds a queue, other traffic keeps it, as TCP does;
// then the window grows and shrinks as TCP's windows do: a contest. Bulk has a smaller window, which gives way to
// any queue, and a pace (see yield and wait). Only one goroutine at a time may call its methods.
type window struct {
	rates [6]float64 // bytes a second that were acknowledged in each of the last intervals; a ring
	at    int

	shortest   time.Duration // that a packet took, in the last probe or since; 0: none
	shortestAt time.Time
	usual      time.Duration // the shortest that a packet took in the last interval
	least      time.Duration // and in the present one; 0: not known. It may include a delayed acknowledgement, 200 ms
	probeEnd   time.Time     // zero: no probe
	probed     time.Duration // the shortest in the probe; 0: none yet
	renews     bool          // see probe
	floor      time.Duration // the shortest in the last probe that renews
	probedAt   time.Time     // the end of the last probe
	above      int           // intervals in a row with a longer queue than this window makes
	upset      int           // intervals for which rates still show the last probe

	began time.Time // of the present interval
	last  flow      // the flow when the interval began
	idle  bool      // at some moment of the interval less was in flight than the window allows
	busy  time.Time // the end of the last interval that was not idle

	started bool    // the rate of the path is known
	grown   float64 // while starting: the largest rate when it last grew by a quarter
	flat    int     // intervals since then

	queued  int           // intervals in a row with a queue that is not this window's own
	held    int           // the bytes in flight when queued became 1, or when the probe began
	contest int           // the window while other traffic keeps a queue; 0: none does
	eased   bool          // contest has just shrunk
	yields  int           // the window of bulk; 0: still starting
	before  time.Duration // value of usual one interval earlier

	credit   float64 // bytes of bulk that may be sent now
	credited time.Time
}

// A flow is the bytes of a path so far.
type flow struct {
	acknowledged uint64 // of reliable lanes
	expected     uint64 // on the wire, if SCTP had sent everything once
	sent         uint64 // on the wire
	received     uint64 // on the wire
}

const (
	sctpFloor   = 4 << 20  // the least of SCTP's own window, in bytes: more than SendBuffer allows by default
	leastWindow = 32 << 10 // bytes; two of the largest packets by default
	// shortInterval is the least length of an interval; otherwise an interval is a round trip.
	shortInterval = 20 * time.Millisecond
	// slack is what may be in flight beyond what the path holds, as a time at fairRate, because acknowledgements
	// come late and in groups. See waiting.
	slack = 10 * time.Millisecond
	// bulkDelay is how much longer packets may take because of bulk, at fairRate.
	bulkDelay = 10 * time.Millisecond
	// bulkGrowth is the growth of the window of bulk in a round trip in which packets hardly wait.
	bulkGrowth = 1.15
	// bulkPace is the pace of bulk, as a multiple of its window per round trip, and bulkBurst is what may be
	// sent at once, as a time. If a whole window were sent at once, after a pause or a probe, all of it would
	// wait in one queue.
	bulkPace  = 1.25
	bulkBurst = 5 * time.Millisecond
	// probeEach is how often the window shrinks for a moment, to measure how long a packet takes without a
	// queue.
	probeEach, probeTime = 10 * time.Second, 200 * time.Millisecond
	// A probe of another sender empties the queue as well. A sender that notices it joins, so that both find the
	// queue empty, at most once in joinEach: its own process may have stood still for a moment instead.
	joinEach = 1500 * time.Millisecond
	// After so many intervals with a queue that is longer than this window makes, a probe finds out, at most once in
	// doubtEach, whether it is the queue of others.
	doubtAfter, doubtEach = 12, 3 * time.Second
	// probeLeast is the least in flight in a probe, as a time, but at most leastWindow.
	probeLeast = 5 * time.Millisecond
	upsetTime  = 3                // intervals after a probe until rates are those of before
	idleReset  = 10 * time.Second // idle time after which the path may have changed
	// While other traffic keeps a queue (contest), the window shrinks with a loss as CUBIC's does (RFC 9438),
	// and grows by five packets a round trip.
	contestLoss, contestStep = 0.7, 5 * sctpPacket
	sctpPacket               = 1156 // bytes of data in one of SCTP's packets
	sctpHead                 = 32   // bytes of headers in one
)

// wire returns how many bytes a packet of n bytes takes on the wire.
func wire(n int) int { return n + (n+sctpPacket-1)/sctpPacket*sctpHead }

// update updates the window with the state of the flow, the time that the last packet took (0 if not known),
// and whether less is in flight than the window allows. Once an interval it calls totals for flow.sent and
// flow.received.
func (w *window) update(f flow, took time.Duration, idle bool, totals func() (sent, received uint64), now time.Time) {
	if !idle && now.Sub(w.busy) > idleReset {
		f.sent, f.received = totals()
		*w = window{shortest: w.shortest, shortestAt: now, usual: w.shortest, busy: now, began: now, last: f}
	}
	w.idle = w.idle || idle
	w.delay(took, now)
	lasted := now.Sub(w.began)
	if lasted < max(w.usual, shortInterval) {
		return
	}
	f.sent, f.received = totals()
	starting := !w.started
	w.interval(float64(f.acknowledged-w.last.acknowledged)/lasted.Seconds(), w.lost(f))
	switch {
	case w.probing():
	case starting && w.started:
		w.probe(now, max(probeTime, 2*w.usual), false) // the start has left a queue, or has begun with one
	case w.above >= doubtAfter && now.Sub(w.probedAt) > doubtEach:
		w.probe(now, max(probeTime, 2*w.usual), true)
	}
	if !w.idle {
		w.busy = now
	}
	w.before, w.usual, w.least = cmp.Or(w.usual, w.least), cmp.Or(w.least, w.usual), 0
	w.yield()
	w.began, w.last, w.idle = now, f, false
}

// yield moves the window of bulk halfway to the one with which packets wait for bulkDelay, as FAST TCP does
// (doi.org/10.1109/TNET.2006.886335). The effect of a window shows one round trip later; a window that follows
// the delay at once swings between no queue and a long one.
func (w *window) yield() {
	took := min(w.usual, w.before) // a late acknowledgement or a busy machine may spoil one interval
	switch {
	case w.probing():
		return
	case w.yields == 0:
		if w.started || took > w.shortest+bulkDelay {
			w.yields = w.room(1, bulkDelay)
		}
		return
	}
	without := float64(w.yields) * w.shortest.Seconds() / max(took, w.shortest).Seconds()
	next := (float64(w.yields) + without + waiting(w.rate(), bulkDelay)) / 2
	if took < w.shortest+bulkDelay/2 && w.yields < w.room(1, bulkDelay/2) {
		next = max(next, bulkGrowth*float64(w.yields)) // the start may have ended too early
	}
	if w.idle {
		next = min(next, float64(w.yields))
	}
	w.yields = max(leastWindow, min(int(next), w.room(1.25, slack)))
}

// wait returns how long the next packet of bulk must wait to keep the pace.
func (w *window) wait(now time.Time) time.Duration {
	if w.shortest == 0 {
		return 0
	}
	pace := bulkPace * float64(w.size(true)) / w.shortest.Seconds()
	w.credit = min(w.credit+pace*now.Sub(w.credited).Seconds(), pace*bulkBurst.Seconds())
	w.credited = now
	return max(0, time.Duration(-w.credit/pace*float64(time.Second)))
}

// spend counts bytes of bulk that were sent.
func (w *window) spend(n int) { w.credit -= float64(n) }

// lost reports whether packets were sent again. It allows for other reasons why more than expected may be on
// the wire: the acknowledgement of each second packet that has come, and bytes that waited in SCTP a moment ago.
func (w *window) lost(f flow) bool {
	again := int64(f.sent-w.last.sent) - int64(f.expected-w.last.expected)
	return again > int64(f.received-w.last.received)/32+2*(sctpPacket+sctpHead)
}

// interval handles the end of an interval in which rate bytes a second were acknowledged.
func (w *window) interval(rate float64, lost bool) {
	upset := w.probing() || w.upset > 0
	switch {
	case upset:
		// One sender had less than usual, and another one more.
	case !w.idle:
		w.at = (w.at + 1) % len(w.rates)
		w.rates[w.at] = rate
		w.settle()
	case rate > w.rate():
		w.rates[w.at] = rate
	}
	empty := w.shortest*3/10 + slack
	if upset {
		empty = slack // other traffic may keep a queue that is only shorter for this moment
	}
	if w.above++; w.queue() < empty+slack/2 || w.contest > 0 || upset || w.idle {
		w.above = 0
	}
	switch queue := w.queue(); {
	case queue < empty:
		w.queued, w.contest = 0, 0
	case w.contest > 0:
		w.compete(lost, upset)
	case w.started && queue > w.shortest*6/10+2*slack && !w.idle && (lost || w.room(1.25, slack) > leastWindow):
		// On a slow path even the least window makes a queue, but this queue loses nothing.
		w.notice()
	default:
		w.queued = 0
	}
	if !w.probing() {
		w.upset = max(w.upset-1, 0)
	}
}

// notice counts an interval with a long queue. The queue may be there because rates of a moment ago were too high,
// those of several windows. So these are forgotten, and a contest begins only if the queue stays.
func (w *window) notice() {
	now, before := w.rates[w.at], w.rates[(w.at+len(w.rates)-1)%len(w.rates)]
	if w.queued == 0 {
		w.held = int(now * w.usual.Seconds())
	} else {
		w.rates, w.at = [len(w.rates)]float64{now, before}, 0
	}
	if w.queued++; w.queued == 3 {
		w.contest, w.probeEnd, w.upset = w.held, time.Time{}, 0
	}
}

// compete moves the window of a contest. What is lost in one round trip is sent again in the next, which may be two
// intervals; the window shrinks in one of them.
func (w *window) compete(lost, upset bool) {
	switch {
	case upset:
	case lost && !w.eased:
		w.contest, w.eased = int(float64(w.contest)*contestLoss), true
	case lost:
		w.eased = false
	default:
		w.contest, w.eased = w.contest+contestStep, false
	}
}

// delay records how long a packet took.
func (w *window) delay(took time.Duration, now time.Time) {
	if took <= 0 {
		return
	}
	if w.least == 0 || took < w.least {
		w.least = took
	}
	queue := min(w.usual, w.before) - w.shortest // a lost packet may spoil one interval
	another := queue > slack && took < w.shortest+queue*2/3 && w.started && !w.idle && w.busy.Equal(w.began)
	if w.shortest == 0 || took <= w.shortest {
		w.shortest, w.shortestAt = took, now
	}
	switch {
	case w.probing():
		w.measure(took, now)
	case another && now.Sub(w.probedAt) > max(joinEach, 20*w.shortest):
		w.probe(now, queue+2*w.shortest, false)
	case now.Sub(w.shortestAt) > probeEach:
		w.probe(now, max(probeTime, 2*w.usual), true)
	}
}

// probe makes the window small for a time. If it renews, what it finds replaces shortest, and says whether others keep
// a queue.
func (w *window) probe(now time.Time, lasts time.Duration, renews bool) {
	w.held = int(w.rates[w.at] * w.usual.Seconds())
	w.probeEnd, w.probed, w.renews = now.Add(lasts), 0, renews
}

func (w *window) probing() bool { return !w.probeEnd.IsZero() }

// measure records how long a packet took in a probe, and ends the probe.
func (w *window) measure(took time.Duration, now time.Time) {
	if w.probed == 0 || took < w.probed {
		w.probed = took
	}
	if now.Before(w.probeEnd) {
		return
	}
	switch {
	case w.probed <= w.shortest+slack:
		w.contest, w.shortestAt = 0, now
		if w.renews {
			w.shortest = w.probed
		}
	case !w.renews:
	case (w.probed - w.floor).Abs() < slack/4: // as ten seconds ago: the path has become longer
		w.shortest, w.contest, w.shortestAt = w.probed, 0, now
	default: // somebody keeps a queue
		w.shortestAt = now
		if w.contest == 0 {
			w.contest = w.held
		}
	}
	if w.renews {
		w.floor = w.probed
	}
	w.probeEnd, w.probedAt, w.upset = time.Time{}, now, upsetTime
}

// settle ends the start when the rate has not grown by a quarter for three intervals.
func (w *window) settle() {
	if rate := w.rate(); rate >= w.grown*1.25 {
		w.grown, w.flat = rate, 0
	} else if w.flat++; w.flat >= 3 {
		w.started = true
	}
}

func (w *window) rate() float64 { return slices.Max(w.rates[:]) }

// queue returns how much longer a packet takes than without a queue.
func (w *window) queue() time.Duration { return max(w.usual-w.shortest, 0) }

// size returns the window in bytes, for bulk or for the other lanes.
func (w *window) size(bulk bool) int {
	switch {
	case w.probing():
		rate := w.rate()
		least := max(2*sctpPacket, min(leastWindow, int(rate*probeLeast.Seconds())))
		return max(least, int(rate*w.shortest.Seconds()/2))
	case bulk && w.yields > 0:
		return w.yields
	case bulk:
		return w.room(1.4, slack/2)
	case !w.started:
		return w.room(2, slack)
	case w.contest > 0:
		return max(leastWindow, w.contest)
	}
	return w.room(1.25, slack)
}

// room returns gain times what the path itself holds, plus what it carries in slack, in bytes.
func (w *window) room(gain float64, slack time.Duration) int {
	rate := w.rate()
	return max(leastWindow, int(rate*gain*w.shortest.Seconds()+waiting(rate, slack)))
}

// waiting returns how many bytes may wait in the path's queue and at its ends, for a time that is meant for
// fairRate. It grows with the square root of the rate, within limits. All packets of a bottleneck wait equally
// long. So of several senders a slow one has more of its bytes in the queue than its share, and becomes faster;
// with an amount in proportion to the rate, whoever was first would stay ahead. See TestWindowsShare.
func waiting(rate float64, t time.Duration) float64 {
	return t.Seconds() * max(min(math.Sqrt(rate*fairRate), rate*mostWait), rate*leastWait)
}

const (
	fairRate            = 6.25e6 // bytes a second: 50 Mbit/s
	leastWait, mostWait = 0.3, 4 // the limits of what waiting makes of a time
)
