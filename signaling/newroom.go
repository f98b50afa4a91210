package signaling

import "encoding/json"

// A NewRoom is how a room shall be that a Join creates. It counts for nothing where the room exists.
type NewRoom struct {
	// Public puts the room into the answers to List.
	Public bool `json:"public,omitempty"`
	// Metadata describes the room in such an answer: any JSON, at most MaxMetadata bytes. The
	// members of an object whose values are strings, numbers or booleans can be asked for.
	Metadata json.RawMessage `json:"metadata,omitempty"`
	// MaxMembers is the most members of the room. Zero, and what is more than that: the server's.
	MaxMembers int `json:"max_members,omitempty"`
	// Migrates has a star outlive its host: when that is gone, the server names another one. In a mesh it
	// counts for nothing.
	Migrates bool `json:"migrates,omitempty"`
	// HostTimeoutMillis is how long the place of a host that has lost the server is kept in a room that
	// migrates, in milliseconds. Zero means 10,000, at most MaxHostTimeout. It is never longer than the
	// server keeps a place.
	HostTimeoutMillis int `json:"host_timeout_ms,omitempty"`
}

// A Create says whether a Join may create a room.
type Create string

const (
	CreateMissing Create = ""      // the room that it names, if that does not exist
	CreateNever   Create = "never" // no: CodeUnknownRoom if the room does not exist
	CreateOnly    Create = "only"  // it must: CodeRoomExists if the room does exist
)

// A Match asks for a place among as many as Size who ask for the same Key, Size and Topology, in the
// order in which they ask. When there are so many the server puts them together in a new sealed
// room, and welcomes all of them. Who waits has no membership: a lost connection ends the wait.
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

// validateMatch says what is wrong with the Match of a Join, if it has one.
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
