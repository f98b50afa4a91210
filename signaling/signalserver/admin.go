package signalserver

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
)

// RoomInfo and MemberInfo are what there is to know, for who runs the server.
type (
	RoomInfo   = rooms.RoomInfo
	MemberInfo = rooms.MemberInfo
)

// Rooms returns all rooms in the order of their names.
func (s *Server) Rooms() []RoomInfo { return s.rooms.Rooms() }

// Members returns the members of a room in the order of their ids, or false if there is no such room.
func (s *Server) Members(room signaling.RoomName) ([]MemberInfo, bool) { return s.rooms.Members(room) }

// Kick takes a member out of its room. It gets the error kicked with the given reason, its ticket is
// void, and the others are told to give up their links with it. It reports whether there was one.
func (s *Server) Kick(room signaling.RoomName, id signaling.PeerID, reason string) bool {
	return s.rooms.Kick(room, id, reason)
}

// CloseRoom ends a room: its members get the error room_closed with the given reason. It reports
// whether there was one.
func (s *Server) CloseRoom(room signaling.RoomName, reason string) bool {
	return s.rooms.CloseRoom(room, reason)
}

// SetLocked closes a room for newcomers, or opens it again, as its host can. Its members are told. It reports whether
// there is one.
func (s *Server) SetLocked(room signaling.RoomName, locked bool) bool {
	return s.rooms.SetLocked(room, locked)
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
