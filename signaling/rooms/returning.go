package rooms

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"example.org/rtcpeer/signaling"
)

// Who may come back with a ticket, and who may not: those who left, who were taken out, or whose room is over.

// mayReturn says whether a ticket is for a place in r: that of m, or one that was lost. room.mu is held.
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
		ok = r.returned != nil && !slices.Contains(r.kicked, t.ID) && (m == nil && !r.returned[t.ID] || m != nil && m.awaited)
	}
	if !ok {
		return refuseResume("member %d has left room %q", t.ID, r.name)
	}
	return nil
}

// checkEarlier says whether a ticket of an earlier process may still bring something back: for a time after New, and
// until then by the clock.
func (s *Store) checkEarlier(t ticket, until time.Duration) error {
	switch age := s.config.TicketAge; {
	case !s.rebuilding() && s.clock.Now() >= until:
		return refuseResume("the token is from before the server was restarted, which is too long ago")
	case age > 0 && time.Now().After(t.Issued.Add(age)):
		return refuseResume("the token is older than %v", age)
	case s.void.has(Seat{t.Nonce, t.ID}):
		return refuseResume("member %d was taken out of room %q", t.ID, t.Room)
	case s.void.has(Seat{Nonce: t.Nonce}):
		return refuseResume("room %q is over", t.Room)
	}
	return nil
}

// maxKicked is how many of those who were taken out a room remembers, for the next server to go on with it: 11 KB in
// a record. Tickets, which are sent often, tell of the last maxKickedTold.
const (
	maxKicked     = 1024
	maxKickedTold = 32
)

// kickedLast returns those of whom tickets tell. They do not change. room.mu is held.
func (r *room) kickedLast() []signaling.PeerID {
	return r.kicked[max(0, len(r.kicked)-maxKickedTold):]
}

// noteKick notes that the ticket of a member is void, and has the others get new tickets, which tell so. room.mu is
// held.
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

// learnKicks takes from a ticket of an earlier process who was taken out by then. Some of them may have come back
// with theirs before. room.mu is held.
func (r *room) learnKicks(t ticket) {
	for _, id := range t.Kicked {
		if m := r.members[id]; m != nil && !m.awaited {
			r.expel(m, kicked(""), signaling.LeftKicked)
		}
		r.noteKick(id)
	}
}

// A Seat is a member of a room, whatever process has made its ticket. Without an ID it is the room.
type Seat struct {
	Nonce uint64           `json:"room"`
	ID    signaling.PeerID `json:"id"`
}

// Void is for a member or a room that tickets cannot bring back, as an earlier process has left, or another server. It reports
// whether that is news.
func (s *Store) Void(of Seat) (news bool) { return s.void.add(of) }

// Voids returns what Void was called with, but for the oldest of very many.
func (s *Store) Voids() []Seat { return s.void.all() }

// Tidy forgets what is of no use any more. It is to be called now and then. A server that shares its rooms may have to bring
// some back at any time.
func (s *Store) Tidy() {
	if s.config.Owns == nil && !s.rebuilding() {
		s.void.forget()
	}
}

// voids are what tickets of an earlier process, or of another server, cannot bring back: seats, and rooms as seats without an
// id. It holds at most maxVoids; the oldest is forgotten for the newest.
type voids struct {
	mu    sync.Mutex // guards the fields below
	seats map[Seat]bool
	order []Seat
}

// maxVoids is what a journal holds: a day in which somebody is taken out every second.
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

// forget is for when there is no time for such tickets any more.
func (v *voids) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seats, v.order = nil, nil
}

func refuseResume(format string, args ...any) error {
	return &signaling.Error{Code: signaling.CodeResumeRefused, Text: fmt.Sprintf(format, args...)}
}
