package rooms

import (
	"net/netip"
	"slices"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/clock"
)

// A Member is one place in a room. It is attached to a session, or it is detached: its session was
// lost and it may come back until its grace time is over.
type Member struct {
	// Fixed at construction.
	room       *room
	id         signaling.PeerID
	since      time.Time
	generation uint64 // of its place: the room counts the places that it gives

	// Guarded by room.mu.
	info    signaling.Member
	size    int     // share of room.roster
	account Account // of its latest session; nil: none
	cost    int     // of what it tells of itself, for account
	session Session // nil while detached
	// welcoming is true while its welcome is being made: what comes meanwhile is kept for after it.
	welcoming bool
	remote    netip.Addr    // of its latest session
	subject   string        // Grant.Subject
	earlier   []origin      // of tickets of earlier processes that it has shown, or may show: the last maxEarlier
	issued    bool          // it was sent a ticket of this process
	adopted   bool          // it was in the room when this process took that over
	fresh     bool          // this process has told it who is in the room
	awaited   bool          // a rebuilt room's host, which has not come back yet
	mayHost   bool          // Grant.MayHost
	name      string        // Grant.Name
	fixed     bool          // Grant.Fixed
	tells     clock.Bucket  // of changes of its metadata that the others are told
	tell      time.Duration // when to tell the latest of them, likewise; 0: they have been told
	hostLost  time.Duration // by the clock: when it said that its link with the host is lost; 0: it has not
	until     time.Time     // Grant.Expires; zero: never
	expires   time.Duration // the same by the clock; 0: never
	renew     time.Duration // when to send a new list of ICE servers, likewise
	reissue   time.Duration // when its ticket is to be replaced, likewise
	losses    int           // how often it was detached: tells one grace time from the next
	grace     *clock.Alarm  // runs while detached
	graceEnd  time.Duration // by the clock: when it goes off
	// kept holds the signals that came while detached, and for one that waits to be attached again all else, within the bounds of an outbox. One that
	// does not fit costs the member its place: DroppedDetachedFull, DroppedBudget.
	kept      []signaling.Message
	keptBytes int
}

// deliver hands the member a message and never blocks. It returns the word for it when a detached member has
// no room left for a signal. What is not a signal need not be kept: the welcome of a member that
// comes back tells it everything. room.mu is held.
func (m *Member) deliver(n *Note) (full string) {
	if m.session != nil && !m.welcoming {
		m.session.Deliver(n)
		return ""
	}
	signal, ok := n.Message.(signaling.Signal)
	if !ok && !(m.adopted && m.awaited) {
		return ""
	}
	config := &m.room.store.config
	switch {
	case len(m.kept) >= config.KeptFrames || m.keptBytes+len(signal.Data) > config.KeptBytes:
		return DroppedDetachedFull
	case m.account != nil && m.account.Hold(keptOverhead+len(signal.Data)) != nil:
		return DroppedBudget
	}
	m.kept = append(m.kept, n.Message)
	m.keptBytes += len(signal.Data)
	return ""
}

// keptCost is what the kept signals take of the budget.
func (m *Member) keptCost() int { return len(m.kept)*keptOverhead + m.keptBytes }

// keptOverhead is what a kept signal takes besides its bytes.
const keptOverhead = 64

// memberOverhead is what a member takes besides what it tells of itself.
const memberOverhead = 512

// MemberCost is what a member that joins with j takes of the budget: its JSON, and that in memory.
func MemberCost(j signaling.Join) int { return memberOverhead + 2*rosterSize(j) }

// charge has an account pay for the member from now on, of which it has taken cost already. room.mu is held.
func (m *Member) charge(to Account, cost int) {
	if m.account != nil {
		m.account.Release(m.cost + m.keptCost())
	}
	if to != nil {
		to.Force(m.keptCost())
	}
	m.account, m.cost = to, cost
}

// maxEarlier is how many times a member may have been sent a ticket without being there to take it.
const maxEarlier = 4

// cameWith notes a ticket of an earlier process, with which the member may come again. room.mu is held.
func (m *Member) cameWith(o origin) {
	if !slices.Contains(m.earlier, o) {
		m.earlier = append(m.earlier[max(0, len(m.earlier)+1-maxEarlier):], o)
	}
}

// attach gives the member to a session, which gets its welcome next. One that had it before is told. room.mu is held.
func (m *Member) attach(s Session) {
	if m.session != nil {
		m.session.Fail(&signaling.Error{Code: signaling.CodeReplaced, Text: "another connection took over"})
	}
	m.stopGrace()
	m.session, m.remote, m.awaited, m.welcoming = s, s.Remote(), false, true
}

// detach begins the grace time. room.mu is held.
func (m *Member) detach() {
	m.session = nil
	m.losses++
	m.expireAfter(m.room.grace(m), DroppedGraceOver)
}

// giveUp ends the grace time of a detached member early, by way of its timer, so that there is one
// way for it to end. One that is being welcomed loses its session. room.mu is held.
func (m *Member) giveUp(why string) {
	if m.session != nil {
		m.session.Fail(&signaling.Error{Code: signaling.CodeSlow, Text: "too many signals during the welcome"})
		return
	}
	m.stopGrace()
	m.expireAfter(0, why)
}

func (m *Member) expireAfter(grace time.Duration, why string) {
	loss := m.losses
	m.graceEnd = m.room.store.clock.Now() + grace
	m.grace = m.room.store.clock.After(grace, func() { m.room.expire(m, loss, why) })
}

// ID returns the member's id.
func (m *Member) ID() signaling.PeerID { return m.id }

// Room returns the name of its room.
func (m *Member) Room() signaling.RoomName { return m.room.name }

// release is for a member that has lost its place. room.mu is held.
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

// takeKept returns what came while the member was detached. room.mu is held.
func (m *Member) takeKept() []signaling.Message {
	kept := m.kept
	if m.account != nil {
		m.account.Release(m.keptCost())
	}
	m.kept, m.keptBytes = nil, 0
	return kept
}

// describe sets what the others are told of the member. room.mu is held.
func (m *Member) describe(j signaling.Join) {
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
