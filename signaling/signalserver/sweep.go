package signalserver

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

// sweep watches over all sessions until ctx ends: it pings each every PingInterval and ends those
// that died. One goroutine and one timer for all: a timer for each would cost more
// memory than the rest of an idle session's bookkeeping.
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
			s.sweepOnce(time.Now())
		case <-forget.C:
			s.addresses.forget(time.Now())
		}
	}
}

// sweepInterval is a sixteenth of the time to be kept, which is how late it may be kept.
func (s *Server) sweepInterval() time.Duration {
	interval := 16 * time.Second
	if d := s.config.PingInterval; d > 0 {
		interval = min(interval, d)
	}
	return max(interval/16, time.Millisecond)
}

func (s *Server) sweepOnce(now time.Time) {
	s.mu.Lock()
	sessions := slices.Collect(maps.Keys(s.sessions))
	s.mu.Unlock()
	for _, session := range sessions {
		s.sweepSession(session, now)
	}
}

func (s *Server) sweepSession(session *session, now time.Time) {
	interval := s.config.PingInterval
	silence := now.Sub(time.Unix(0, session.seen.Load()))
	if due := session.due.Load(); due != 0 && due <= now.UnixNano() {
		if m := session.member.Load(); m != nil { // nil for a moment while it joins
			m.room.due(session, m, now)
		}
	}
	switch {
	case session.over():
	case interval > 0 && silence > interval*5/2:
		s.counters.drop(droppedDead)
		session.abort(droppedDead)
	case interval > 0 && !now.Before(session.nextPing):
		session.nextPing = now.Add(interval)
		session.push(websocket.PingMessage, nil)
	}
}

// firstPing is at a random time, so that those who came together, as after a restart, are not all
// pinged together for ever.
func (s *Server) firstPing(now time.Time) time.Time {
	if s.config.PingInterval <= 0 {
		return now
	}
	return now.Add(s.config.PingInterval/2 + rand.N(s.config.PingInterval/2+1))
}
