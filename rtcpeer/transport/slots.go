package transport

import (
	"slices"
	"sync"
	"time"
)

// A Limited Transport's paths take so much CPU to make that only some are to be made at once.
type Limited interface {
	Transport
	// Slots returns the bound. Transports whose paths take the same CPU share it.
	Slots() *Slots
}

// Slots bounds how many ends of paths are being made at once. An end that offers waits for a free slot; one that answers
// takes a slot at once, even if none is free, since the other end has begun. So no end waits for one that waits itself.
// However many answer, half of the slots are left to those that offer. Its methods may be called from any goroutine. A nil *Slots has no bound.
type Slots struct {
	limit int
	hold  time.Duration

	mu      sync.Mutex // guards the fields below
	taken   int        // more than limit if ends have answered
	offer   int        // of taken, those that had to be free
	waiting []*Slot    // in the order in which they are served
	waited  time.Time  // when the last of them was
}

// A Slot is the place of one end of a path among those that are being made, or its place in the queue.
type Slot struct {
	slots *Slots        // nil: there is no bound
	offer bool          // it had to be free
	ready chan struct{} // closed when the slot is taken

	// Guarded by slots.mu.
	over     bool
	timer    *time.Timer // ends the slot when it has been taken for long enough; nil: it is not taken yet
	due      time.Time   // when that is
	extended bool
}

// NewSlots returns a bound of limit ends. A slot is free again after hold, even if its path is still being made: by then
// it waits for the network and not for the CPU. On a process that is short of CPU hold is up to four times as long.
func NewSlots(limit int, hold time.Duration) *Slots { return &Slots{limit: limit, hold: hold} }

// Wait joins the queue for a slot. The caller must End it, whether or not it is ready by then.
func (s *Slots) Wait() *Slot {
	slot := newSlot(s)
	if s == nil {
		return slot
	}
	slot.offer = true
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free() { // then nobody waits
		s.take(slot)
	} else {
		s.waiting = append(s.waiting, slot)
	}
	return slot
}

// Take takes a slot even if none is free. The caller must End it.
func (s *Slots) Take() *Slot {
	slot := newSlot(s)
	if s == nil {
		return slot
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.take(slot)
	return slot
}

// Waiting returns how many ends wait for a slot.
func (s *Slots) Waiting() int {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting)
}

// Waited returns when an end last got its slot after a wait; zero: none has waited.
func (s *Slots) Waited() time.Time {
	if s == nil {
		return time.Time{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waited
}

func newSlot(s *Slots) *Slot {
	slot := &Slot{slots: s, ready: make(chan struct{})}
	if s == nil {
		close(slot.ready)
	}
	return slot
}

// free reports whether one that offers may have a slot; mu is held.
func (s *Slots) free() bool { return s.taken < s.limit || s.offer < s.limit/2 }

// serve gives free slots to those who wait; mu is held.
func (s *Slots) serve() {
	for s.free() && len(s.waiting) > 0 {
		first := s.waiting[0]
		s.waiting = slices.Delete(s.waiting, 0, 1)
		s.take(first)
		s.waited = time.Now()
	}
}

// take takes a slot; mu is held.
func (s *Slots) take(slot *Slot) {
	s.taken++
	if slot.offer {
		s.offer++
	}
	slot.due = time.Now().Add(s.hold)
	slot.timer = time.AfterFunc(s.hold, slot.expire)
	close(slot.ready)
}

// Ready is closed when the path may be made.
func (slot *Slot) Ready() <-chan struct{} { return slot.ready }

// Hurry puts a slot that waits before all others: the other end of its path waits already.
func (slot *Slot) Hurry() {
	s := slot.slots
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiting, slot); i > 0 {
		s.waiting = slices.Insert(slices.Delete(s.waiting, i, i+1), 0, slot)
	}
}

// End gives the slot back, or leaves the queue: the path is open, or given up. More calls do nothing.
func (slot *Slot) End() {
	if slot.slots == nil {
		return
	}
	slot.slots.mu.Lock()
	defer slot.slots.mu.Unlock()
	slot.end()
}

// end is End; mu is held.
func (slot *Slot) end() {
	s := slot.slots
	switch {
	case slot.over:
		return
	case slot.timer == nil:
		s.waiting = slices.DeleteFunc(s.waiting, func(other *Slot) bool { return other == slot })
	default:
		slot.timer.Stop()
		s.taken--
		if slot.offer {
			s.offer--
		}
	}
	slot.over = true
	s.serve()
}

// expire ends a slot after its time. If the timer is late, the process is short of CPU, and each of the many steps in which
// a path is made was as late: then the slot has more time, once.
func (slot *Slot) expire() {
	const steps = 32
	s := slot.slots
	s.mu.Lock()
	defer s.mu.Unlock()
	late := time.Since(slot.due)
	switch {
	case slot.over:
	case slot.extended || steps*late < s.hold/4:
		slot.end()
	default:
		slot.extended = true
		slot.timer.Reset(min(steps*late, 3*s.hold))
	}
}
