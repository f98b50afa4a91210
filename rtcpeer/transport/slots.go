package transport

import (
	"slices"
	"sync"
	"time"
)

// A Limited is a Transport whose paths take so much CPU to make that only a limited number should be made at
// once.
type Limited interface {
	Transport
	// Slots returns the limit. Transports whose paths use the same CPU share it.
	Slots() *Slots
	// Crowded reports whether this process has so many paths that it may be late for them. It does not block.
	Crowded() bool
}

// Slots limits how many ends of paths are being made at once. An end that offers waits for a free slot. An end
// that answers takes a slot at once, even if none is free, because the other end has already begun. So no end
// waits for an end that is waiting itself. However many ends answer, half of the slots remain for ends that
// offer. The methods may be called from any goroutine. A nil *Slots has no limit; the zero value has no slots, so
// use NewSlots.
type Slots struct {
	limit int
	hold  time.Duration

	mu      sync.Mutex // guards the fields below
	taken   int        // more than limit if ends have answered
	offer   int        // of taken, the slots of ends that offer
	waiting []*Slot    // in the order in which they are served
	waited  time.Time  // when one of waiting was last served
}

// A Slot is the slot of one end of a path, or its place in the queue for one.
type Slot struct {
	slots *Slots        // nil: there is no limit
	offer bool          // of an end that offers
	ready chan struct{} // closed when the slot is taken

	// Guarded by slots.mu.
	over     bool
	timer    *time.Timer // ends the slot when its time is over; nil: the slot is not taken yet
	due      time.Time   // when the timer should fire
	extended bool
}

// NewSlots returns a limit of limit ends. A slot becomes free again after hold, even if its path is still being
// made, because by then the path waits for the network and not for the CPU. In a process that is short of CPU,
// hold is extended to up to four times its length.
func NewSlots(limit int, hold time.Duration) *Slots { return &Slots{limit: limit, hold: hold} }

// Wait joins the queue for a slot, and returns at once: Slot.Ready tells when the slot is there. The caller must End the
// slot, even if it is not ready yet.
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

// Take takes a slot, even if none is free. The caller must End the slot.
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

// Waited returns when an end last got its slot after waiting for it. It is zero if none has waited.
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

// free reports whether an end that offers may have a slot; mu is held.
func (s *Slots) free() bool { return s.taken < s.limit || s.offer < s.limit/2 }

// serve gives free slots to waiting ends; mu is held.
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

// Ready returns a channel that is closed when the path may be made.
func (slot *Slot) Ready() <-chan struct{} { return slot.ready }

// Hurry moves a waiting slot to the front of the queue. It is for a path whose other end is already waiting.
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

// End gives the slot back or leaves the queue. It is called when the path is open or given up. Further calls do
// nothing.
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

// expire ends a slot when its time is over. If the timer is late, the process is short of CPU, and each of the
// many steps of making a path was about as late. Then expire extends the slot, once.
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
