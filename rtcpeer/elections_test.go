package rtcpeer_test

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
)

// elections are how the room of the tests gets its next host, by the rules of signaling/rooms. Guarded by room.mu.
type elections struct {
	timeout time.Duration // for which the place of a lost host is kept; 0: only tests take it away, with depose

	heir   rtcpeer.PeerID // the successor that the host has named; 0: none
	lost   map[rtcpeer.PeerID]time.Time
	places int  // how many were given
	over   int  // the places up to this one were of rooms that have ended
	vacant bool // the next member is the host of a new room
	waits  bool // for the host, after a restart
}

// admit gives a session its place. After a restart the place of the host is kept as if the host had just been lost.
func (e *elections) admit(r *room, s *session) {
	e.places++
	s.place = e.places
	switch {
	case e.vacant:
		r.host, e.vacant = s.member.ID, false
	case e.timeout > 0 && r.members[r.hostID()] == nil && s.member.ID != r.hostID() && !e.waits:
		e.waits = true
		time.AfterFunc(e.timeout, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			if e.waits = false; r.members[r.hostID()] == nil && !e.vacant {
				r.succeed()
			}
		})
	}
}

// isOver reports whether a session is of a room that has ended.
func (e *elections) isOver(s *session) bool { return s.place <= e.over }

// reported notes that a guest has lost the host. If most guests have, the host is replaced.
func (e *elections) reported(r *room, s *session, m signaling.HostLost) {
	host := r.members[r.hostID()]
	if e.timeout == 0 || m.Term != r.term || s == host || host == nil || r.members[s.member.ID] != s {
		return
	}
	if e.lost == nil {
		e.lost = make(map[rtcpeer.PeerID]time.Time)
	}
	if m.Back {
		delete(e.lost, s.member.ID)
		return
	}
	e.lost[s.member.ID] = time.Now()
	here, without := 0, 0
	for id, other := range r.members {
		if other == host || !other.line.isHere() {
			continue
		}
		here++
		if at, lost := e.lost[id]; lost && time.Since(at) < e.timeout {
			without++
		}
	}
	if 2*without > here {
		r.replace(host)
	}
}

// isHere reports whether the server believes that a member is connected to it.
func (l *line) isHere() bool { return l.state != lineDown && l.state != lineEvicted }

// succeed makes another member the host after the present one has lost its place: of those that are here the one that
// the host has named, or else the one that has been there the longest. Without any member the room ends. r.mu is held.
func (r *room) succeed() {
	e := &r.hosts
	r.term++
	clear(e.lost)
	if len(r.members) == 0 {
		e.vacant, e.over, e.heir = true, e.places, 0
		return
	}
	next := slices.MinFunc(slices.Collect(maps.Values(r.members)), func(a, b *session) int {
		return cmp.Or(-compare(a.line.isHere(), b.line.isHere()),
			-compare(a.member.ID == e.heir, b.member.ID == e.heir), cmp.Compare(a.place, b.place))
	})
	r.host, e.heir = next.member.ID, 0
	if e.timeout > 0 && next.line.state == lineDown {
		next.line.losses++
		r.expireLater(next)
	}
	for _, s := range r.inOrder() {
		c := signaling.HostChanged{Host: r.host, Term: r.term, Guests: r.guests()}
		for _, other := range r.inOrder() {
			if r.acquainted(s, other) {
				c.Members = append(c.Members, other.member)
			}
		}
		s.deliver(c)
	}
}

// presentHost and presentTerm return what the server says of the host.
func (r *room) presentHost() rtcpeer.PeerID {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hostID()
}

func (r *room) presentTerm() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.term
}

// isOver reports whether the session was the host's and another member has replaced it, or its room has ended.
func (s *session) isOver() bool {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	return s.line.replaced || s.room.hosts.isOver(s)
}

func compare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// depose takes the host's place away, as the server does when it has not heard it for the host timeout.
func (r *room) depose() {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.members[r.hostID()]
	s.line.state = lineEvicted
	r.remove(s, signaling.LeftLost)
}

// replace is depose for a host that the server can still tell. mu is held.
func (r *room) replace(s *session) {
	if s.line.state == lineUp {
		s.inbox <- roomEnd{err: &signaling.Error{Code: signaling.CodeHostReplaced, Text: "join anew"}}
	}
	s.line.state = lineEvicted
	r.remove(s, signaling.LeftLost)
}

// heir returns the successor that the host has named, as far as the server knows.
func (r *room) heir() rtcpeer.PeerID {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hosts.heir
}
