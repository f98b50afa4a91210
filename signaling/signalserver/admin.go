package signalserver

import (
	"context"
	"encoding/json"
	"net/netip"
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
	Metadata  json.RawMessage
}

// Rooms returns all rooms in the order of their names.
func (s *Server) Rooms() []RoomInfo { return nil }

// Members returns the members of a room in the order of their ids, or false if there is no such room.
func (s *Server) Members(room signaling.RoomName) ([]MemberInfo, bool) { return nil, false }

// Kick takes a member out of its room. It gets the error kicked with the given reason, its ticket is
// void, and the others are told to give up their links with it. It reports whether there was one.
func (s *Server) Kick(room signaling.RoomName, id signaling.PeerID, reason string) bool { return false }

// CloseRoom ends a room: its members get the error room_closed with the given reason. It reports
// whether there was one.
func (s *Server) CloseRoom(room signaling.RoomName, reason string) bool { return false }

// SetDraining decides whether the server takes nobody, not even who comes back: new sessions are
// answered with 503 and Retry-After, and a join in an open one with shutting_down. Members stay.
func (s *Server) SetDraining(draining bool) {}

// Drain is SetDraining(true), and tells all sessions to come back later, which is to another server
// with the same Config.ResumeKey, or to this one after SetDraining(false). Links between peers go on.
// It returns when the sessions have ended, or the cause of ctx.
func (s *Server) Drain(ctx context.Context) error { return nil }
