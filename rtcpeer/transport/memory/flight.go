package memory

import (
	"slices"
	"time"
)

// A flight is a packet in flight.
type flight struct {
	flow   *flow
	number uint64
	at     time.Time // when it arrives, or would have
	lost   bool
	data   []byte // a copy
}

// launch sends a packet over a network that is not clean.
func (f *flow) launch(o *Options, b []byte) {
	p, now := f.pipe, time.Now()
	x := flight{flow: f, number: f.sent}
	x.at, x.lost = f.fate(o, p.depart(o, now, len(b)))
	if f.reliable() {
		x.at = later(x.at, f.lastAt)
		f.lastAt = x.at
	}
	if !p.blocked && f.flying == 0 && !x.at.After(now) {
		if !x.lost {
			f.arrive(x.number, b)
		}
		return
	}
	x.data = slices.Clone(b)
	f.flying++
	f.inFlight += len(b)
	i, _ := slices.BinarySearchFunc(p.flights, x.at, func(other flight, at time.Time) int {
		if other.at.After(at) {
			return 1
		}
		return -1 // after those with the same time
	})
	p.flights = slices.Insert(p.flights, i, x)
	p.setTimer()
}

// depart returns when the last byte of a packet of n bytes has left.
func (p *pipe) depart(o *Options, now time.Time, n int) time.Time {
	if o.Rate == 0 {
		return now
	}
	p.free = later(now, p.free).Add(time.Duration(n) * time.Second / time.Duration(o.Rate))
	return p.free
}

// fate decides when a packet that departs arrives, and whether it does.
func (f *flow) fate(o *Options, at time.Time) (time.Time, bool) {
	random := f.pipe.random
	at = at.Add(o.Delay)
	if o.Jitter > 0 {
		at = at.Add(time.Duration(random.Int64N(int64(o.Jitter))))
	}
	if random.Float64() < o.Reorder {
		at = at.Add(holdBack)
	}
	sends := int(f.cfg.MaxRetransmits) + 1
	if f.reliable() {
		sends = maxSends
	}
	for ; random.Float64() < o.Loss; sends-- {
		if sends == 1 {
			return at, !f.reliable()
		}
		at = at.Add(2*o.Delay + holdBack)
	}
	return at, false
}

// land ends a flight that has left pipe.flights.
func (x flight) land() {
	f := x.flow
	before := f.buffered()
	f.flying--
	f.inFlight -= len(x.data)
	switch {
	case !x.lost:
		f.arrive(x.number, x.data)
	case f.reliable() && f.pipe.writeErr == nil && (f.pipe.blocked || f.pipe.unheard):
		// lost because the reader has closed, which the writer cannot know yet
		f.unacknowledged += len(x.data)
	}
	f.fell(before)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
