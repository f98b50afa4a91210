//go:build !js

package webrtc

import (
	"slices"
	"time"
)

// A window says how many bytes of the reliable lanes of a path may be in flight: handed to SCTP, and not yet
// acknowledged. SCTP's own window halves with each loss, also where packets are lost by chance, and a path of 50 ms
// that loses one of a hundred then carries 0.3 MB/s of the 12 that it could. So SCTP's window has a floor that does
// not matter (sctpFloor), and this one is in force. It follows what arrives and how long that takes, as BBR does
// (draft-ietf-ccwg-bbr): the largest rate of the last round trips, times the shortest time that a packet took, and
// some more so that a faster path shows. Its owner calls from one goroutine at a time.
type window struct {
	rates [10]float64 // bytes a second that were acknowledged in each of the last intervals; a ring
	at    int

	shortest   time.Duration // that a packet took, of the last probe and since; 0: none
	shortestAt time.Time
	smoothed   time.Duration // of what packets take now

	began     time.Time // of the present interval
	base      uint64    // bytes that were acknowledged before it
	idle      bool      // in it there was a moment with less in flight than the window allows
	probeEnd  time.Time // zero: no probe
	probed    time.Duration
	grown     float64 // the largest rate when it last grew by a quarter; while starting
	flat      int     // intervals since
	started   bool    // the rate of the path is known
	competing bool    // somebody else keeps a queue on the path
}

const (
	sctpFloor     = 4 << 20  // bytes
	leastWindow   = 32 << 10 // bytes; two of the largest packets by default
	shortInterval = 20 * time.Millisecond
	// slack is what may be in flight beyond the path's own, in time: acknowledgements come late and in groups.
	slack, bulkSlack = 10 * time.Millisecond, 3 * time.Millisecond
	// probeEach is how often the window shrinks for a moment, to see how long a packet takes without a queue.
	probeEach, probeTime = 10 * time.Second, 200 * time.Millisecond
	idleReset            = 10 * time.Second // after which a path may have become another one
	bulkDelay            = 15 * time.Millisecond
)

// acknowledged tells of bytes that were acknowledged, in total, of the time that the last of them took, 0 if that is not
// known, and whether less is in flight than the window allows.
func (w *window) acknowledged(total uint64, took time.Duration, idle bool, now time.Time) {
	w.idle = w.idle || idle
	w.delay(took, now)
	if w.began.IsZero() || now.Sub(w.began) > idleReset {
		*w = window{began: now, base: total, shortest: w.shortest, shortestAt: w.shortestAt, smoothed: w.shortest}
		return
	}
	lasted := now.Sub(w.began)
	if lasted < max(w.smoothed, shortInterval) {
		return
	}
	rate := float64(total-w.base) / lasted.Seconds()
	switch {
	case !w.idle:
		w.at = (w.at + 1) % len(w.rates)
		w.rates[w.at] = rate
		w.settle()
	case rate > w.rate():
		w.rates[w.at] = rate
	}
	w.began, w.base, w.idle = now, total, false
}

// delay notes how long a packet took.
func (w *window) delay(took time.Duration, now time.Time) {
	if took <= 0 {
		return
	}
	if w.smoothed == 0 {
		w.smoothed = took
	}
	w.smoothed += (took - w.smoothed) / 8
	if w.shortest == 0 || took <= w.shortest {
		w.shortest, w.shortestAt = took, now
	}
	switch {
	case w.probeEnd.IsZero() && now.Sub(w.shortestAt) > probeEach:
		w.probeEnd, w.probed = now.Add(max(probeTime, 2*w.smoothed)), took
	case !w.probeEnd.IsZero() && now.After(w.probeEnd):
		w.shortest, w.shortestAt = w.probed, now
		w.probeEnd, w.competing = time.Time{}, false
	case !w.probeEnd.IsZero():
		w.probed = min(w.probed, took)
	}
	switch queue := w.smoothed - w.shortest; {
	case queue < w.shortest*3/10+slack:
		w.competing = false
	case w.started && queue > w.shortest*6/10+2*slack:
		w.competing = true
	}
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

// size is the window, for bulk or not.
func (w *window) size(bulk bool) int {
	gain, more := 1.25, slack
	switch {
	case !w.probeEnd.IsZero():
		gain, more = 0.5, 0
	case bulk && w.smoothed-w.shortest > bulkDelay:
		gain, more = 0.5, 0
	case !w.started:
		gain = 2
	case bulk:
		gain, more = 1.1, bulkSlack
	case w.competing:
		gain = 2
	}
	return max(leastWindow, int(w.rate()*(gain*w.shortest.Seconds()+more.Seconds())))
}
