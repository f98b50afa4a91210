package signaling

import "time"

// A Dialect is a protocol as a server speaks it with a session, and the rules that come with it. Its
// functions may be called from any goroutine. V1 is one, and package godot has another.
type Dialect struct {
	// Encode returns the frames of a valid message for a member, in the order in which they are to
	// be sent: none for what the protocol has no words for. The frames belong to the caller.
	Encode func(Message) ([][]byte, error)
	// Decode returns the message of a member's frame, or an *Error. It does not keep the frame.
	Decode func(frame []byte) (Message, error)
	// Close returns whether an error ends the session, after its frames, and then the code and the
	// text (at most 123 bytes) with which the WebSocket is closed.
	Close func(*Error) (code int, text string, ends bool)

	// JoinTimeout is how long a session may take to ask for a place. Zero means the server's.
	JoinTimeout time.Duration
	// Volatile is true for a protocol in which nobody comes back: a member leaves with its socket.
	Volatile bool
	// NamedRoomsExist is true if only a room without a name can be created; CodeUnknownRoom is the
	// error of another one.
	NamedRoomsExist bool
	// RoomNameLength is that of the names of new rooms, at most 26. Zero means 10.
	RoomNameLength int
	// Room are the rules of the rooms that a session of this dialect founds.
	Room RoomRules
}

// RoomRules are how a room ends, besides with its last member, and a star's with its host. They hold
// for all its members.
type RoomRules struct {
	// EndsWithHost ends a mesh with its host, too: CodeHostLeft.
	EndsWithHost bool
	// EndAfterSeal is how long after its seal the room ends: CodeSealComplete. Zero means never.
	EndAfterSeal time.Duration
}

// A ClientDialect is a protocol as a client speaks it. The zero value is none: V1Client is one, and
// package godot has another.
type ClientDialect struct {
	// Name is for people.
	Name string
	// Subprotocol is what the WebSocket offers, and what the server must choose. Empty: none.
	Subprotocol string
	// Taken is what the server may choose in its place, if it has taken the first frame from the request (see
	// OfferFrame). Empty: the request has none.
	Taken string
	// Encode returns the frame of a message for the server, or nil if the protocol has no words for
	// it. It refuses what the server would refuse. The frame belongs to the caller.
	Encode func(Message) ([]byte, error)
	// NewDecoder returns the decoder of one connection, for one goroutine at a time. It returns the
	// message of a frame, or nil if that takes more frames, or an *Error. CodeUnknownKind is for
	// what a newer server may say. A decoder does not keep the frame.
	NewDecoder func() func(frame []byte) (Message, error)
	// Ping is a frame without effect that the server answers with an error of CodeUnknownKind, for
	// clients that cannot send the pings of WebSocket. Nil: there is none.
	Ping []byte
	// Closed returns what the server means with the code and the text of its close frame, or nil if
	// it only tells that the connection is lost.
	Closed func(code int, text string) *Error
}
