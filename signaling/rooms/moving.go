package rooms

import (
	"cmp"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"example.org/rtcpeer/signaling"
)

// How a room moves from one server to another. The former owner calls Surrender, the next one Adopt with the Record, and
// then Attach for each session. The clients do not notice: they are told only what they do not know yet (View). The
// comment of package cluster draws the whole move.

// ErrElsewhere is returned for a room that is not, or no longer, on this server.
var ErrElsewhere = errors.New("rooms: the room is on another server")

// A Record is what another server needs to take over a room.
type Record struct {
	Nonce   uint64             `json:"nonce"`
	Fixed   fixed              `json:"terms"`
	Created time.Time          `json:"created"`
	Sealed  bool               `json:"sealed,omitzero"`
	Locked  bool               `json:"locked,omitzero"`
	Founded bool               `json:"founded,omitzero"`
	Kicked  []signaling.PeerID `json:"kicked,omitempty"`
	Left    []departure        `json:"left,omitempty"`
	Host    signaling.PeerID   `json:"host,omitzero"` // for a room that migrates
	Term    int                `json:"term,omitzero"`
	Heir    signaling.PeerID   `json:"heir,omitzero"` // the successor that the host has named
	Demoted []demotion         `json:"demoted,omitempty"`
	Members []seated           `json:"members,omitempty"`
	Asleep  bool               `json:"asleep,omitzero"` // the Members were lost

	room    *room  // for Written
	answers uint64 // of room.answered, when the Record is written
}

// seated is a member in a Record.
type seated struct {
	ID       signaling.PeerID `json:"id"`
	Tickets  []origin         `json:"tickets"`
	HostLost bool             `json:"host_lost,omitzero"` // its report that it has lost the host counts
}

// Record returns the Record of a room, which may be asleep, or false if there is no such room. The caller writes it, and
// then calls Written.
func (s *Store) Record(name signaling.RoomName) (Record, bool) {
	r := s.awakeOrAsleep(name)
	if r == nil {
		return Record{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.record(), !r.elsewhere && (!r.gone || len(r.lost) > 0)
}

// record is Record for callers that hold room.mu.
func (r *room) record() Record {
	rec := Record{Nonce: r.nonce, Fixed: r.fixed, Created: r.created, Sealed: r.sealed, Locked: r.locked, Founded: r.founded, Kicked: r.kicked, Left: r.left,
		room: r, answers: r.answered + uint64(len(r.pending))}
	if r.fixed.Migrates {
		rec.Host, rec.Term, rec.Heir, rec.Demoted = r.host, r.term, r.heir, r.demoted
	}
	for _, m := range r.inOrder() {
		rec.Members = append(rec.Members, seated{m.id, m.origins(), m.hasLostHost()})
	}
	if r.gone {
		rec.Asleep = true
		for _, p := range r.lost {
			rec.Members = append(rec.Members, seated{ID: p.id, Tickets: []origin{{r.process, p.generation}}})
		}
	}
	return rec
}

// origins returns the origins of the tickets with which the member may come back. The caller holds room.mu.
func (m *Member) origins() []origin {
	tickets := slices.Clone(m.earlier)
	if m.issued || len(tickets) == 0 {
		tickets = append(tickets, origin{m.room.process, m.generation})
	}
	return tickets
}

// inOrder returns the members in the order in which they got their places.
func (r *room) inOrder() []*Member {
	return slices.SortedFunc(maps.Values(r.members), func(a, b *Member) int { return cmp.Compare(a.generation, b.generation) })
}

// RecordOf returns the part of a Record that a resume token holds, or an error if the room or the member is over.
func (s *Store) RecordOf(token string) (Record, error) {
	t, err := s.tickets.open(token)
	if err == nil {
		err = s.checkVoid(t)
	}
	return Record{Nonce: t.Nonce, Fixed: t.Fixed, Created: time.Now(), Sealed: t.Fixed.Sealed, Founded: true, Kicked: t.Kicked, Host: t.Host, Term: t.Term, Demoted: t.Demoted}, err
}

// Adopt takes over a room of another server, unless this server has a room of that name, or the room is over. The
// members have their places as if their sessions had just been lost: Attach or their tickets bring them back. If the
// Record says that the room is asleep, it sleeps here. If it does not, but the room is asleep here, the room wakes for a
// member that Attach brings back.
func (s *Store) Adopt(name signaling.RoomName, rec Record, founder Account) {
	if s.void.has(Seat{Nonce: rec.Nonce}) {
		return // the room has ended, but its owner had no time to delete the key
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms[name] != nil {
		return
	}
	sleeps := rec.Asleep
	if i := s.sleeping(rec.Nonce); i >= 0 && !sleeps {
		rec = s.asleep[i].awoken()
		s.asleep = slices.Delete(s.asleep, i, i+1)
	}
	r := newRoom(s, name, rec.Fixed)
	r.nonce, r.process, r.created, r.sealed, r.locked, r.founded = rec.Nonce, randomUint64(), rec.Created, rec.Sealed, rec.Locked, rec.Founded
	r.kicked, r.left, r.returned, r.movedUntil = rec.Kicked, rec.Left, make(map[signaling.PeerID]bool), s.clock.Now()+s.config.RebuildTime
	r.settled = s.clock.Now() + settleTime
	r.host, r.term, r.heir = cmp.Or(rec.Host, signaling.Host), max(r.term, rec.Term), rec.Heir
	r.founder = founder
	if sleeps {
		r.gone = true
		r.restorePlaces(rec)
		s.lull(r)
		return
	}
	founder.Force(roomCost(r.fixed))
	s.add(r)
	s.tellRebuilt(name)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restorePlaces(rec)
	r.endAfterSeal()
	if len(rec.Members) == 0 { // nothing is known of the members until their sessions or tickets come
		r.emptyEnd = s.clock.After(max(s.config.Grace, s.config.RebuildTime), r.endIfEmpty)
	}
}

// restorePlaces gives the members of a Record their places again, or notes that their places were lost. The caller holds mu,
// if others know the room already.
func (r *room) restorePlaces(rec Record) {
	r.learnDemotions(rec.Demoted)
	for _, one := range rec.Members {
		if rec.Asleep {
			r.generation++
			r.lost.add(place{one.ID, r.generation})
			continue
		}
		m := r.add(one.ID, signaling.Join{})
		m.awaited, m.adopted, m.earlier = true, true, one.Tickets[max(0, len(one.Tickets)-maxEarlier):]
		if one.HostLost { // how long ago is not known
			m.hostLost = max(1, r.store.clock.Now())
		}
		m.detach()
	}
}

// awoken returns the Record of a room that wakes because a member is attached again. The client of the member has not
// noticed that all places were lost: it must not be told of that either.
func (r *room) awoken() Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.record()
	rec.Left = slices.DeleteFunc(slices.Clone(rec.Left), func(d departure) bool { return d.Reason == signaling.LeftLost })
	return rec
}

// endIfEmpty forgets an adopted room if no member has come.
func (r *room) endIfEmpty() {
	r.mu.Lock()
	r.unlock()
}

// Settle waits until Config.Changed has been called for all changes to rooms that Config.Acts has allowed before.
func (s *Store) Settle() {
	for _, r := range s.allRooms() {
		r.mu.Lock()
		_ = r.dirty // the callers that held the lock before have finished
		r.mu.Unlock()
	}
}

// Surrender forgets a room and returns its Record, so that another server can take it over. No member is told. For a room
// that is asleep it returns no Record.
func (s *Store) Surrender(name signaling.RoomName) (Record, bool) {
	s.mu.Lock()
	s.asleep = slices.DeleteFunc(s.asleep, func(r *room) bool { return r.name == name })
	r := s.rooms[name]
	s.mu.Unlock()
	if r == nil {
		return Record{}, false
	}
	r.mu.Lock()
	rec, ok := r.record(), !r.gone && !r.elsewhere
	r.elsewhere, r.lost, r.returned = true, nil, nil
	for _, m := range r.members {
		r.drop(m)
	}
	r.unlock()
	return rec, ok
}

// Owned returns the names of all rooms, including those that are asleep.
func (s *Store) Owned() []signaling.RoomName {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]signaling.RoomName, 0, len(s.rooms)+len(s.asleep))
	for name := range s.rooms {
		names = append(names, name)
	}
	for _, r := range s.asleep {
		names = append(names, r.name)
	}
	return names
}

// Has reports whether there is a room of that name, awake or asleep.
func (s *Store) Has(name signaling.RoomName) bool { return s.awakeOrAsleep(name) != nil }

// Awake reports whether there is a room of that name that is not asleep.
func (s *Store) Awake(name signaling.RoomName) bool { return s.room(name) != nil }

// An Attachment describes a member and its session, for a room that has moved.
type Attachment struct {
	Room  signaling.RoomName `json:"room"`
	Seat  Seat               `json:"seat"`
	Join  signaling.Join     `json:"join"`
	Grant Grant              `json:"grant"`
	// Tickets are the origins of the tickets with which the member may come back.
	Tickets []origin `json:"tickets,omitempty"`
}

// Attachment returns what another server needs to attach the member.
func (m *Member) Attachment() Attachment {
	m.room.mu.Lock()
	defer m.room.mu.Unlock()
	return m.attachment()
}

// attachment is Attachment for callers that hold room.mu.
func (m *Member) attachment() Attachment {
	i := m.info
	return Attachment{
		Room:    m.room.name,
		Seat:    Seat{m.room.nonce, m.id},
		Join:    signaling.Join{Channels: i.Channels, Metadata: i.Metadata, OneAttempt: i.OneAttempt, Features: i.Features, Incarnation: i.Incarnation},
		Grant:   Grant{Expires: m.until, Subject: m.subject, MayHost: m.mayHost, Name: m.name, Fixed: m.fixed},
		Tickets: m.origins(),
	}
}

// Token returns a resume token for the member.
func (m *Member) Token() (string, error) {
	r := m.room
	r.mu.Lock()
	reissue := m.reissue
	t := m.ticket()
	m.reissue = reissue
	r.mu.Unlock()
	return r.store.tickets.seal(t)
}

// Attach gives a session to its member again, after the room has moved or the session's server was lost. The View of the
// session says what the client has been told; Attach tells it the rest. Members that know this one are not told.
func (s *Store) Attach(session Session, a Attachment) (*Member, error) {
	r := s.room(a.Room)
	if r == nil {
		return nil, ErrElsewhere
	}
	r.mu.Lock()
	defer r.unlock()
	m := r.members[a.Seat.ID]
	reason, left := r.whyLeft(a.Seat.ID)
	switch {
	case r.elsewhere:
		return nil, ErrElsewhere
	case r.nonce != a.Seat.Nonce:
		return nil, refuseResume("the name %q belongs to a newer room", r.name)
	case slices.Contains(r.kicked, a.Seat.ID):
		return nil, kicked("")
	case m != nil && m.session != nil && m.session != session:
		return nil, &signaling.Error{Code: signaling.CodeReplaced, Text: "another connection has taken over"}
	case left && reason != signaling.LeftLost, m == nil && !left && r.returned[a.Seat.ID]:
		return nil, refuseResume("member %d has left room %q", a.Seat.ID, r.name)
	}
	if err := r.banned(session, a.Grant.Subject, a.Seat.ID); err != nil {
		return nil, err
	}
	if knew := session.View().State(); knew.Host != 0 { // the owner before had no time to record it
		r.learnHost(knew.Host, knew.Term, a.Seat.ID)
		m = r.members[a.Seat.ID]
	}
	unseen := m == nil || m.awaited
	if m == nil { // it joined just before the room moved, or its place was given up
		m = r.add(a.Seat.ID, a.Join)
		r.retake(m)
	}
	for _, o := range a.Tickets { // the record may be older than the latest ticket
		m.cameWith(o)
	}
	m.describe(a.Join)
	session.Account().Force(MemberCost(a.Join))
	m.charge(session.Account(), MemberCost(a.Join))
	m.grant(a.Grant)
	m.stopGrace()
	m.session, m.remote, m.awaited, m.missing, m.adopted = session, session.Remote(), false, false, true
	if r.emptyEnd != nil && len(r.returned) == 0 { // the record is lost: the first one says what it was
		r.locked = session.View().State().Locked
	}
	if r.returned != nil {
		r.returned[m.id] = true
	}
	m.catchUp()
	if m.hostLost != 0 {
		r.lookAtHost()
	}
	soon := r.store.clock.Now() + rand.N(attachedSoon) + 1
	m.reissue = soon
	if r.store.config.ICEServersFor != nil {
		m.renew = soon
	}
	m.schedule()
	if unseen {
		p := Prepare(signaling.Joined{Member: m.info})
		for _, other := range r.members {
			if r.linked(m.id, other.id) && other.session != nil { // the others learn of it when they are attached
				other.deliver(p)
			}
		}
	}
	return m, nil
}

// catchUp tells a member what it does not know yet. What was kept for it comes in between, so that a signal comes after
// the Joined and before the Left of its sender. The caller holds room.mu.
func (m *Member) catchUp() {
	r := m.room
	if m.told != nil && m.session.View() != nil {
		m.session.View().doubt(m.told)
	}
	m.told = nil
	knew := m.session.View().State()
	if r.fixed.Migrates && knew.Term < r.term {
		m.deliver(Prepare(r.hostFor(m)))
	}
	for _, other := range r.members {
		if r.linked(m.id, other.id) && !other.awaited {
			m.deliver(&Prepared{Message: signaling.Joined{Member: other.info}, again: true})
		}
	}
	for _, message := range m.takeKept() {
		m.deliver(Prepare(message))
	}
	for _, k := range knew.Members {
		r.miss(m, k.id())
	}
	for _, id := range m.session.View().doubts() {
		r.miss(m, id)
	}
	if m.session.View() == nil {
		return
	}
	is := m.session.View().State()
	if is.Sealed {
		_ = r.seal(nil) // the owner before had no time to record it
	}
	if r.sealed {
		m.deliver(&Prepared{Message: signaling.Sealed{}, again: true})
	}
	if r.locked != is.Locked {
		m.deliver(&Prepared{Message: signaling.Lock{Open: !r.locked}, again: true})
	}
}

// miss handles a member that m knows, if it is not in the room. Either it is gone and m was not told, or it joined just
// before the room moved: then, as long as its ticket is valid here (checkEarlier), it has a place as if its session had just
// been lost. The caller holds mu.
func (r *room) miss(m *Member, id signaling.PeerID) {
	if r.members[id] != nil || id == m.id {
		return
	}
	reason, left := r.whyLeft(id)
	switch {
	case left:
	case slices.Contains(r.kicked, id):
		reason = signaling.LeftKicked
	case r.returned == nil || r.returned[id] || !r.store.rebuilding() && r.store.clock.Now() >= r.movedUntil:
		reason = signaling.LeftLost
	default:
		expected := r.add(id, signaling.Join{})
		r.retake(expected)
		expected.awaited, expected.adopted = true, true
		expected.detach()
		return
	}
	m.deliver(&Prepared{Message: signaling.Left{ID: id, Reason: reason}, again: true})
}

// attachedSoon is the time within which a member that was attached again gets a ticket of this process.
const attachedSoon = 10 * time.Second

// moves reports whether the room is on another server or may be about to move, so that a change made now might not be
// known there. The caller holds room.mu.
func (r *room) moves() bool { return r.elsewhere || !r.store.acts() }

func (s *Store) acts() bool { return s.config.Acts == nil || s.config.Acts() }

func (s *Store) changed(name signaling.RoomName) {
	if s.config.Changed != nil {
		s.config.Changed(name)
	}
}

// Handle handles a message of a member that came over s. An error that is not a *signaling.Error is ErrElsewhere, or
// internal.
func (m *Member) Handle(s Session, message signaling.Message) error {
	if !m.room.store.acts() {
		return ErrElsewhere
	}
	switch message := message.(type) {
	case signaling.Signal:
		if message.To == 0 {
			return &signaling.Error{Code: signaling.CodeBadMessage, Text: "signal: no to"}
		}
		return m.Signal(s, message)
	case signaling.Seal:
		return m.Seal(s)
	case signaling.Lock:
		return m.Lock(s, message)
	case signaling.Kick:
		return m.Kick(s, message)
	case signaling.Successor:
		return m.Successor(s, message)
	case signaling.HostLost:
		return m.HostLost(s, message)
	case signaling.Metadata:
		return m.SetMetadata(s, message.Metadata)
	case signaling.Leave:
		m.Leave(s)
		return nil
	}
	return &signaling.Error{Code: signaling.CodeBadMessage, Text: string(message.Kind()) + ": only the server may send it"}
}
