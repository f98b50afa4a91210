package signalserver

import (
	"net/netip"
	"time"

	"example.org/rtcpeer/signaling"
)

// A member is one place in a room. It is attached to a session, or it is detached: its session was
// lost and it may come back until its grace time is over.
type member struct {
	// Fixed at construction.
	room       *room
	id         signaling.PeerID
	since      time.Time
	generation uint64 // of its place: the room counts the places that it gives

	// Guarded by room.mu.
	info     signaling.Member
	size     int           // share of room.roster
	account  account       // of its latest session
	cost     int           // of what it tells of itself, for account
	session  *session      // nil while detached
	remote   netip.Addr    // of its latest session
	subject  string        // Grant.Subject
	earlier  origin        // of the ticket of an earlier process that brought it back; zero: none
	awaited  bool          // a rebuilt room's host, which has not come back yet
	until    time.Time     // Grant.Expires; zero: never
	expires  time.Duration // the same by the clock; 0: never
	renew    time.Duration // when to send a new list of ICE servers, likewise
	reissue  time.Duration // when its ticket is to be replaced, likewise
	losses   int           // how often it was detached: tells one grace time from the next
	grace    *alarm        // runs while detached
	graceEnd time.Duration // by the clock: when it goes off
	// kept holds the signals that came while detached, within the bounds of an outbox. One that
	// does not fit costs the member its place: droppedDetachedFull, droppedBudget.
	kept      []signaling.Signal
	keptBytes int
}

// deliver hands the member a message and never blocks. It returns the word for it when a detached member has
// no room left for a signal. What is not a signal need not be kept: the welcome of a member that
// comes back tells it everything. room.mu is held.
func (m *member) deliver(n *note) (full string) {
	if m.session != nil {
		m.session.send(n)
		return ""
	}
	signal, ok := n.message.(signaling.Signal)
	if !ok {
		return ""
	}
	config := &m.room.server.config
	switch {
	case len(m.kept) >= config.OutboxFrames || m.keptBytes+len(signal.Data) > config.OutboxBytes:
		return droppedDetachedFull
	case m.account.hold(itemOverhead+len(signal.Data)) != nil:
		return droppedBudget
	}
	m.kept = append(m.kept, signal)
	m.keptBytes += len(signal.Data)
	return ""
}

// keptCost is what the kept signals take of the budget.
func (m *member) keptCost() int { return len(m.kept)*itemOverhead + m.keptBytes }

// memberOverhead is what a member takes besides what it tells of itself.
const memberOverhead = 512

// memberCost is what a member that joins with j takes of the budget: its JSON, and that in memory.
func memberCost(j signaling.Join) int { return memberOverhead + 2*rosterSize(j) }

// charge has an account pay for the member from now on, of which it has taken cost already. room.mu is held.
func (m *member) charge(to account, cost int) {
	m.account.release(m.cost + m.keptCost())
	to.force(m.keptCost())
	m.account, m.cost = to, cost
}

// attach gives the member to a session. One that had it before is told. room.mu is held.
func (m *member) attach(s *session) {
	if m.session != nil {
		m.session.fail(&signaling.Error{Code: signaling.CodeReplaced, Text: "another connection took over"})
	}
	m.stopGrace()
	m.session, m.remote, m.awaited = s, s.remote, false
}

// detach begins the grace time. room.mu is held.
func (m *member) detach() {
	m.session = nil
	m.losses++
	m.expireAfter(m.room.server.config.Grace, droppedGraceOver)
}

// giveUp ends the grace time of a detached member early, by way of its timer, so that there is one
// way for it to end. room.mu is held.
func (m *member) giveUp(why string) {
	m.stopGrace()
	m.expireAfter(0, why)
}

func (m *member) expireAfter(grace time.Duration, why string) {
	loss := m.losses
	m.graceEnd = m.room.server.clock.now() + grace
	m.grace = m.room.server.clock.after(grace, func() { m.room.expire(m, loss, why) })
}

// release is for a member that has lost its place. room.mu is held.
func (m *member) release() {
	m.stopGrace()
	m.session = nil
	m.takeKept()
	m.charge(account{}, 0)
}

func (m *member) stopGrace() {
	if m.grace != nil {
		m.grace.stop()
		m.grace = nil
	}
}

// takeKept returns the signals that came while the member was detached. room.mu is held.
func (m *member) takeKept() []signaling.Signal {
	kept := m.kept
	m.account.release(m.keptCost())
	m.kept, m.keptBytes = nil, 0
	return kept
}

// describe sets what the others are told of the member. room.mu is held.
func (m *member) describe(j signaling.Join) {
	m.info = signaling.Member{ID: m.id, Channels: j.Channels, Metadata: j.Metadata, OneAttempt: j.OneAttempt,
		Features: j.Features, Incarnation: j.Incarnation}
	m.room.roster -= m.size
	m.size = rosterSize(j)
	m.room.roster += m.size
}

// rosterSize is what a member takes in a welcome, in bytes: at least its JSON.
func rosterSize(j signaling.Join) int {
	const frame = len(`{"id":2147483647,"channels":[],"metadata":,"one_attempt":true},`)
	size := frame + len(j.Metadata)
	for _, mode := range j.Channels {
		size += len(mode) + len(`"",`)
	}
	if len(j.Features) > 0 {
		size += len(`,"features":[]`)
		for _, feature := range j.Features {
			size += quotedSize(feature) + len(`,`)
		}
	}
	if j.Incarnation != "" {
		size += len(`,"incarnation":`) + quotedSize(j.Incarnation)
	}
	return size
}

// quotedSize is at least the length of s as a JSON string: control characters take six bytes, quotes and
// backslashes two, and of those that are not ASCII U+2028 and U+2029 take six for three.
func quotedSize(s string) int {
	size := len(`""`)
	for _, c := range []byte(s) {
		switch {
		case c < ' ':
			size += len(`\u0000`)
		case c == '"', c == '\\', c >= 0x80:
			size += 2
		default:
			size++
		}
	}
	return size
}
