package signaling

import "encoding/json"

// A NewRoom describes the room that a Join creates. It is ignored if the room exists.
type NewRoom struct {
	// Public includes the room in answers to List.
	Public bool `json:"public,omitempty"`
	// Metadata describes the room in these answers: any JSON, at most MaxMetadata bytes. If it is an object, List can
	// filter by its fields whose values are strings, numbers or booleans.
	Metadata json.RawMessage `json:"metadata,omitempty"`
	// MaxMembers is the most members of the room. Zero, or more than the server's limit, means the server's limit.
	MaxMembers int `json:"max_members,omitempty"`
	// Migrates lets a star outlive its host: when the host is gone, the server names another one. It has no effect in
	// a mesh.
	Migrates bool `json:"migrates,omitempty"`
	// HostTimeoutMillis is how long the server keeps the place of a host that has lost its connection, in a room that
	// migrates, in milliseconds. Zero means 10,000; the maximum is MaxHostTimeout. It is never longer than the grace
	// period of the server.
	HostTimeoutMillis int `json:"host_timeout_ms,omitempty"`
}

// A Create says whether a Join may create a room.
type Create string

const (
	CreateMissing Create = ""      // create the named room if it does not exist
	CreateNever   Create = "never" // never create it: CodeUnknownRoom if the room does not exist
	CreateOnly    Create = "only"  // always create it: CodeRoomExists if the room exists
)

// A Match asks to be put together with others who ask for the same Key, Size and Topology, in the order in which they
// ask. When there are Size of them, the server puts them into a new sealed room and welcomes all of them. A session
// that waits is not yet a member: if it loses its connection, it no longer waits.
type Match struct {
	Key  string `json:"key"`  // 1 to MaxMatchKey bytes
	Size int    `json:"size"` // 2 to MaxMatchSize
}

const (
	// MaxMatchKey is the longest key of a Match, in bytes.
	MaxMatchKey = 128
	// MaxMatchSize is the largest size of a Match.
	MaxMatchSize = 64
	// MaxPassword is the longest password of a room, in bytes.
	MaxPassword = 128
	// MaxHostTimeout is the largest NewRoom.HostTimeoutMillis.
	MaxHostTimeout = 600_000
)

func (n NewRoom) validate() error {
	switch {
	case len(n.Metadata) > MaxMetadata:
		return badMessage("join: new_room: metadata of %d bytes: at most %d", len(n.Metadata), MaxMetadata)
	case n.MaxMembers < 0:
		return badMessage("join: new_room: max_members %d", n.MaxMembers)
	case n.HostTimeoutMillis < 0 || n.HostTimeoutMillis > MaxHostTimeout:
		return badMessage("join: new_room: host_timeout_ms %d: want 0 to %d", n.HostTimeoutMillis, MaxHostTimeout)
	}
	return nil
}

// validateMatch checks the Match of a Join, if it has one.
func (m Join) validateMatch() error {
	switch {
	case m.Match == nil:
		return nil
	case m.Match.Key == "" || len(m.Match.Key) > MaxMatchKey:
		return badMessage("join: match: key of %d bytes: want 1 to %d", len(m.Match.Key), MaxMatchKey)
	case m.Match.Size < 2 || m.Match.Size > MaxMatchSize:
		return badMessage("join: match: size %d: want 2 to %d", m.Match.Size, MaxMatchSize)
	case m.Room != "" || m.Resume != "" || m.Password != "" || m.Create != "":
		return badMessage("join: match with a room, a resume token, a password or create")
	}
	return nil
}
