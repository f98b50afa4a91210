package rooms

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"slices"
	"time"

	"example.org/rtcpeer/signaling"
)

// What whoever runs the server may know and do.

// A RoomInfo is what there is to know of a room, for who runs the server.
type RoomInfo struct {
	Name       signaling.RoomName
	Topology   signaling.Topology
	Created    time.Time // here: for a room that survived a restart, when it was rebuilt
	Members    int       // those within their grace time included
	MaxMembers int
	Public     bool
	Locked     bool
	Sealed     bool
	Password   bool            // it has one
	Metadata   json.RawMessage // of the room; nil if there is none
}

// A MemberInfo is what there is to know of a member.
type MemberInfo struct {
	ID        signaling.PeerID
	Connected bool       // false within its grace time
	Remote    netip.Addr // of its present or last connection; not valid if not known
	Since     time.Time  // it has its place
	Expires   time.Time  // Grant.Expires; zero if never
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
		Public:     r.terms.Public,
		Locked:     r.locked,
		Sealed:     r.sealed,
		Password:   r.terms.Password != nil,
		Metadata:   slices.Clone(r.terms.Metadata),
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

// full returns all there is to know. room.mu is held.
func (m *Member) full() MemberInfo {
	return MemberInfo{ID: m.id, Connected: m.session != nil, Remote: m.remote, Since: m.since, Expires: m.until, Subject: m.subject, Metadata: slices.Clone(m.info.Metadata)}
}

// Kick takes a member out of its room. It gets the error kicked with the given reason, its ticket is
// void, and the others are told to give up their links with it. It reports whether there was one.
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

// CloseRoom ends a room: its members get the error room_closed with the given reason. It reports
// whether there was one.
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

// SetLocked closes a room for newcomers, or opens it again, as its host can. Its members are told. It reports whether
// there is one.
func (s *Store) SetLocked(room signaling.RoomName, locked bool) bool {
	r := s.room(room)
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.unlock()
	return len(r.members) > 0 && !r.moves() && r.lock(signaling.Lock{Open: !locked}) == nil
}

// Expel takes out all members that are meant, of all rooms, with an error: their tickets are void. Meant is called with
// the lock of a room held.
func (s *Store) Expel(meant func(remote netip.Addr, subject string, of Seat) bool, why *signaling.Error) {
	for _, r := range s.allRooms() {
		r.expelAll(func(m *Member) bool { return meant(m.remote, m.subject, Seat{r.nonce, m.id}) }, why)
	}
}

// banned returns why a session may not have a seat in the room, or nil. room.mu is held.
func (r *room) banned(s Session, subject string, id signaling.PeerID) error {
	if r.store.config.Banned == nil {
		return nil
	}
	if why := r.store.config.Banned(s.Remote(), subject, Seat{r.nonce, id}); why != nil {
		return why
	}
	return nil
}

// Who returns where the member's latest session came from, the subject of its grant, and its seat.
func (m *Member) Who() (remote netip.Addr, subject string, of Seat) {
	m.room.mu.Lock()
	defer m.room.mu.Unlock()
	return m.remote, m.subject, Seat{m.room.nonce, m.id}
}

// Expel takes the member out with an error: its ticket is void.
func (m *Member) Expel(why *signaling.Error) {
	m.room.expelAll(func(other *Member) bool { return other == m }, why)
}
