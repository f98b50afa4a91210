package rooms

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/clock"
)

// A room is a named set of members. It ends when the last member is gone, and a star also when its host is gone.
type room struct {
	// Fixed at construction.
	store      *Store
	name       signaling.RoomName
	nonce      uint64
	process    uint64 // for the tickets that it makes
	fixed      fixed
	topology   signaling.Topology // that of fixed
	maxMembers int
	fields     map[string]any // that of fixed.Metadata, for filters of List; nil unless it is public
	created    time.Time
	position   uint64        // in a listing
	settled    time.Duration // by the clock: when the members have had time to be attached after the room moved
	movedUntil time.Duration // until then, by the clock, tickets of the process that had the room before are valid

	guard guard // checks the password; safe for concurrent use

	// Guarded by Store.mu.
	founder Account // pays for its fixed properties, and counts the room for its address

	mu         sync.Mutex // guards the fields below
	members    map[signaling.PeerID]*Member
	generation uint64                    // number of places given so far
	lost       recent[place]             // places given up after their grace periods: they may be taken again
	returned   map[signaling.PeerID]bool // ids that have come with earlier tickets; nil: this process created the room
	roster     int                       // bytes of JSON of all members in a welcome
	founded    bool                      // the host's id was given, here or before a restart
	host       signaling.PeerID          // the current host
	term       int                       // counts the hosts of a room that migrates; 0 in others
	heir       signaling.PeerID          // the host's chosen successor; 0: none
	looking    bool                      // hostIsLost is about to be called
	hostBack   time.Duration             // when the host last came back, by the clock; 0: it has not
	unable     signaling.PeerID          // the last member that has left and cannot follow a host; 0: none
	unableLeft time.Duration             // when that was, by the clock
	kicked     []signaling.PeerID        // the last maxKicked removed members; replaced when it changes
	left       []departure               // the last maxLeft members that were removed; replaced when it changes
	demoted    []demotion                // the last maxDemoted hosts that were replaced; replaced when it changes
	over       bool                      // the room has ended
	sealed     bool
	locked     bool
	pending    []pendingAnswer // at most maxPending
	answered   uint64          // how many were given before these
	emptyEnd   *clock.Alarm    // ends an adopted room without a list of members if nobody comes
	closing    *clock.Alarm    // ends the room after its seal, if its rules demand it
	dirty      bool            // something in Record has changed
	elsewhere  bool            // it was surrendered
	gone       bool            // it has had no members once: it is out of the Store, or about to be
}

// maxRoster is the members' share of a welcome, which must fit into the largest frame that every receiver accepts.
const maxRoster = signaling.MaxMessage - 2*MaxICEServers

// errGone is returned for a room that ended while a session was about to enter it.
var errGone = errors.New("rooms: the room has ended")

// errOver is returned for a session that has ended.
var errOver = errors.New("rooms: the session has ended")

func newRoom(s *Store, name signaling.RoomName, t fixed) *room {
	r := &room{
		store:      s,
		name:       name,
		nonce:      randomUint64(),
		process:    s.process,
		fixed:      t,
		topology:   t.Topology,
		maxMembers: s.config.MaxMembers,
		host:       signaling.Host,
		created:    time.Now(),
		position:   randomUint64(),
		members:    make(map[signaling.PeerID]*Member),
		sealed:     t.Sealed,
	}
	if t.Migrates {
		r.term = 1
	}
	if t.MaxMembers > 0 {
		r.maxMembers = min(r.maxMembers, t.MaxMembers)
	}
	if t.Public {
		r.fields = fieldsOf(t.Metadata)
	}
	return r
}

// rebuildRoom creates a room again after a restart, for a member that shows its ticket. If the room ends with its
// host, the host has its place as if its session had just been lost, because the members would otherwise wait
// for a host that never comes.
func rebuildRoom(s *Store, t ticket) *room {
	r := newRoom(s, t.Room, t.Fixed)
	r.nonce, r.founded, r.returned = t.Nonce, true, make(map[signaling.PeerID]bool)
	r.host, r.term = cmp.Or(t.Host, signaling.Host), max(r.term, t.Term)
	r.mu.Lock() // only the timer of its host can know the room yet
	defer r.mu.Unlock()
	r.learnDemotions(t.Demoted)
	if r.endsWithHost() && t.ID != r.host {
		host := r.add(r.host, signaling.Join{})
		host.awaited = true
		host.detach()
	}
	return r
}

// roomCost is what a room takes of the budget: its metadata in the fixed properties, as fields, and in the tickets.
func roomCost(t fixed) int { return 1024 + 4*len(t.Metadata) }

// endsWithHost is true for a star, and for a mesh with that rule.
func (r *room) endsWithHost() bool {
	return r.topology == signaling.Star || r.fixed.Rules.EndsWithHost
}

// admit gives a newcomer a place.
func (r *room) admit(s Session, j signaling.Join, g Grant) (*Member, error) {
	r.mu.Lock()
	defer r.unlock()
	switch {
	case over(s):
		return nil, errOver
	case r.gone:
		return nil, errGone
	case r.moves():
		return nil, ErrElsewhere
	}
	if err := r.banned(s, g.Subject, 0); err != nil {
		return nil, err
	}
	if r.sealed {
		return nil, &signaling.Error{Code: signaling.CodeSealed, Text: fmt.Sprintf("room %q is sealed", r.name)}
	}
	if r.locked {
		return nil, &signaling.Error{Code: signaling.CodeLocked, Text: fmt.Sprintf("room %q is locked", r.name)}
	}
	if r.host != signaling.Host && s.Dialect().Volatile { // in such a protocol the host is always 1
		return nil, forbidden("the host of room %q has changed, and this protocol cannot express that", r.name)
	}
	if err := r.fits(j, nil); err != nil {
		return nil, err
	}
	if err := r.store.afford(s.Account(), MemberCost(j)); err != nil {
		return nil, err
	}
	m := r.add(r.newID(g.MayHost), j)
	m.charge(s.Account(), MemberCost(j))
	m.grant(g)
	m.attach(s)
	r.announce(m.id, signaling.Joined{Member: m.info})
	r.store.counters.joins.Add(1)
	return m, nil
}

// readmit lets a member resume: in its place if that is still kept, or else in a new place with the same id. A host that
// was replaced gets another id.
func (r *room) readmit(s Session, j signaling.Join, g Grant, t ticket) (*Member, error) {
	r.mu.Lock()
	defer r.unlock()
	switch {
	case over(s): // its owner detaches it only once, so it must not replace a later session
		return nil, errOver
	case r.gone:
		return nil, errGone
	case r.moves():
		return nil, ErrElsewhere
	}
	if t.Nonce != r.nonce {
		return nil, refuseResume("the name %q belongs to a newer room", r.name)
	}
	subject := cmp.Or(g.Subject, t.Subject)
	if err := r.banned(s, subject, t.ID); err != nil {
		return nil, err
	}
	t, err := r.asGuest(s, t, j.Incarnation, subject)
	if err != nil {
		return nil, err
	}
	m := r.members[t.ID]
	if err := r.mayReturn(m, t); err != nil {
		return nil, err
	}
	if t.Process != r.process {
		r.learnHost(t.Host, t.Term, t.ID)
		r.learnDemotions(t.Demoted)
		m = r.members[t.ID]
		if r.learnKicks(t); r.over {
			return nil, refuseResume("room %q has ended", r.name)
		}
	}
	unseen := m == nil || m.awaited
	if unseen && t.expired() {
		return nil, Expired()
	}
	if err := r.fits(j, m); err != nil {
		return nil, err
	}
	if err := r.store.afford(s.Account(), MemberCost(j)); err != nil {
		return nil, err
	}
	if m == nil {
		m = r.add(t.ID, j)
		r.retake(m)
	}
	if unseen { // nothing is known of it but its ticket
		m.grant(Grant{Expires: t.Expires, Subject: t.Subject, MayHost: t.MayHost})
	}
	if t.Process != r.process {
		r.returned[t.ID] = true
		m.cameWith(t.origin)
	}
	restarted := !unseen && m.info.Incarnation != j.Incarnation
	if restarted {
		m.takeKept()   // these were for the earlier program, whose links are over
		m.hostLost = 0 // the earlier program has lost the host, not this one
	}
	renamed := string(m.info.Metadata) != string(j.Metadata)
	m.describe(j)
	m.charge(s.Account(), MemberCost(j))
	m.grant(g)
	m.attach(s)
	switch {
	case restarted, unseen:
		r.announce(m.id, signaling.Joined{Member: m.info, Restarted: restarted})
	case renamed:
		r.announce(m.id, signaling.Metadata{ID: m.id, Metadata: m.info.Metadata})
	}
	if m.id == r.host {
		r.hostBack = max(1, r.store.clock.Now())
	}
	if m.id == r.host || m.hostLost != 0 {
		r.lookAtHost()
	}
	r.store.counters.resumes.Add(1)
	return m, nil
}

// fits returns nil if there is room for a member that joins with j. old is its current place, or nil.
func (r *room) fits(j signaling.Join, old *Member) error {
	roster := r.roster + rosterSize(j)
	if old != nil {
		roster -= old.size
	}
	switch {
	case j.Topology != "" && j.Topology != r.topology:
		return &signaling.Error{Code: signaling.CodeTopologyMismatch,
			Text: fmt.Sprintf("room %q is a %s, not a %s", r.name, r.topology, j.Topology)}
	case old == nil && len(r.members) >= r.maxMembers:
		return &signaling.Error{Code: signaling.CodeRoomFull,
			Text: fmt.Sprintf("room %q has %d members", r.name, len(r.members))}
	case roster > maxRoster:
		return &signaling.Error{Code: signaling.CodeRoomFull,
			Text: fmt.Sprintf("room %q has no space for more metadata or channels", r.name)}
	}
	return nil
}

func (r *room) add(id signaling.PeerID, j signaling.Join) *Member {
	r.generation++
	r.forgetLeft(id)
	r.founded = r.founded || id == r.host // even if the record of the room did not say so yet
	m := &Member{room: r, id: id, since: time.Now(), generation: r.generation}
	m.describe(j)
	r.members[id] = m
	r.dirty = true
	r.store.counters.members.Add(1)
	return m
}

// retake gives m the generation of the place that it had lost, if there is one: its tickets have it. The caller holds mu.
func (r *room) retake(m *Member) {
	if i := slices.IndexFunc(r.lost, func(p place) bool { return p.id == m.id }); i >= 0 {
		m.generation = r.lost[i].generation
		r.lost = slices.Delete(r.lost, i, i+1)
	}
}

// newID returns an id for a newcomer. The first one that may be the host gets the host's id, which is given only
// once. The others get a random id, so that an id reveals nothing and is not soon given again.
func (r *room) newID(mayHost bool) signaling.PeerID {
	if !r.founded && mayHost {
		r.founded = true
		return r.host
	}
	for {
		if id := signaling.RandomID(); r.members[id] == nil && !r.returned[id] {
			return id
		}
	}
}

// welcome sends the state of the room to a member that was attached to s, and then the signals that were kept for it,
// except those from members that are gone. Slow work is done without a lock.
func (m *Member) welcome(s Session, resumed bool) {
	r := m.room
	r.mu.Lock()
	ticket := m.ticket()
	m.issued, r.dirty = true, r.dirty || !m.issued
	r.mu.Unlock()
	token, err := r.store.tickets.seal(ticket)
	servers, validity := r.store.iceServers(r.name, m.id)
	r.mu.Lock()
	defer r.unlock()
	if m.session != s {
		return // it was removed meanwhile, or another session took over
	}
	m.welcoming = false
	if err != nil {
		s.Fail(&signaling.Error{Code: signaling.CodeInternal, Text: err.Error()})
		return
	}
	s.Welcomed(m, m.attachment(), token)
	limits := r.limits()
	if !s.Forwards() {
		limits.RelayRate = 0
	}
	var guests []signaling.PeerID
	if r.fixed.Migrates && resumed && m.id != r.host {
		guests = r.guests()
	}
	m.deliver(Prepare(signaling.Welcome{
		ID:             m.id,
		Room:           r.name,
		Topology:       r.topology,
		Host:           r.host,
		Term:           r.term,
		Members:        r.others(m.id),
		Guests:         guests,
		Resume:         token,
		Resumed:        resumed,
		Sealed:         r.sealed,
		Locked:         r.locked,
		HostAwayMillis: r.hostAway(),
		ICEServers:     servers,
		RelayLinks:     s.Forwards(),
		Limits:         limits,
	}))
	for _, kept := range m.takeKept() {
		if signal, ok := kept.(signaling.Signal); ok && r.members[signal.From] != nil {
			m.deliver(Prepare(signal))
		}
	}
	m.renewAfter(validity)
	if !slices.Equal(r.kickedLast(), ticket.Kicked) {
		m.reissue = max(1, r.store.clock.Now()) // a member was removed after the ticket was made
	}
	m.schedule()
}

// limits returns the limits for the welcome. It leaves out limits that are not set.
func (r *room) limits() signaling.Limits {
	l := r.store.config.Limits
	l.Members, l.GraceMillis = r.maxMembers, int(max(r.store.config.Grace, 0).Milliseconds())
	return l
}

// hostAway returns how long the place of an absent host is still kept, in milliseconds. It returns 0 if the host is
// here, or if the room goes on without one (endsWithHost).
func (r *room) hostAway() int {
	host := r.members[r.host]
	if !r.endsWithHost() || host == nil || host.session != nil {
		return 0
	}
	return max(1, int((host.graceEnd - r.store.clock.Now()).Milliseconds()))
}

// unlock ends a change and unlocks mu. A room without members is gone, and the Store forgets it. Store.mu comes first
// in the lock order, so that happens after mu is unlocked.
func (r *room) unlock() {
	r.gone = len(r.members) == 0
	gone, sleeps, elsewhere := r.gone, len(r.lost) > 0, r.elsewhere
	if r.dirty && !elsewhere {
		r.store.changed(r.name) // with the lock held: see Settle
	}
	r.dirty = false
	if gone && r.closing != nil {
		r.closing.Stop()
	}
	if gone && r.emptyEnd != nil {
		r.emptyEnd.Stop()
	}
	if gone {
		r.answerNobody()
	}
	r.mu.Unlock()
	if gone {
		r.store.forgetRoom(r, sleeps, elsewhere)
	}
}

func randomUint64() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:])
}
