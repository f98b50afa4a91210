package rooms

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"slices"
	"time"

	"example.org/rtcpeer/signaling"
)

// Queries and commands for the operator of the server.

// A RoomInfo describes a room to the operator of the server.
type RoomInfo struct {
	Name       signaling.RoomName
	Topology   signaling.Topology
	Created    time.Time // for a room that survived a restart of its server, when it was rebuilt
	Members    int       // including those within their grace period
	MaxMembers int
	Public     bool
	Locked     bool
	Sealed     bool
	Password   bool            // the room has a password
	Metadata   json.RawMessage // of the room; nil if there is none
}

// A MemberInfo describes a member to the operator of the server.
type MemberInfo struct {
	ID        signaling.PeerID
	Connected bool       // false within its grace period
	Remote    netip.Addr // of its current or last connection; invalid if unknown
	Since     time.Time  // when it got its place
	Expires   time.Time  // Grant.Expires; zero: never
	Subject   string     // Grant.Subject
	Metadata  json.RawMessage
}

// Rooms returns all rooms in the order of their names.
func (s *Store) Rooms() []RoomInfo {
	rooms := s.allRooms()
	list := make([]RoomInfo, 0, len(rooms))
	for _, r := range rooms {
		if info := r.info(); info.Members > 0 {
			list = append(list, info)
		}
	}
	return list
}

func (r *room) info() RoomInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	return RoomInfo{
		Name:       r.name,
		Topology:   r.topology,
		Created:    r.created,
		Members:    len(r.members),
		MaxMembers: r.maxMembers,
		Public:     r.fixed.Public,
		Locked:     r.locked,
		Sealed:     r.sealed,
		Password:   r.fixed.Password != nil,
		Metadata:   slices.Clone(r.fixed.Metadata),
	}
}

// Members returns the members of a room in the order of their ids, or false if there is no such room.
func (s *Store) Members(room signaling.RoomName) ([]MemberInfo, bool) {
	r := s.room(room)
	if r == nil {
		return nil, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]MemberInfo, 0, len(r.members))
	for _, m := range r.members {
		list = append(list, m.full())
	}
	slices.SortFunc(list, func(a, b MemberInfo) int { return cmp.Compare(a.ID, b.ID) })
	return list, len(list) > 0
}

// full returns the MemberInfo of the member. The caller holds room.mu.
func (m *Member) full() MemberInfo {
	return MemberInfo{ID: m.id, Connected: m.session != nil, Remote: m.remote, Since: m.since, Expires: m.until, Subject: m.subject, Metadata: slices.Clone(m.info.Metadata)}
}

// Kick removes a member from its room. The member gets the error kicked with the given reason, its ticket becomes
// void, and the other members are told to close their links with it. Kick reports whether there was such a member.
func (s *Store) Kick(room signaling.RoomName, id signaling.PeerID, reason string) bool {
	r := s.room(room)
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.unlock()
	m := r.members[id]
	if m == nil || r.moves() {
		return false
	}
	r.expel(m, kicked(reason), signaling.LeftKicked)
	s.counters.kicks.Add(1)
	return true
}

// CloseRoom ends a room: its members get the error room_closed with the given reason. It reports whether there was
// such a room.
func (s *Store) CloseRoom(room signaling.RoomName, reason string) bool {
	r := s.room(room)
	if r == nil {
		return s.closeAsleep(room)
	}
	r.mu.Lock()
	defer r.unlock()
	if r.moves() {
		return false
	}
	r.end(&signaling.Error{Code: signaling.CodeRoomClosed, Text: cmp.Or(reason, "the room was closed")})
	return true
}

// SetLocked closes a room to newcomers, or opens it again, as its host can. The members are told. If servers share their
// rooms, it waits until the Record is written. It returns false if there is no such room here, or if the room moves to
// another server meanwhile.
func (s *Store) SetLocked(room signaling.RoomName, locked bool) bool {
	r := s.room(room)
	if r == nil {
		return false
	}
	done := make(chan bool, 1)
	return r.setLocked(locked, done) && <-done
}

func (r *room) setLocked(locked bool, done chan<- bool) bool {
	r.mu.Lock()
	defer r.unlock()
	return len(r.members) > 0 && !r.moves() && r.lock(signaling.Lock{Open: !locked}, nil, done) == nil
}

// Expel removes from all rooms the members for which meant returns true, with an error. Their tickets become void.
// Meant is called with the lock of a room held.
func (s *Store) Expel(meant func(remote netip.Addr, subject string, of Seat) bool, why *signaling.Error) {
	for _, r := range s.allRooms() {
		r.expelAll(func(m *Member) bool { return meant(m.remote, m.subject, Seat{r.nonce, m.id}) }, why)
	}
}

// banned returns why a session may not have a seat in the room, or nil. The caller holds room.mu.
func (r *room) banned(s Session, subject string, id signaling.PeerID) error {
	if r.store.config.Banned == nil {
		return nil
	}
	if why := r.store.config.Banned(s.Remote(), subject, Seat{r.nonce, id}); why != nil {
		return why
	}
	return nil
}

// Who returns the address of the member's latest session, the subject of its grant, and its seat.
func (m *Member) Who() (remote netip.Addr, subject string, of Seat) {
	m.room.mu.Lock()
	defer m.room.mu.Unlock()
	return m.remote, m.subject, Seat{m.room.nonce, m.id}
}

// Expel removes the member with an error. Its ticket becomes void.
func (m *Member) Expel(why *signaling.Error) {
	m.room.expelAll(func(other *Member) bool { return other == m }, why)
}
