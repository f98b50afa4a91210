package rooms

import (
	"fmt"
	"slices"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/drop"
)

// Leave removes m at its own request, if s is still its session, and ends s.
func (m *Member) Leave(s Session) {
	r := m.room
	r.mu.Lock()
	defer r.unlock()
	switch {
	case m.session != s:
	case m.id == r.host && r.endsWithHost() && r.settling():
		m.leaveLater()
	default:
		r.remove(m, signaling.LeftByItself)
	}
	s.Bye()
}

// settleTime is how long after a move of the room the departure of its host waits for members that are not attached yet.
// Those that are attached later would not be told of it, and could not become the host.
const settleTime = 3 * time.Second

// settling reports whether the room has just moved and waits for members. The caller holds mu.
func (r *room) settling() bool {
	return r.store.clock.Now() < r.settled && r.awaits()
}

// awaits reports whether a member has not come back yet after a move or a restart. The caller holds mu.
func (r *room) awaits() bool {
	for _, m := range r.members {
		if m.awaited {
			return true
		}
	}
	return false
}

// leaveLater removes a member when the room is settled. The caller holds room.mu.
func (m *Member) leaveLater() {
	r := m.room
	m.session = nil
	m.losses++
	loss := m.losses
	m.graceEnd = r.settled
	m.grace = r.store.clock.After(r.settled-r.store.clock.Now(), func() {
		r.mu.Lock()
		defer r.unlock()
		if r.members[m.id] == m && m.session == nil && m.losses == loss && r.store.acts() {
			r.remove(m, signaling.LeftByItself)
		}
	})
}

// Detach starts m's grace period when its session s is lost. A member that cannot resume is removed at once. Detach
// returns false if s is no longer m's session.
func (m *Member) Detach(s Session) bool { return m.detachFrom(s, false) }

// Miss is Detach for a session whose server is lost. Its client may not notice: then the server attaches the member
// again. So all messages are kept for it, not only signals, and a member that cannot resume has a grace period, too.
func (m *Member) Miss(s Session) bool { return m.detachFrom(s, true) }

func (m *Member) detachFrom(s Session, missing bool) bool {
	r := m.room
	r.mu.Lock()
	defer r.unlock()
	if m.session != s {
		return false
	}
	if s.Dialect().Volatile && !missing {
		r.remove(m, signaling.LeftLost)
	} else {
		m.missing = missing
		if missing {
			m.told = s.View()
		}
		m.detach()
	}
	return true
}

// Lose is Detach for a session that may not have got its welcome. Then the client has no ticket, so there is no grace
// period.
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

// expire ends m's grace period, unless m has resumed after that loss. why is a drop reason.
func (r *room) expire(m *Member, loss int, why drop.Reason) {
	r.mu.Lock()
	expired := r.members[m.id] == m && m.session == nil && m.losses == loss
	if expired && !r.store.acts() { // the room is about to leave this server, or the server will act again
		m.expireAfter(time.Second, why)
		expired = false
	}
	if expired {
		r.store.config.Dropped(why)
		if m.id != r.host || !r.fixed.Migrates {
			r.lost.add(place{m.id, m.generation}) // before remove, which may end the room
		}
		r.remove(m, signaling.LeftLost)
	}
	r.unlock()
	if expired {
		r.store.config.Log.Info("lost member removed", "reason", why, "room", r.name, "peer", m.id)
	}
}

// expel removes a member for good and not at its own request. Its ticket becomes void.
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

// remove removes a member and tells the others.
func (r *room) remove(m *Member, reason signaling.LeftReason) {
	since := r.goneSince(m)
	r.drop(m)
	if m.id == r.host && r.endsWithHost() {
		if why := r.succeed(since); why != "" {
			r.end(&signaling.Error{Code: signaling.CodeHostLeft, Text: why})
		} else if reason == signaling.LeftLost {
			r.demote(m.id)
		}
		return
	}
	if reason == signaling.LeftByItself || reason == signaling.LeftLost {
		r.noteUnable(m)
	}
	r.noteLeft(m.id, reason)
	r.announce(m.id, signaling.Left{ID: m.id, Reason: reason})
}

// A departure is a member that was removed, for the next owner of the room: members may not have been told.
type departure struct {
	ID     signaling.PeerID     `json:"id"`
	Reason signaling.LeftReason `json:"reason"`
}

// maxLeft is how many removed members a room remembers: 2 KB in a Record.
const maxLeft = 64

// noteLeft records that a member was removed. The caller holds mu.
func (r *room) noteLeft(id signaling.PeerID, reason signaling.LeftReason) {
	r.left = append(slices.Clone(r.left[max(0, len(r.left)+1-maxLeft):]), departure{id, reason})
}

// forgetLeft is called when a member is there again. The caller holds mu.
func (r *room) forgetLeft(id signaling.PeerID) {
	if _, left := r.whyLeft(id); left {
		r.left = slices.DeleteFunc(slices.Clone(r.left), func(d departure) bool { return d.ID == id })
	}
}

// whyLeft returns why a member was removed, if the room remembers it. The caller holds mu.
func (r *room) whyLeft(id signaling.PeerID) (signaling.LeftReason, bool) {
	i := slices.IndexFunc(r.left, func(d departure) bool { return d.ID == id })
	if i < 0 {
		return "", false
	}
	return r.left[i].Reason, true
}

// leftForGood reports whether a member was removed and may not come back. The caller holds mu.
func (r *room) leftForGood(id signaling.PeerID) bool {
	reason, left := r.whyLeft(id)
	return left && reason != signaling.LeftLost
}

// endAfterSeal lets the room end later if it is sealed and its rules demand it. The caller holds mu.
func (r *room) endAfterSeal() {
	if after := r.fixed.Rules.EndAfterSeal; r.sealed && after > 0 {
		r.closing = r.store.clock.After(after, r.sealComplete)
	}
}

// sealComplete ends the room, EndAfterSeal after its seal. If the room has ended, the timer was stopped.
func (r *room) sealComplete() {
	r.mu.Lock()
	defer r.unlock()
	if !r.store.acts() { // see expire
		r.closing = r.store.clock.After(time.Second, r.sealComplete)
		return
	}
	r.end(&signaling.Error{Code: signaling.CodeSealComplete, Text: fmt.Sprintf("room %q was sealed %v ago", r.name, r.fixed.Rules.EndAfterSeal)})
}

// expelAll expels all members for which meant returns true.
func (r *room) expelAll(meant func(*Member) bool, why *signaling.Error) {
	r.mu.Lock()
	defer r.unlock()
	for _, m := range r.members {
		if meant(m) {
			r.expel(m, why, signaling.LeftKicked)
		}
	}
}

// end ends the room for good, with an error for the members that are left. Nil means that the server stops.
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
