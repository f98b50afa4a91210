package signalserver

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"time"

	"example.org/rtcpeer/signaling"
)

// What becomes due for a member while it sits idle: the end of its grant, new ICE servers, and a new ticket. The
// sweep looks after it: a timer for each would cost more memory.

// maxICEServersFor is the most JSON of Config.ICEServersFor in one list, in bytes.
const maxICEServersFor = maxICEServers / 2

// grant takes what a grant says of the time, and of who the member is. room.mu is held.
func (m *member) grant(g Grant) {
	if !g.Expires.IsZero() {
		m.until, m.expires = g.Expires, m.room.server.clock.at(g.Expires)
	}
	if g.Subject != "" {
		m.subject = g.Subject
	}
}

// iceServers returns those of a member, and notes when it needs new ones. room.mu is held, and the
// member is attached.
func (m *member) iceServers() []signaling.ICEServer {
	config := &m.room.server.config
	list := config.ICEServers
	m.renew = 0
	if config.ICEServersFor != nil {
		own, validity := config.ICEServersFor(m.room.name, m.id)
		if b, err := json.Marshal(own); err != nil || len(b) > maxICEServersFor {
			m.room.server.counters.drop(droppedICEServers)
			own = nil
		}
		list = slices.Concat(list, own)
		if validity > 0 {
			m.renew = m.room.server.clock.now() + validity/4*3
		}
	}
	m.schedule()
	return list
}

// schedule tells the session when to look again. room.mu is held, and the member is attached.
func (m *member) schedule() {
	due := m.expires
	for _, other := range []time.Duration{m.renew, m.reissue} {
		if other != 0 && (due == 0 || other < due) {
			due = other
		}
	}
	m.session.due.Store(int64(due))
}

// renewSoon has m sent new ICE servers within a minute, if s is still its session: their credentials have dates,
// and other servers than this one may think that they have expired, or that they are not yet good.
func (r *room) renewSoon(s *session, m *member, now time.Duration) {
	r.mu.Lock()
	defer r.unlock()
	if m.session == s && m.renew != 0 {
		m.renew = now + rand.N(time.Minute)
		m.schedule()
	}
}

// due does what has become due for m, if s is still its session.
func (r *room) due(s *session, m *member, now time.Duration) {
	r.mu.Lock()
	defer r.unlock()
	switch {
	case m.session != s:
		s.due.Store(0)
	case m.expires != 0 && m.expires <= now:
		r.expel(m, expired(), signaling.LeftExpired)
		s.due.Store(0)
	case m.renew != 0 && m.renew <= now:
		m.deliver(&note{message: signaling.ICEServers{Servers: m.iceServers()}})
	case m.reissue != 0 && m.reissue <= now:
		if token, err := m.token(); err == nil {
			m.deliver(&note{message: signaling.Resume{Token: token}})
		}
		m.schedule()
	default:
		m.schedule()
	}
}
