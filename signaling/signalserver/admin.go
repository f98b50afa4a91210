package signalserver

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
)

// RoomInfo and MemberInfo describe rooms and members to the operator of the server.
type (
	RoomInfo   = rooms.RoomInfo
	MemberInfo = rooms.MemberInfo
)

// These methods cover all servers that share the rooms. A server that does not answer within a second is left out.

// Rooms returns all rooms in the order of their names.
func (s *Server) Rooms() []RoomInfo {
	list := s.rooms.Rooms()
	for _, others := range ask[[]RoomInfo](s, opRooms, nil) {
		list = append(list, others...)
	}
	slices.SortFunc(list, func(a, b RoomInfo) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// Members returns the members of a room in the order of their ids, or false if there is no such room.
func (s *Server) Members(room signaling.RoomName) ([]MemberInfo, bool) {
	list, ok := s.rooms.Members(room)
	for _, others := range ask[[]MemberInfo](s, opMembers, order{Room: room}) {
		if len(list) == 0 {
			list, ok = others, len(others) > 0
		}
	}
	return list, ok
}

// Kick removes a member from its room. The member gets the error kicked with the given reason, its ticket becomes
// void, and the other members are told to close their links with it. Kick reports whether there was such a member.
func (s *Server) Kick(room signaling.RoomName, id signaling.PeerID, reason string) bool {
	return s.rooms.Kick(room, id, reason) || s.askWhether(opKick, order{Room: room, ID: id, Reason: reason})
}

// CloseRoom ends a room: its members get the error room_closed with the given reason. It reports whether there was
// such a room.
func (s *Server) CloseRoom(room signaling.RoomName, reason string) bool {
	return s.rooms.CloseRoom(room, reason) || s.askWhether(opClose, order{Room: room, Reason: reason})
}

// SetLocked closes a room to newcomers, or opens it again, as its host can. The members are told. It reports whether
// there is such a room.
func (s *Server) SetLocked(room signaling.RoomName, locked bool) bool {
	return s.rooms.SetLocked(room, locked) || s.askWhether(opLock, order{Room: room, Locked: locked})
}

// SetDraining sets whether the server refuses all joins, even of members that resume: new sessions are answered with
// 503 and Retry-After, and a join in an open session with shutting_down. Members stay.
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

// Drain calls SetDraining(true) and tells all sessions to reconnect later. They then reach another server with the
// same Config.ResumeKey, or this one after SetDraining(false). Links between peers go on. Drain returns when the
// sessions have ended, or with the cause of ctx.
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
