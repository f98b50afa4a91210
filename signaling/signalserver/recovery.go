package signalserver

import (
	"time"

	"example.org/rtcpeer/signaling"
)

// A server that was given its ResumeKey may have been restarted under rooms whose members are still
// connected to each other and come back with their tokens. A newcomer that were first to name such a
// room would found another one of that name, and lock them out: it waits until the room is rebuilt,
// or the time for that, Config.Recovery, is over.

// awaitRebuilt returns when the room is there, or will not come back, or the session is over.
func (s *Server) awaitRebuilt(session *session, name signaling.RoomName) {
	for name != "" && !session.over() {
		rebuilt, left := s.missing(name)
		if left <= 0 {
			return
		}
		timer := time.NewTimer(left)
		select {
		case <-rebuilt:
		case <-timer.C:
		case <-session.ended:
		}
		timer.Stop()
	}
}

// missing returns how long a room that is not there may still come back, and what is closed when the
// next one does.
func (s *Server) missing(name signaling.RoomName) (rebuilt <-chan struct{}, left time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms[name] != nil || s.stopping {
		return nil, 0
	}
	return s.rebuilt, s.recovered - s.clock.now()
}

// tellRebuilt wakes who waits for a room; mu is held.
func (s *Server) tellRebuilt() {
	close(s.rebuilt)
	s.rebuilt = make(chan struct{})
}
