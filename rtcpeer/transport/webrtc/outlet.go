//go:build !js

package webrtc

import (
	"sync"
	"sync/atomic"
	"time"
)

// An outlet is the part that the reliable lanes of a path share: it applies the window to them. Packets beyond
// the window wait in their lanes. Pion reports acknowledgements while it holds the lock that a write needs, so
// a goroutine of the outlet hands the next packets to SCTP. It runs only while there is something to do.
type outlet struct {
	lanes []*lane // the reliable ones; fixed before the path opens

	mu           sync.Mutex // guards the fields below, and the queues of the lanes
	window       window
	handed       uint64 // bytes handed to SCTP
	acknowledged uint64
	expected     atomic.Uint64 // on the wire, of all lanes
	waiting      int           // lanes whose queue is not empty
	turn         int           // the lane to ask first
	later        *time.Timer   // starts the goroutine when bulk may be sent again; nil: bulk does not wait

	running sync.Mutex // guards the fields below
	kicks   int        // calls of kick that the goroutine has not seen; it runs while there are any
	closed  bool
	runs    sync.WaitGroup
}

// alwaysRoom is what a lane may always have in flight, so that control frames and chat do not wait for a window
// that is filled by the bulk of other lanes.
const alwaysRoom = 4 << 10 // bytes

const (
	// lookEach is about how often the outlet checks what has been acknowledged while packets wait. The measured
	// time of a packet is too long by up to that much. leastStep is the least number of acknowledged bytes for
	// which it checks: two packets of SCTP.
	lookEach  = time.Millisecond
	leastStep = 2400 // bytes
)

// write hands a packet to SCTP, or queues it.
func (o *outlet) write(l *lane, p []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	if len(l.queue) == 0 && o.room(l, len(p), now) {
		err := o.hand(l, p, now)
		l.above = l.above || l.Buffered() > l.low
		return err
	}
	if !l.path.alive() {
		return l.path.ended()
	}
	if len(p) > int(l.path.pc.SCTP().GetCapabilities().MaxMessageSize) {
		return tooLarge(p)
	}
	if len(l.queue) == 0 {
		o.waiting++
	}
	l.queue = append(l.queue, append([]byte(nil), p...))
	l.queued.Add(int64(len(p)))
	l.above = true
	if len(l.queue) > 1 {
		return nil
	}
	if o.waiting == 1 {
		o.listen()
	}
	if o.stuck() { // what was in flight has just been acknowledged
		o.kick()
	}
	return nil
}

// notifyLow implements NotifyLow of a lane.
func (o *outlet) notifyLow(l *lane, bytes int, f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l.low, l.notify, l.above = bytes, f, l.Buffered() > bytes
	o.listen()
}

// room reports whether a lane may have n more bytes in flight; mu is held.
func (o *outlet) room(l *lane, n int, now time.Time) bool {
	if l.bulk && !o.mayGo(now) {
		return false
	}
	fits := func() bool { return int(o.handed-o.acknowledged)+n <= o.window.size(l.bulk) }
	if fits() {
		return true
	}
	o.look(now)
	own := int(l.channel.BufferedAmount())
	return own == 0 || own+n <= alwaysRoom || fits()
}

// mayGo reports whether the pace allows bulk to be sent now. If not, it sets the timer later; mu is held.
func (o *outlet) mayGo(now time.Time) bool {
	wait := o.window.wait(now)
	if wait == 0 {
		return true
	}
	if o.later == nil {
		o.later = time.AfterFunc(wait, o.kick)
	}
	return false
}

// look finds out how much has been acknowledged and updates the window; mu is held.
func (o *outlet) look(now time.Time) {
	var inFlight uint64
	var took time.Duration
	for _, l := range o.lanes {
		buffered := l.channel.BufferedAmount()
		inFlight += buffered
		if t := l.flight.took(int(buffered), now); t > 0 {
			took = t
		}
	}
	o.acknowledged = o.handed - min(inFlight, o.handed)
	o.window.update(flow{acknowledged: o.acknowledged, expected: o.expected.Load()}, took, o.waiting == 0, o.totals, now)
}

// totals returns how many bytes SCTP has sent and received.
func (o *outlet) totals() (sent, received uint64) {
	stats := o.lanes[0].path.pc.SCTP().Stats()
	return stats.BytesSent, stats.BytesReceived
}

// hand gives a packet to SCTP; mu is held.
func (o *outlet) hand(l *lane, p []byte, now time.Time) error {
	if err := l.hand(p, now); err != nil {
		return err
	}
	o.handed += uint64(len(p))
	if l.bulk {
		o.window.spend(len(p))
	}
	return nil
}

// listen makes Pion call kick when some of the bytes in flight have been acknowledged or, while no packets
// wait, when a lane has fallen to the limit of its NotifyLow; mu is held.
func (o *outlet) listen() {
	each := o.window.rate() * lookEach.Seconds()
	for _, l := range o.lanes {
		for {
			buffered := l.channel.BufferedAmount()
			step := uint64(max(min(each, float64(buffered/2)), leastStep))
			low := uint64(l.low)
			if o.waiting > 0 {
				low = buffered - min(buffered, step)
			}
			l.channel.SetBufferedAmountLowThreshold(low)
			// Pion reports only a threshold that is passed after it was set, so check whether it was passed
			// before.
			if now := l.channel.BufferedAmount(); now == 0 || now > low || buffered <= low {
				break
			}
		}
	}
}

// kick starts the goroutine, or makes it run once more. It may be called with Pion's locks held.
func (o *outlet) kick() {
	o.running.Lock()
	defer o.running.Unlock()
	if o.closed {
		return
	}
	if o.kicks++; o.kicks == 1 {
		o.runs.Add(1)
		go o.run()
	}
}

// run calls pump until there are no new kicks.
func (o *outlet) run() {
	defer o.runs.Done()
	for {
		o.running.Lock()
		seen := o.kicks
		o.running.Unlock()
		o.pump()
		o.running.Lock()
		done := o.kicks == seen || o.closed
		if done {
			o.kicks = 0
		}
		o.running.Unlock()
		if done {
			return
		}
	}
}

// pump hands packets to SCTP, from each lane in turn, while they fit into the window. Then it calls the
// functions of NotifyLow that are due.
func (o *outlet) pump() {
	o.mu.Lock()
	for {
		now := time.Now()
		if o.later != nil {
			o.later.Stop()
			o.later = nil
		}
		o.look(now)
		for o.handNext(now) {
		}
		o.listen()
		if !o.stuck() {
			break
		}
	}
	var tell []func()
	for _, l := range o.lanes {
		if l.above && l.Buffered() <= l.low {
			l.above = false
			if l.notify != nil {
				tell = append(tell, l.notify)
			}
		}
	}
	o.mu.Unlock()
	for _, f := range tell {
		f()
	}
}

// stuck reports whether a lane waits with nothing in flight, so that no acknowledgement will start the
// goroutine again; mu is held.
func (o *outlet) stuck() bool {
	for _, l := range o.lanes {
		if len(l.queue) > 0 && l.channel.BufferedAmount() == 0 && l.path.alive() && (!l.bulk || o.later == nil) {
			return true
		}
	}
	return false
}

// handNext hands one packet to SCTP, from the next lane that has one and may send it; mu is held.
func (o *outlet) handNext(now time.Time) bool {
	for range o.lanes {
		l := o.lanes[o.turn]
		o.turn = (o.turn + 1) % len(o.lanes)
		if len(l.queue) == 0 || !o.room(l, len(l.queue[0]), now) {
			continue
		}
		p := l.queue[0]
		l.queue[0] = nil
		l.queue = l.queue[1:]
		if len(l.queue) == 0 {
			l.queue = nil
			o.waiting--
		}
		_ = o.hand(l, p, now) // it fails only if the path is over; then nobody expects the packet
		l.queued.Add(-int64(len(p)))
		return true
	}
	return false
}

// close ends the goroutine and waits for it.
func (o *outlet) close() {
	o.running.Lock()
	o.closed = true
	o.running.Unlock()
	o.runs.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.later != nil {
		o.later.Stop()
	}
}
