package rooms

import (
	"fmt"
	"time"

	"example.org/rtcpeer/signaling"
)

// Leave takes m out at its own wish, if s is still its session, which ends.
func (m *Member) Leave(s Session) {
	r := m.room
	r.mu.Lock()
	defer r.unlock()
	if m.session == s {
		r.remove(m, signaling.LeftByItself)
	}
	s.Bye()
}

// Detach begins m's grace time when s, its session, is lost; a member that cannot come back has none.
// It reports false if s is no longer m's session.
func (m *Member) Detach(s Session) bool {
	r := m.room
	r.mu.Lock()
	defer r.unlock()
	if m.session != s {
		return false
	}
	if s.Dialect().Volatile {
		r.remove(m, signaling.LeftLost)
	} else {
		m.detach()
	}
	return true
}

// Lose is Detach for a session that may not have had its welcome: nobody has the ticket then, and there is no grace time.
func (m *Member) Lose(s Session) bool {
	if !m.Detach(s) {
		return false
	}
	m.room.mu.Lock()
	defer m.room.unlock()
	if m.session == nil && m.grace != nil {
		m.giveUp(DroppedGraceOver)
	}
	return true
}

// expire ends m's grace time, unless m has come back from that loss. why is a word of Stats.Dropped.
func (r *room) expire(m *Member, loss int, why string) {
	r.mu.Lock()
	expired := r.members[m.id] == m && m.session == nil && m.losses == loss
	if expired && !r.store.acts() { // the room is about to be taken from this server, or it acts again
		m.expireAfter(time.Second, why)
		expired = false
	}
	if expired {
		r.store.config.Dropped(why)
		if m.id != r.host || !r.terms.Migrates {
			r.lost.add(place{m.id, m.generation}) // before it may be the end of the room
		}
		r.remove(m, signaling.LeftLost)
	}
	r.unlock()
	if expired {
		r.store.config.Log.Info("gone", "why", why, "room", r.name, "peer", m.id)
	}
}

// expel takes a member out against its wish, and for good: its ticket is void.
func (r *room) expel(m *Member, why *signaling.Error, reason signaling.LeftReason) {
	r.store.config.Voided(Seat{r.nonce, m.id})
	if reason == signaling.LeftKicked {
		r.noteKick(m.id)
	}
	if m.session != nil {
		m.session.Fail(why)
	}
	r.remove(m, reason)
}

// remove takes a member out and tells the others.
func (r *room) remove(m *Member, reason signaling.LeftReason) {
	r.drop(m)
	if m.id == r.host && r.endsWithHost() {
		if why := r.succeed(); why != "" {
			r.end(&signaling.Error{Code: signaling.CodeHostLeft, Text: why})
		}
		return
	}
	r.announce(m.id, signaling.Left{ID: m.id, Reason: reason})
}

// sealComplete ends the room some time after its seal. Its timer was stopped if the room had ended.
func (r *room) sealComplete() {
	r.mu.Lock()
	defer r.unlock()
	if !r.store.acts() { // see expire
		r.closing = r.store.clock.After(time.Second, r.sealComplete)
		return
	}
	r.end(&signaling.Error{Code: signaling.CodeSealComplete, Text: fmt.Sprintf("room %q was sealed %v ago", r.name, r.terms.Rules.EndAfterSeal)})
}

// expelAll is expel for all members that are meant.
func (r *room) expelAll(meant func(*Member) bool, why *signaling.Error) {
	r.mu.Lock()
	defer r.unlock()
	for _, m := range r.members {
		if meant(m) {
			r.expel(m, why, signaling.LeftKicked)
		}
	}
}

// end ends the room, for good, for all who are left in it. Nil: with the server.
func (r *room) end(why *signaling.Error) {
	if why != nil {
		r.store.config.Voided(Seat{Nonce: r.nonce})
	}
	r.lost, r.over = nil, true
	for _, m := range r.members {
		if m.session != nil {
			m.session.Fail(why)
		}
		r.drop(m)
	}
}

func (r *room) drop(m *Member) {
	delete(r.members, m.id)
	r.dirty = true
	r.roster -= m.size
	m.release()
	r.store.counters.members.Add(-1)
}
