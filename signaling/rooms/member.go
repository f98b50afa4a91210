package rooms

import (
	"net/netip"
	"slices"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/clock"
	"example.org/rtcpeer/signaling/drop"
)

// A Member is one place in a room. It is attached to a session, or it is detached: then its session was lost, and it
// may resume until its grace period is over.
type Member struct {
	// Fixed at construction.
	room       *room
	id         signaling.PeerID
	since      time.Time
	generation uint64 // numbers the places of the room in the order in which they were given

	// Guarded by room.mu.
	info    signaling.Member
	size    int     // share of room.roster
	account Account // pays for the member, that of its latest session; nil: none
	cost    int     // of its metadata and other fields, taken from account
	session Session // nil while detached
	// welcoming is true until the welcome is delivered: signals that come before it are kept.
	welcoming bool
	remote    netip.Addr    // of its latest session
	subject   string        // Grant.Subject
	earlier   []origin      // origins of earlier tickets with which it came or may come: the last maxEarlier
	issued    bool          // it has got a ticket of this process
	adopted   bool          // it was already in the room when this process took the room over
	missing   bool          // the server of its session is lost, and may attach it again
	told      *View         // of that session; nil: there was none
	awaited   bool          // it has not come back yet since the room was rebuilt or adopted
	mayHost   bool          // Grant.MayHost
	name      string        // Grant.Name
	fixed     bool          // Grant.Fixed
	tells     clock.Bucket  // limits how often its metadata is announced
	tell      time.Duration // when to announce its latest metadata, by the clock; 0: nothing to announce
	hostLost  time.Duration // when it reported its link with the host as lost, by the clock; 0: it has not
	until     time.Time     // Grant.Expires; zero: never
	expires   time.Duration // the same by the clock; 0: never
	renew     time.Duration // when to send new ICE servers, by the clock; 0: never
	reissue   time.Duration // when to send a new ticket, by the clock; 0: never
	losses    int           // how often it was detached: distinguishes grace periods
	grace     *clock.Alarm  // runs while detached
	graceEnd  time.Duration // when grace goes off, by the clock
	// kept holds the signals that come while it is detached, and all messages while it may be attached again, within the
	// bounds of an outbox. If a signal does not fit, or any message while missing is true, the member loses its
	// place: DroppedDetachedFull, DroppedBudget.
	kept      []signaling.Message
	keptBytes int
}

// deliver hands a message to the member and never blocks. If a detached member has no room left for a signal, deliver
// returns the drop reason. Other messages need not be kept, because the welcome of a member that resumes tells it
// everything. The caller holds room.mu.
func (m *Member) deliver(n *Prepared) (full drop.Reason) {
	if m.session != nil && !m.welcoming {
		if n = m.session.View().fit(n); n != nil {
			m.session.Deliver(n)
		}
		return ""
	}
	signal, ok := n.Message.(signaling.Signal)
	if !ok && !(m.adopted && m.awaited) && !m.missing {
		return ""
	}
	config := &m.room.store.config
	switch {
	case len(m.kept) >= config.KeptFrames || m.keptBytes+len(signal.Data) > config.KeptBytes:
		full = DroppedDetachedFull
	case m.account != nil && m.account.Hold(keptOverhead+len(signal.Data)) != nil:
		full = DroppedBudget
	}
	if full != "" && !ok && m.missing {
		m.giveUp(full)
	}
	if full != "" {
		return full
	}
	m.kept = append(m.kept, n.Message)
	m.keptBytes += len(signal.Data)
	return ""
}

// keptCost returns what the kept messages take of the budget.
func (m *Member) keptCost() int { return len(m.kept)*keptOverhead + m.keptBytes }

// keptOverhead is what a kept message takes in addition to its bytes.
const keptOverhead = 64

// memberOverhead is what a member takes in addition to its metadata and other fields.
const memberOverhead = 512

// MemberCost is what a member that joins with j takes of the budget: its JSON, and the same in memory.
func MemberCost(j signaling.Join) int { return memberOverhead + 2*rosterSize(j) }

// charge makes an account pay for the member from now on. cost is already taken from it. The caller holds room.mu.
func (m *Member) charge(to Account, cost int) {
	if m.account != nil {
		m.account.Release(m.cost + m.keptCost())
	}
	if to != nil {
		to.Force(m.keptCost())
	}
	m.account, m.cost = to, cost
}

// maxEarlier is how many origins of earlier tickets a member keeps. It may miss that many new tickets in a row.
const maxEarlier = 4

// cameWith records the origin of an earlier ticket, with which the member may come again. The caller holds room.mu.
func (m *Member) cameWith(o origin) {
	if !slices.Contains(m.earlier, o) {
		m.earlier = append(m.earlier[max(0, len(m.earlier)+1-maxEarlier):], o)
	}
}

// attach gives the member to a session, which gets its welcome next. An earlier session gets an error. The caller
// holds room.mu.
func (m *Member) attach(s Session) {
	if m.session != nil {
		m.session.Fail(&signaling.Error{Code: signaling.CodeReplaced, Text: "another connection has taken over"})
	}
	m.stopGrace()
	m.session, m.remote, m.awaited, m.missing, m.welcoming = s, s.Remote(), false, false, true
}

// detach starts the grace period. The caller holds room.mu.
func (m *Member) detach() {
	m.session = nil
	m.losses++
	m.expireAfter(m.room.grace(m), DroppedGraceOver)
}

// giveUp ends the grace period of a detached member early, through its timer, so that it always ends in the same way.
// A member that is being welcomed loses its session instead. The caller holds room.mu.
func (m *Member) giveUp(why drop.Reason) {
	if m.session != nil {
		m.session.Fail(&signaling.Error{Code: signaling.CodeSlow, Text: "too many signals during the welcome"})
		return
	}
	m.stopGrace()
	m.expireAfter(0, why)
}

func (m *Member) expireAfter(grace time.Duration, why drop.Reason) {
	loss := m.losses
	m.graceEnd = m.room.store.clock.Now() + grace
	m.grace = m.room.store.clock.After(grace, func() { m.room.expire(m, loss, why) })
}

// endGraceIn ends the grace period of a detached member after d, if that is earlier. graceEnd stays: it tells when the
// member lost its session. The caller holds room.mu.
func (m *Member) endGraceIn(d time.Duration) {
	if m.session != nil || m.grace == nil || m.graceEnd-m.room.store.clock.Now() <= d {
		return
	}
	end := m.graceEnd
	m.stopGrace()
	m.expireAfter(d, DroppedGraceOver)
	m.graceEnd = end
}

// ID returns the member's id.
func (m *Member) ID() signaling.PeerID { return m.id }

// Room returns the name of its room.
func (m *Member) Room() signaling.RoomName { return m.room.name }

// release clears a member that has lost its place. The caller holds room.mu.
func (m *Member) release() {
	m.stopGrace()
	m.session = nil
	m.takeKept()
	m.charge(nil, 0)
}

func (m *Member) stopGrace() {
	if m.grace != nil {
		m.grace.Stop()
		m.grace = nil
	}
}

// takeKept returns the messages that were kept for the member, and keeps them no longer. The caller holds room.mu.
func (m *Member) takeKept() []signaling.Message {
	kept := m.kept
	if m.account != nil {
		m.account.Release(m.keptCost())
	}
	m.kept, m.keptBytes = nil, 0
	return kept
}

// describe sets what the others learn about the member. The caller holds room.mu.
func (m *Member) describe(j signaling.Join) {
	m.info = signaling.Member{ID: m.id, Channels: j.Channels, Metadata: j.Metadata, OneAttempt: j.OneAttempt,
		Features: j.Features, Incarnation: j.Incarnation}
	m.room.roster -= m.size
	m.size = rosterSize(j)
	m.room.roster += m.size
}

// rosterSize returns what a member takes in a welcome, in bytes: at least the size of its JSON.
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

// quotedSize returns at least the length of s as a JSON string: a control character takes six bytes, a quote or
// backslash two, and U+2028 and U+2029 take six for their three bytes.
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
