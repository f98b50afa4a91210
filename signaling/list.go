package signaling

import (
	"encoding/json"

	"example.org/rtcpeer/signaling/text"
)

// List asks for the public rooms, before or after a Join. The answer is a Rooms.
type List struct {
	// Filter selects rooms by their metadata: each of its fields must be there with the same value, a string, a
	// number or a boolean. Nil selects all rooms. At most MaxFilter fields.
	Filter map[string]any `json:"filter,omitzero"`
	// Limit is the largest number of rooms in the answer, at most MaxRooms. Zero means DefaultRooms.
	Limit int `json:"limit,omitempty"`
	// After is Rooms.Next of the previous answer.
	After string `json:"after,omitempty"`
	// Token is as in Join.
	Token string `json:"token,omitempty"`
}

// Rooms answers a List. The server chooses the order, which does not change while rooms come and go.
type Rooms struct {
	// Rooms may hold fewer rooms than the limit, or none, although there are more: only Next says whether there are.
	Rooms []PublicRoom `json:"rooms,omitzero"`
	// Next is the value of After for the List that continues after these rooms. Empty means that there are no more.
	Next string `json:"next,omitempty"`
}

// A PublicRoom describes a room at the time of the List.
type PublicRoom struct {
	Room       RoomName `json:"room"`
	Topology   Topology `json:"topology"`
	Members    int      `json:"members"` // including those that have lost their connection and may come back
	MaxMembers int      `json:"max_members,omitempty"`
	Locked     bool     `json:"locked,omitempty"`   // nobody new may join at the moment
	Password   bool     `json:"password,omitempty"` // a password is needed to join
	// Metadata is NewRoom.Metadata.
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

const (
	// MaxFilter is the most fields of a filter.
	MaxFilter = 16
	// DefaultRooms is the number of rooms in one answer if the List has no limit.
	DefaultRooms = 50
	// MaxRooms is the largest List.Limit.
	MaxRooms = 100
	// maxAfter is the longest List.After, in bytes.
	maxAfter = 256
)

func (List) Kind() Kind  { return KindList }
func (Rooms) Kind() Kind { return KindRooms }

// Validate checks the limit, the lengths and the types of the filter's values.
func (m List) Validate() error {
	switch {
	case m.Limit < 0 || m.Limit > MaxRooms:
		return badMessage("list: limit %d: want 0 to %d", m.Limit, MaxRooms)
	case len(m.After) > maxAfter:
		return badMessage("list: after of %d bytes: at most %d", len(m.After), maxAfter)
	case len(m.Token) > MaxToken:
		return badMessage("list: token of more than %d bytes", MaxToken)
	case len(m.Filter) > MaxFilter:
		return badMessage("list: filter of %d fields: at most %d", len(m.Filter), MaxFilter)
	}
	for name, value := range m.Filter {
		switch value.(type) {
		case string, bool, float64, int:
		default:
			return badMessage("list: filter: %q: want a string, a number or a boolean", text.Shorten(name, text.Most))
		}
	}
	return nil
}

// Validate checks each room.
func (m Rooms) Validate() error {
	for _, r := range m.Rooms {
		if err := r.Room.Validate(); err != nil {
			return err
		}
		switch {
		case !r.Topology.valid():
			return badMessage("rooms: topology %q", text.Shorten(string(r.Topology), text.Most))
		case r.Members < 0 || r.MaxMembers < 0:
			return badMessage("rooms: negative number of members")
		case len(r.Metadata) > MaxMetadata:
			return badMessage("rooms: metadata of %d bytes: at most %d", len(r.Metadata), MaxMetadata)
		}
	}
	return nil
}
