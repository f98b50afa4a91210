package signaling

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math"

	"example.org/rtcpeer/signaling/text"
)

// Subprotocol is the WebSocket subprotocol of this package's JSON codec.
const Subprotocol = "rtcpeer.v1"

// A PeerID identifies a member within its room: 1 to 2^31-1, where 1 is the creator of the room. The range is that of
// Godot's MultiplayerPeer, which uses negative numbers for "all except".
type PeerID int32

// Host is the id of a room's creator, which is the first host of a star.
const Host PeerID = 1

// MaxPeerID is the largest id.
const MaxPeerID PeerID = math.MaxInt32

// Valid reports whether id may name a member.
func (id PeerID) Valid() bool { return id >= 1 }

// RandomID returns a random id from 2 to 2^31-1. Its bits are from crypto/rand.
func RandomID() PeerID {
	for {
		var b [4]byte
		rand.Read(b[:]) // never fails (crypto/rand)
		if id := PeerID(binary.LittleEndian.Uint32(b[:]) & uint32(MaxPeerID)); id > Host {
			return id
		}
	}
}

// A RoomName names a room on one server: 1 to 64 letters, digits, '-' and '_'.
type RoomName string

// MaxRoomName is the longest room name, in bytes.
const MaxRoomName = 64

// Validate returns an error with CodeBadRoom if n is not a valid room name.
func (n RoomName) Validate() error {
	if n == "" || len(n) > MaxRoomName {
		return badRoom("room name %q: want 1 to %d letters, digits, - and _", text.Shorten(string(n), text.Most), MaxRoomName)
	}
	for _, c := range []byte(n) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return badRoom("room name %q: only letters, digits, - and _", string(n))
		}
	}
	return nil
}

func badRoom(format string, args ...any) error {
	return &Error{Code: CodeBadRoom, Text: fmt.Sprintf(format, args...)}
}

// A Topology says which members have links with each other.
type Topology string

const (
	Mesh Topology = "mesh" // each member has a link with each other member
	Star Topology = "star" // each member has a link with the host, which relays
)

func (t Topology) valid() bool { return t == Mesh || t == Star }

// A Mode names the transfer mode of a channel on the wire.
type Mode string

const (
	Reliable          Mode = "reliable"           // all packets arrive, in order
	UnreliableOrdered Mode = "unreliable_ordered" // packets arrive in order, with gaps
	Unreliable        Mode = "unreliable"         // packets arrive or not, in any order
)

func (m Mode) valid() bool { return m == Reliable || m == UnreliableOrdered || m == Unreliable }
