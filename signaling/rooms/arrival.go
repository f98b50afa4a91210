package rooms

import (
	"sync/atomic"
	"time"

	"example.org/rtcpeer/signaling"
)

// A server that was given its ResumeKey may have been restarted under rooms whose members are still
// connected to each other and come back with their tokens. A newcomer that were first to name such a
// room would found another one of that name, and lock them out: it waits until the room is rebuilt,
// or the time for that, Config.Recovery, is over. Those who wait for one name are let in in the order in
// which they came, so the first of them founds the room if it has to be founded, and is its host.

// A queue is of the newcomers that name one room. Server.mu guards it.
type queue struct {
	rebuilt chan struct{} // closed when the room is there
	there   bool          // it is closed
	last    *arrival      // the latest of those who can found the room; nil: nobody yet
	size    int           // of those in it; the last one takes the queue away
}

// An arrival is a newcomer in a queue.
type arrival struct {
	queue  *queue
	before atomic.Pointer[arrival] // the one that is let in first; nil once that has happened
	done   chan struct{}           // closed when the newcomer has a place, or gets none
}

// arrive returns when the room is there, or will not come back, or the session is over. Nil means that the
// newcomer has nobody to wait for.
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

// await returns when those who came before a have their places, or get none, or the session is over. One that
// cannot found the room waits for all who can.
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
			return // whoever comes next waits for those before this one
		}
	}
	a.before.Store(nil)
}

// depart lets the next one in.
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

// tellRebuilt wakes those who wait for a room; mu is held.
func (s *Store) tellRebuilt(name signaling.RoomName) {
	if q := s.queues[name]; q != nil && !q.there {
		q.there = true
		close(q.rebuilt)
	}
}
