package signaling

import "encoding/json"

// List asks for the public rooms, before or after a Join. The answer is a Rooms.
type List struct {
	// Filter has the fields that the metadata of a room must have with the same values: strings,
	// numbers and booleans. Nil: all rooms. At most MaxFilter fields.
	Filter map[string]any `json:"filter,omitzero"`
	// Limit is the most rooms in the answer: at most MaxRooms. Zero means DefaultRooms.
	Limit int `json:"limit,omitempty"`
	// After is Rooms.Next of the answer before.
	After string `json:"after,omitempty"`
	// Token is as in Join.
	Token string `json:"token,omitempty"`
}

// Rooms answers a List, in an order of the server's that does not change while rooms come and go.
type Rooms struct {
	// Rooms may be fewer than the limit, or none, also where there are more: only Next tells.
	Rooms []PublicRoom `json:"rooms,omitzero"`
	// Next is for the List that goes on after these. Empty: there are no more.
	Next string `json:"next,omitempty"`
}

// A PublicRoom is a room as it is at the moment of a list.
type PublicRoom struct {
	Room       RoomName `json:"room"`
	Topology   Topology `json:"topology"`
	Members    int      `json:"members"` // those who may come back included
	MaxMembers int      `json:"max_members,omitempty"`
	Locked     bool     `json:"locked,omitempty"`
	Password   bool     `json:"password,omitempty"` // it wants one
	// Metadata is that of NewRoom.
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

const (
	// MaxFilter is the most fields of a filter.
	MaxFilter = 16
	// DefaultRooms and MaxRooms are how many rooms are in one answer, if not told, and at most.
	DefaultRooms = 50
	MaxRooms     = 100
	// maxAfter is the longest List.After, in bytes.
	maxAfter = 256
)

func (List) Kind() Kind  { return KindList }
func (Rooms) Kind() Kind { return KindRooms }

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
			return badMessage("list: filter: %q: want a string, a number or a boolean", shorten(name))
		}
	}
	return nil
}

func (m Rooms) Validate() error {
	for _, r := range m.Rooms {
		if err := r.Room.Validate(); err != nil {
			return err
		}
		switch {
		case !r.Topology.valid():
			return badMessage("rooms: topology %q", shorten(string(r.Topology)))
		case r.Members < 0 || r.MaxMembers < 0:
			return badMessage("rooms: negative number of members")
		case len(r.Metadata) > MaxMetadata:
			return badMessage("rooms: metadata of %d bytes: at most %d", len(r.Metadata), MaxMetadata)
		}
	}
	return nil
}
