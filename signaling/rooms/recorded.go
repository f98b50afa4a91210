package rooms

import (
	"fmt"

	"example.org/rtcpeer/signaling"
)

// A host that locks, unlocks or seals a room relies on it when it gets the answer. So on servers that share their rooms,
// the answer waits until the change is in the Record: then the next owner knows of it even if this server dies. The change
// takes effect at once, and the other members are told at once, before the host's next message.
//
//	lock, seal -> tellRecorded -> Config.Changed, and later Record.Written -> the host, SetLocked

// An untold is an answer that waits until the Record is written.
type untold struct {
	message signaling.Message
	to      *Member     // nil: nobody
	done    chan<- bool // gets whether it was written, without blocking; nil: nobody waits
}

// maxUntold is how many answers may wait in a room.
const maxUntold = 256

// tellRecorded tells the members what has changed in the Record, and answers those who wait for it: a member and done, as
// in untold. The caller holds mu.
func (r *room) tellRecorded(m signaling.Message, to *Member, done chan<- bool) {
	r.dirty = true
	if r.store.config.Changed == nil {
		r.tellAll(m, nil)
		untold{done: done}.end(true)
		return
	}
	r.tellAll(m, to)
	r.untold = append(r.untold, untold{m, to, done})
}

// mayWait returns nil if another answer may wait. The caller holds mu.
func (r *room) mayWait() error {
	if len(r.untold) < maxUntold {
		return nil
	}
	return &signaling.Error{Code: signaling.CodeRateLimited, RetryMillis: 1000,
		Text: fmt.Sprintf("room %q: %d changes are still to be recorded", r.name, len(r.untold))}
}

// answerUpTo gives the first answers, up to a number of tellings. The caller holds mu.
func (r *room) answerUpTo(number uint64) {
	for r.tellings < number && len(r.untold) > 0 {
		u := r.untold[0]
		r.untold = r.untold[1:]
		r.tellings++
		if u.to != nil && r.members[u.to.id] == u.to {
			u.to.deliver(Prepare(u.message))
		}
		u.end(true)
	}
}

// answerNobody is called when the room has no members. The caller holds mu.
func (r *room) answerNobody() {
	for _, u := range r.untold {
		u.end(false)
	}
	r.tellings += uint64(len(r.untold))
	r.untold = nil
}

func (u untold) end(written bool) {
	if u.done != nil {
		u.done <- written
	}
}

// Written must be called when a Record that Store.Record has returned is written: what waits for it is answered.
func (rec Record) Written() {
	rec.room.mu.Lock()
	defer rec.room.mu.Unlock()
	rec.room.answerUpTo(rec.tells)
}
