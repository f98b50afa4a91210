package rooms

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"example.org/rtcpeer/signaling"
)

// This file decides which tickets are valid. Members that have left or were removed, and members of a room that is over,
// cannot resume.

// mayReturn returns nil if a ticket is for the place of m, or for a place that was lost. The caller holds room.mu.
func (r *room) mayReturn(m *Member, t ticket) error {
	ok := false
	switch {
	case t.Process == r.process && m != nil:
		ok = m.generation == t.Generation
	case t.Process == r.process:
		ok = r.lost.has(place{t.ID, t.Generation})
	case m != nil && slices.Contains(m.earlier, t.origin):
		ok = true
	default:
		if err := r.store.checkEarlier(t, r.movedUntil); err != nil {
			return err
		}
		gone := slices.Contains(r.kicked, t.ID) || r.leftForGood(t.ID)
		ok = r.returned != nil && !gone && (m == nil && !r.returned[t.ID] || m != nil && m.awaited)
	}
	if !ok {
		return refuseResume("member %d has left room %q", t.ID, r.name)
	}
	return nil
}

// checkEarlier returns nil if a ticket of an earlier process may still be used: within Config.RebuildTime, or before
// the time until on the clock.
func (s *Store) checkEarlier(t ticket, until time.Duration) error {
	switch age := s.config.TicketAge; {
	case !s.rebuilding() && s.clock.Now() >= until:
		return refuseResume("the token is from before the restart of the server, and the time to return is over")
	case age > 0 && time.Now().After(t.Issued.Add(age)):
		return refuseResume("the token is older than %v", age)
	}
	return s.checkVoid(t)
}

// checkVoid returns nil unless the member of a ticket, or its room, is over.
func (s *Store) checkVoid(t ticket) error {
	switch {
	case s.void.has(Seat{t.Nonce, t.ID}):
		return refuseResume("member %d was removed from room %q", t.ID, t.Room)
	case s.void.has(Seat{Nonce: t.Nonce}):
		return refuseResume("room %q has ended", t.Room)
	}
	return nil
}

// maxKicked is how many removed members a room remembers, also for the server that takes it over: 11 KB in a Record.
// Tickets, which are sent often, hold the last maxKickedTold of them.
const (
	maxKicked     = 1024
	maxKickedTold = 32
)

// kickedLast returns the removed members for a ticket. The slice does not change. The caller holds room.mu.
func (r *room) kickedLast() []signaling.PeerID {
	return r.kicked[max(0, len(r.kicked)-maxKickedTold):]
}

// noteKick records that the ticket of a member is void, and sends the other members new tickets that say so. The
// caller holds room.mu.
func (r *room) noteKick(id signaling.PeerID) {
	if slices.Contains(r.kicked, id) {
		return
	}
	r.dirty = true
	r.kicked = append(slices.Clone(r.kicked[max(0, len(r.kicked)+1-maxKicked):]), id)
	for _, m := range r.members {
		if m.session != nil && m.id != id {
			m.reissue = max(1, r.store.clock.Now())
			m.schedule()
		}
	}
}

// learnKicks records the removed members that a ticket of an earlier process names. Some of these may already have
// come back with their own tickets. The caller holds room.mu.
func (r *room) learnKicks(t ticket) {
	for _, id := range t.Kicked {
		if m := r.members[id]; m != nil && !m.awaited {
			r.expel(m, kicked(""), signaling.LeftKicked)
		}
		r.noteKick(id)
	}
}

// A Seat identifies a member of a room, whichever process has made its ticket. Without an ID it identifies the room.
type Seat struct {
	Nonce uint64           `json:"room"`
	ID    signaling.PeerID `json:"id"`
}

// Void declares a member or a room void, so that tickets cannot bring it back, as an earlier process or another
// server has told. It reports whether this is new.
func (s *Store) Void(of Seat) (news bool) { return s.void.add(of) }

// Voids returns the seats given to Void. The oldest are missing if there were very many.
func (s *Store) Voids() []Seat { return s.void.all() }

// Tidy forgets what is no longer needed. It must be called now and then. A server that shares its rooms forgets
// nothing, because it may have to restore rooms at any time.
func (s *Store) Tidy() {
	if s.config.Owns == nil && !s.rebuilding() {
		s.void.forget()
	}
}

// voids holds what tickets of an earlier process, or of another server, cannot bring back: seats, and rooms as seats
// without an id. It holds at most maxVoids; a new one replaces the oldest.
type voids struct {
	mu    sync.Mutex // guards the fields below
	seats map[Seat]bool
	order []Seat
}

// maxVoids is the size of a journal: 18 hours in which a member is removed every second.
const maxVoids = 1 << 16

// add reports whether the seat was not void before.
func (v *voids) add(s Seat) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.seats[s] {
		return false
	}
	if v.seats == nil {
		v.seats = make(map[Seat]bool)
	}
	if len(v.order) == maxVoids {
		delete(v.seats, v.order[0])
		v.order = v.order[1:]
	}
	v.seats[s] = true
	v.order = append(v.order, s)
	return true
}

func (v *voids) has(s Seat) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.seats[s]
}

func (v *voids) all() []Seat {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.order)
}

// forget is called when such tickets are no longer accepted.
func (v *voids) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seats, v.order = nil, nil
}

func refuseResume(format string, args ...any) error {
	return &signaling.Error{Code: signaling.CodeResumeRefused, Text: fmt.Sprintf(format, args...)}
}
