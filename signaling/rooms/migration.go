package rooms

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"example.org/rtcpeer/signaling"
)

// How a star that migrates gets its next host. r.host is the current host, and r.term counts the hosts. Both change
// in succeed, when the host has lost its place, and in learnHost, when a ticket of an earlier process names a later
// host.

// defaultHostTimeout is how long the place of a lost host is kept if its room does not say.
const defaultHostTimeout = 10 * time.Second

// grace returns how long a member that has lost its session keeps its place.
func (r *room) grace(m *Member) time.Duration {
	grace := r.store.config.Grace
	if r.fixed.Migrates && m.id == r.host {
		grace = min(grace, r.hostTimeout())
	}
	return grace
}

func (r *room) hostTimeout() time.Duration {
	return cmp.Or(time.Duration(r.fixed.HostTimeout)*time.Millisecond, defaultHostTimeout)
}

// followTime is how much earlier than the server a guest may notice that the host is gone. If the guest cannot follow
// another host, it leaves then, perhaps before the server has noticed. The room ends in that case, too.
const followTime = 2 * time.Second

const (
	// returnTime is how long a host that has lost its session stays the host although its guests have lost it too: a page
	// that is reloaded has lost both, and is back a moment later. When it is back, it has as long again to get its guests
	// back, or the host timeout, if that is shorter: its links with them are new.
	returnTime = 5 * time.Second
	// noticeTime is how long after its guests the server may notice that a host is gone.
	noticeTime = time.Second / 2
)

// noteUnable notes that a member has left, if it cannot follow another host.
func (r *room) noteUnable(m *Member) {
	if r.fixed.Migrates && !m.info.Can(signaling.FeatureMigrate) {
		r.unable, r.unableLeft = m.id, r.store.clock.Now()
	}
}

// goneSince returns when the host that is losing its place was last here, by the clock.
func (r *room) goneSince(host *Member) time.Duration {
	if host.session != nil {
		return r.store.clock.Now()
	}
	return host.graceEnd - r.grace(host)
}

// succeed makes another member the host after the host has lost its place, and tells all members. The host was last
// here at the time gone. If nobody can be the host, succeed returns why, and the caller must end the room.
func (r *room) succeed(gone time.Duration) (why string) {
	if !r.fixed.Migrates {
		return fmt.Sprintf("the host of room %q is gone", r.name)
	}
	if r.unable != 0 && r.unableLeft >= gone-followTime {
		return fmt.Sprintf("the host of room %q is gone, and member %d could not follow another host", r.name, r.unable)
	}
	var candidates []candidate
	for _, m := range r.members {
		if !m.awaited { // nothing is known of a member that has not come back after a restart
			candidates = append(candidates, candidate{m.id, m.generation, m.info.Can(signaling.FeatureMigrate),
				m.mayHost && m.info.Can(signaling.FeatureHost), m.session != nil, m.id == r.heir})
		}
	}
	next, why := elect(candidates)
	if why != "" {
		return fmt.Sprintf("the host of room %q is gone, and %s", r.name, why)
	}
	r.store.config.Voided(Seat{r.nonce, r.host})
	r.noteKick(r.host) // its id is not given again, and all members get a ticket that names the new host
	r.setHost(next, r.term+1)
	if m := r.members[next]; m.session == nil {
		m.stopGrace()
		m.expireAfter(r.grace(m), DroppedGraceOver)
	}
	r.tellHost()
	r.store.config.Log.Info("host changed", "room", r.name, "host", r.host, "term", r.term)
	return ""
}

// setHost sets the host. What was said of the host before no longer counts.
func (r *room) setHost(host signaling.PeerID, term int) {
	r.host, r.term, r.heir, r.hostBack, r.dirty = host, term, 0, 0, true
	for _, m := range r.members {
		m.hostLost = 0
	}
}

// A candidate is what an election knows of a member.
type candidate struct {
	id      signaling.PeerID
	place   uint64 // numbers the places of the room: lower for members that came earlier
	follows bool   // it can follow a new host
	canHost bool
	here    bool // it is connected to the server
	named   bool // the host has named it as its successor
}

// elect returns the new host. Among the members that can be the host, it prefers those that are here, then the one
// that the host has named, then the one that has been in the room the longest. If there is none, elect returns why.
func elect(all []candidate) (host signaling.PeerID, why string) {
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(-compare(a.here, b.here), -compare(a.named, b.named), cmp.Compare(a.place, b.place))
	})
	for _, c := range all {
		switch {
		case !c.follows:
			return 0, fmt.Sprintf("member %d cannot follow another host", c.id)
		case c.canHost && host == 0:
			host = c.id
		}
	}
	if host == 0 {
		return 0, "nobody there can take its place"
	}
	return host, ""
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

// tellHost tells all members who is the host.
func (r *room) tellHost() {
	var p *Prepared
	for _, m := range r.members {
		switch {
		case m.id == r.host:
			m.deliver(Prepare(r.hostFor(m)))
			continue
		case p == nil:
			p = Prepare(r.hostFor(m)) // the same for all guests
		}
		m.deliver(p)
	}
}

// hostFor returns what m is told about the host.
func (r *room) hostFor(m *Member) signaling.HostChanged {
	return signaling.HostChanged{Host: r.host, Term: r.term, Guests: r.guests(), Members: r.others(m.id)}
}

// guests returns the ids of all members except the host, in ascending order.
func (r *room) guests() (ids []signaling.PeerID) {
	for id := range r.members {
		if id != r.host {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// learnHost takes over the host of a term that a member knows, from a ticket of an earlier process or because the owner
// before has told it, if it came later than the host that this process knows. The caller holds room.mu.
func (r *room) learnHost(host signaling.PeerID, term int, of signaling.PeerID) {
	if !r.fixed.Migrates || term <= r.term {
		return
	}
	before := r.members[r.host]
	r.noteKick(r.host) // as succeed did there
	r.setHost(host, term)
	if before != nil {
		r.store.config.Voided(Seat{r.nonce, before.id})
		if before.session != nil {
			before.session.Fail(replaced())
		}
		r.drop(before)
	}
	if r.members[r.host] == nil && of != r.host {
		host := r.add(r.host, signaling.Join{})
		host.awaited = true
		host.detach()
	}
	r.tellHost()
}

// replaced returns the error for a host that another one has replaced.
func replaced() *signaling.Error {
	return &signaling.Error{Code: signaling.CodeHostReplaced, Text: "another member hosts the room now: join it again"}
}

// nameHeir sets the successor of the current host.
func (r *room) nameHeir(s signaling.Successor) error {
	if s.ID != 0 && r.members[s.ID] == nil {
		return &signaling.Error{Code: signaling.CodeUnknownPeer, Text: fmt.Sprintf("successor: no peer %d here", s.ID)}
	}
	r.heir, r.dirty = s.ID, true
	return nil
}

// Successor sets the member that m, which must be the host, wants as the next host.
func (m *Member) Successor(s Session, named signaling.Successor) error {
	return m.room.asHost(s, m, named.Kind(), func() error { return m.room.nameHeir(named) })
}

// HostLost records that m has lost its link with the host, or has it again. If most of the guests that are here have
// lost it within the host timeout, the host is replaced: half a second later or, if it has lost its session as well, when
// it is not back within five seconds, or has not got them back within five seconds after that.
func (m *Member) HostLost(s Session, lost signaling.HostLost) error {
	r := m.room
	r.mu.Lock()
	defer r.unlock()
	host := r.members[r.host]
	switch {
	case r.moves():
		return ErrElsewhere
	case m.session != s || !r.fixed.Migrates || lost.Term != r.term || m.id == r.host || host == nil:
		return nil
	}
	r.dirty = true
	if lost.Back {
		m.hostLost = 0
		return nil
	}
	m.hostLost = max(1, r.store.clock.Now())
	r.lookAtHost()
	return nil
}

// hasLostHost reports whether the member has lost its link with the host within the host timeout. The caller holds room.mu.
func (m *Member) hasLostHost() bool {
	return m.hostLost != 0 && m.room.store.clock.Now()-m.hostLost < m.room.hostTimeout()
}

// lookAtHost calls hostIsLost after noticeTime if most of the guests have lost the host, unless it is called already. The
// caller holds room.mu.
func (r *room) lookAtHost() {
	if r.looking || !r.mostHaveLostHost() {
		return
	}
	r.looking = true
	r.store.clock.After(noticeTime, r.hostIsLost)
}

// mostHaveLostHost reports whether most of the guests that are here have lost their link with the host within the host
// timeout.
func (r *room) mostHaveLostHost() bool {
	here, without := 0, 0
	for _, m := range r.members {
		if m.id == r.host || m.session == nil {
			continue
		}
		here++
		if m.hasLostHost() {
			without++
		}
	}
	return 2*without > here
}

// hostIsLost replaces the host if most of the guests have still lost it. A host that has lost its session as well has
// returnTime to come back, and as long again to get its guests back.
func (r *room) hostIsLost() {
	r.mu.Lock()
	defer r.unlock()
	r.looking = false
	host := r.members[r.host]
	if host == nil {
		return
	}
	now := r.store.clock.Now()
	left := returnTime - (now - r.goneSince(host))
	if host.session != nil {
		left = min(returnTime, r.hostTimeout()) - (now - r.hostBack)
	}
	switch {
	case r.elsewhere || !r.mostHaveLostHost():
	case !r.store.acts(), // but will again, or the room is about to leave this server
		r.settling(): // guests that have the host may not be back yet
		r.lookAtHost()
	case host.session == nil && left > 0:
		host.endGraceIn(left)
	case r.hostBack != 0 && left > 0:
		r.looking = true
		r.store.clock.After(left, r.hostIsLost)
	default:
		r.expel(host, replaced(), signaling.LeftLost)
	}
}
