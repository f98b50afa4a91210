package signalserver

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

// sweep watches all sessions until ctx ends: it pings each one every PingInterval and ends the dead ones. It is one
// goroutine for all sessions, because a timer for each session would cost more memory than the rest of the bookkeeping
// of an idle session.
func (s *Server) sweep(ctx context.Context) {
	ticker := time.NewTicker(s.sweepInterval())
	defer ticker.Stop()
	forget := time.NewTicker(forgetEvery)
	defer forget.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.sweepOnce()
		case <-forget.C:
			s.addresses.forget()
			s.rooms.Tidy()
		}
	}
}

// sweepInterval is a sixteenth of the ping interval, but at most a second. A ping or an end is late by that much at most.
func (s *Server) sweepInterval() time.Duration {
	interval := 16 * time.Second
	if d := s.config.PingInterval; d > 0 {
		interval = min(interval, d)
	}
	return max(interval/16, time.Millisecond)
}

func (s *Server) sweepOnce() {
	set := s.clock.Tick()
	s.mu.Lock()
	sessions := slices.Collect(maps.Keys(s.sessions))
	s.mu.Unlock()
	now := s.clock.Now()
	for _, session := range sessions {
		if m := session.member.Load(); m != nil && set {
			m.RenewSoon(session)
		}
		s.sweepSession(session, now)
	}
	if set && s.node != nil {
		s.node.RenewSoon()
	}
}

// sweepSession ends a session as dead only after it has left pings unanswered: two of them were sent within two and a
// half intervals of the clock, which stands still while the process cannot send.
func (s *Server) sweepSession(session *session, now time.Duration) {
	interval := s.config.PingInterval
	silence := now - time.Duration(session.seen.Load())
	if due := time.Duration(session.due.Load()); due != 0 && due <= now {
		if m := session.member.Load(); m != nil { // nil for a moment while it joins
			m.Due(session)
		}
	}
	switch {
	case session.over(), session.busy.Load():
	case interval > 0 && silence > 2*interval+interval/2:
		s.counters.drop(droppedDead)
		session.abort(string(droppedDead))
	case interval > 0 && now >= session.nextPing:
		session.nextPing = now + interval
		session.push(websocket.PingMessage, nil)
	}
}

// firstPing returns a random time, so that sessions that came together, as after a restart, are not pinged together
// forever.
func (s *Server) firstPing(now time.Duration) time.Duration {
	if s.config.PingInterval <= 0 {
		return now
	}
	return now + s.config.PingInterval/2 + rand.N(s.config.PingInterval/2+1)
}
