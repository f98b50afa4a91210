package rooms

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"time"

	"example.org/rtcpeer/signaling"
)

// This file has what becomes due for a member while it is idle: the end of its grant, new ICE servers, a new ticket, and
// the announcement of its metadata. The session calls Due in time, because a timer for each member would cost more
// memory.

// maxICEServersFor is the largest JSON of one list from Config.ICEServersFor, in bytes.
const maxICEServersFor = MaxICEServers / 2

// grant applies a grant to the member. The caller holds room.mu.
func (m *Member) grant(g Grant) {
	if !g.Expires.IsZero() {
		m.until, m.expires = g.Expires, m.room.store.clock.At(g.Expires)
	}
	if g.Left > 0 {
		m.expires = m.room.store.clock.Now() + g.Left
	}
	if g.Subject != "" {
		m.subject = g.Subject
	}
	m.mayHost = m.mayHost || g.MayHost
	m.name, m.fixed = g.Name, g.Fixed
}

// iceServers returns the ICE servers for a member, and how long they are valid; 0 means forever. It is called without
// locks.
func (s *Store) iceServers(room signaling.RoomName, id signaling.PeerID) (list []signaling.ICEServer, validity time.Duration) {
	list = s.config.ICEServers
	if s.config.ICEServersFor == nil {
		return list, 0
	}
	own, validity := s.config.ICEServersFor(room, id)
	if b, err := json.Marshal(own); err != nil || len(b) > maxICEServersFor {
		s.config.Dropped(DroppedICEServers)
		own = nil
	}
	return slices.Concat(list, own), validity
}

// renewAfter sets when the member needs new ICE servers. The caller holds room.mu.
func (m *Member) renewAfter(validity time.Duration) {
	m.renew = 0
	if validity > 0 {
		m.renew = m.room.store.clock.Now() + validity/4*3
	}
}

// schedule tells the session when to call Due. The caller holds room.mu, and the member is attached.
func (m *Member) schedule() {
	due := m.expires
	for _, other := range []time.Duration{m.renew, m.reissue, m.tell} {
		if other != 0 && (due == 0 || other < due) {
			due = other
		}
	}
	m.session.Wake(due)
}

// RenewSoon makes the server send m new ICE servers within a minute, if s is still its session. Their credentials
// contain dates, and after a change of the clock other servers may find them expired or not yet valid.
func (m *Member) RenewSoon(s Session) {
	r := m.room
	r.mu.Lock()
	defer r.unlock()
	if m.session == s && m.renew != 0 {
		m.renew = r.store.clock.Now() + rand.N(time.Minute)
		m.schedule()
	}
}

// Due does what is due for m, if s is still its session, and tells s when to call it again.
func (m *Member) Due(s Session) {
	r := m.room
	now := r.store.clock.Now()
	r.mu.Lock()
	renew, reissue := false, false
	var t ticket
	switch {
	case m.session != s:
		s.Wake(0)
	case !r.store.acts():
	case m.expires != 0 && m.expires <= now:
		r.expel(m, Expired(), signaling.LeftExpired)
		s.Wake(0)
	case m.tell != 0 && m.tell <= now:
		r.tellMetadata(m)
		m.schedule()
	case m.renew != 0 && m.renew <= now:
		renew = true
	case m.reissue != 0 && m.reissue <= now:
		reissue, t = true, m.ticket()
		m.issued, r.dirty = true, r.dirty || !m.issued
	default:
		m.schedule()
	}
	r.unlock()
	switch {
	case renew:
		m.sendServers(s)
	case reissue:
		m.sendTicket(s, t)
	}
}

func (m *Member) sendServers(s Session) {
	servers, validity := m.room.store.iceServers(m.room.name, m.id)
	m.room.mu.Lock()
	defer m.room.mu.Unlock()
	if m.session == s {
		m.renewAfter(validity)
		m.deliver(Prepare(signaling.ICEServers{Servers: servers}))
		m.schedule()
	}
}

func (m *Member) sendTicket(s Session, t ticket) {
	token, err := m.room.store.tickets.seal(t)
	m.room.mu.Lock()
	defer m.room.mu.Unlock()
	if m.session != s {
		return
	}
	if err == nil {
		s.Welcomed(m, m.attachment(), token)
		m.deliver(Prepare(signaling.Resume{Token: token}))
	}
	m.schedule()
}
