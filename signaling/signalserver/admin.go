package signalserver

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"example.org/rtcpeer/signaling"
)

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
func (s *Server) Rooms() []RoomInfo {
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
func (s *Server) Members(room signaling.RoomName) ([]MemberInfo, bool) {
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
func (m *member) full() MemberInfo {
	return MemberInfo{ID: m.id, Connected: m.session != nil, Remote: m.remote, Since: m.since, Expires: m.until, Subject: m.subject, Metadata: slices.Clone(m.info.Metadata)}
}

// Kick takes a member out of its room. It gets the error kicked with the given reason, its ticket is
// void, and the others are told to give up their links with it. It reports whether there was one.
func (s *Server) Kick(room signaling.RoomName, id signaling.PeerID, reason string) bool {
	r := s.room(room)
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.unlock()
	m := r.members[id]
	if m == nil {
		return false
	}
	r.expel(m, kicked(reason), signaling.LeftKicked)
	s.counters.kicks.Add(1)
	return true
}

// CloseRoom ends a room: its members get the error room_closed with the given reason. It reports
// whether there was one.
func (s *Server) CloseRoom(room signaling.RoomName, reason string) bool {
	r := s.room(room)
	if r == nil {
		return s.closeAsleep(room)
	}
	r.mu.Lock()
	defer r.unlock()
	r.end(&signaling.Error{Code: signaling.CodeRoomClosed, Text: cmp.Or(reason, "the room was closed")})
	return true
}

// SetLocked closes a room for newcomers, or opens it again, as its host can. Its members are told. It reports whether
// there is one.
func (s *Server) SetLocked(room signaling.RoomName, locked bool) bool {
	r := s.room(room)
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.unlock()
	return len(r.members) > 0 && r.lock(signaling.Lock{Open: !locked}) == nil
}

// SetDraining decides whether the server takes nobody, not even who comes back: new sessions are
// answered with 503 and Retry-After, and a join in an open one with shutting_down. Members stay.
func (s *Server) SetDraining(draining bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = draining
}

func (s *Server) isDraining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

// Drain is SetDraining(true), and tells all sessions to come back later, which is to another server
// with the same Config.ResumeKey, or to this one after SetDraining(false). Links between peers go on.
// It returns when the sessions have ended, or the cause of ctx.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	sessions := slices.Collect(maps.Keys(s.sessions))
	if s.drained == nil {
		s.drained = make(chan struct{})
	}
	drained := s.drained
	s.mu.Unlock()
	if len(sessions) == 0 {
		return nil
	}
	sendAway(sessions)
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("signalserver: drain: %w", context.Cause(ctx))
	}
}
