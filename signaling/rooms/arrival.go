package rooms

import (
	"sync/atomic"
	"time"

	"example.org/rtcpeer/signaling"
)

// If a server was restarted with the same ResumeKey, members of its rooms may still be connected to each other and
// come back with their tokens. A newcomer that was the first to name such a room would create another room of that
// name and so lock them out. So a newcomer waits until the room is rebuilt or Config.Recovery is over. Newcomers that
// wait for the same name are admitted in the order in which they came, so if the room must be created, the first one
// creates it and becomes its host.

// A queue holds the newcomers that name one room. Store.mu guards it.
type queue struct {
	rebuilt chan struct{} // closed when the room exists
	there   bool          // rebuilt is closed
	last    *arrival      // the latest one that can create the room; nil: none yet
	size    int           // number of newcomers in the queue; the last one to depart deletes it
}

// An arrival is a newcomer in a queue.
type arrival struct {
	queue  *queue
	before atomic.Pointer[arrival] // the one that is admitted before this one; nil: none, or it was
	done   chan struct{}           // closed when the newcomer has a place or was refused
}

// arrive waits until the room exists, will not come back, or the session has ended. It returns nil if the newcomer
// does not need to wait for anyone.
func (s *Store) arrive(session Session, name signaling.RoomName) *arrival {
	s.mu.Lock()
	q, missing := s.queues[name], s.rooms[name] == nil && s.recovering() > 0
	if name == "" || q == nil && !missing {
		s.mu.Unlock()
		return nil
	}
	if q == nil {
		q = &queue{rebuilt: make(chan struct{})}
		s.queues[name] = q
	}
	a := &arrival{queue: q, done: make(chan struct{})}
	q.size++
	if !session.Dialect().NamedRoomsExist {
		a.before.Store(q.last)
		q.last = a
	}
	s.mu.Unlock()
	for left := s.recovering(); left > 0 && missing && !over(session); left = s.recovering() {
		timer := time.NewTimer(left)
		select {
		case <-q.rebuilt:
			missing = false
		case <-timer.C:
		case <-session.Done():
		}
		timer.Stop()
	}
	return a
}

// await waits until those who came before a have their places or were refused, or the session has ended. A newcomer
// that cannot create the room waits for all who can.
func (s *Store) await(session Session, a *arrival) {
	if a == nil {
		return
	}
	first := a.before.Load()
	if session.Dialect().NamedRoomsExist {
		s.mu.Lock()
		first = a.queue.last
		s.mu.Unlock()
	}
	for before := first; before != nil; before = before.before.Load() {
		select {
		case <-before.done:
		case <-session.Done():
			return // the next newcomer waits for those before this one
		}
	}
	a.before.Store(nil)
}

// depart takes a newcomer out of its queue, which lets the next one in.
func (s *Store) depart(a *arrival, name signaling.RoomName) {
	if a == nil {
		return
	}
	close(a.done)
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.queue.size--; a.queue.size == 0 {
		delete(s.queues, name)
	}
}

// tellRebuilt wakes the newcomers that wait for a room. The caller holds mu.
func (s *Store) tellRebuilt(name signaling.RoomName) {
	if q := s.queues[name]; q != nil && !q.there {
		q.there = true
		close(q.rebuilt)
	}
}
