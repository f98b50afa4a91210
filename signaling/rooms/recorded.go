package rooms

import (
	"fmt"

	"example.org/rtcpeer/signaling"
)

// A host that locks, unlocks or seals a room may rely on the change when it gets the answer. So on servers that share
// their rooms, the answer waits until the change is in the Record: then the next owner knows of it even if this server
// dies. The change takes effect at once, and the other members are told at once, before the host's next message.
//
//	lock, seal -> tellWhenRecorded -> Config.Changed, and later Record.Written -> the host, SetLocked

// A pendingAnswer is an answer that waits until the Record is written.
type pendingAnswer struct {
	message signaling.Message
	to      *Member     // nil: nobody
	done    chan<- bool // gets whether it was written, without blocking; nil: nobody waits
}

// maxPending is how many answers may wait in a room.
const maxPending = 256

// tellWhenRecorded tells the members of a change of the Record. Those who wait for it, a member and done as in
// pendingAnswer, are answered when the Record is written. The caller holds mu.
func (r *room) tellWhenRecorded(m signaling.Message, to *Member, done chan<- bool) {
	r.dirty = true
	if r.store.config.Changed == nil {
		r.tellAll(m, nil)
		pendingAnswer{done: done}.end(true)
		return
	}
	r.tellAll(m, to)
	r.pending = append(r.pending, pendingAnswer{m, to, done})
}

// mayWait returns nil if another answer may wait. The caller holds mu.
func (r *room) mayWait() error {
	if len(r.pending) < maxPending {
		return nil
	}
	return &signaling.Error{Code: signaling.CodeRateLimited, RetryMillis: 1000,
		Text: fmt.Sprintf("room %q: %d changes are still to be recorded", r.name, len(r.pending))}
}

// answerUpTo gives the pending answers up to that number. The caller holds mu.
func (r *room) answerUpTo(number uint64) {
	for r.answered < number && len(r.pending) > 0 {
		a := r.pending[0]
		r.pending = r.pending[1:]
		r.answered++
		if a.to != nil && r.members[a.to.id] == a.to {
			a.to.deliver(Prepare(a.message))
		}
		a.end(true)
	}
}

// answerNobody is called when the room has no members. The caller holds mu.
func (r *room) answerNobody() {
	for _, a := range r.pending {
		a.end(false)
	}
	r.answered += uint64(len(r.pending))
	r.pending = nil
}

func (a pendingAnswer) end(written bool) {
	if a.done != nil {
		a.done <- written
	}
}

// Written must be called when a Record that Store.Record has returned is written: what waits for it is answered.
func (rec Record) Written() {
	rec.room.mu.Lock()
	defer rec.room.mu.Unlock()
	rec.room.answerUpTo(rec.answers)
}
