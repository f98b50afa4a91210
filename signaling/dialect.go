package signaling

import "time"

// A Dialect is a protocol that a server speaks with a session, together with the rules of that protocol. Its
// functions may be called from any goroutine. V1 returns one, and package godot has another.
type Dialect struct {
	// Encode returns the frames that carry a valid message to a member, in the order in which they must be sent. It
	// returns none if the protocol cannot express the message. The frames belong to the caller.
	Encode func(Message) ([][]byte, error)
	// Decode returns the message of a member's frame, or an *Error. It does not keep the frame.
	Decode func(frame []byte) (Message, error)
	// Close reports whether an error ends the session once its frames are sent. If so, it also returns the close code
	// and the text (at most 123 bytes) for the WebSocket.
	Close func(*Error) (code int, text string, ends bool)

	// JoinTimeout is how long a session may take to send its Join. Zero means the server's default.
	JoinTimeout time.Duration
	// Volatile is true for a protocol without resumption: a member leaves when its connection ends.
	Volatile bool
	// NamedRoomsExist is true if a Join that names a room can only enter an existing one, and only a Join without a
	// name creates a room. Otherwise the error is CodeUnknownRoom.
	NamedRoomsExist bool
	// RoomNameLength is the length of the names of new rooms, at most 26. Zero means 10.
	RoomNameLength int
	// Room holds the rules of the rooms that sessions of this dialect create.
	Room RoomRules
}

// RoomRules say when a room ends, in addition to when its last member leaves or when the host of a star leaves. They
// apply to all members of the room.
type RoomRules struct {
	// EndsWithHost ends a mesh, too, when its host leaves, with CodeHostLeft.
	EndsWithHost bool
	// EndAfterSeal is how long after its seal the room ends, with CodeSealComplete. Zero means never.
	EndAfterSeal time.Duration
}

// A ClientDialect is a protocol that a client speaks. The zero value is not usable: V1Client returns one, and package
// godot has another.
type ClientDialect struct {
	// Name is a name for people.
	Name string
	// Subprotocol is what the client offers for the WebSocket, and what the server must choose. Empty means none.
	Subprotocol string
	// Taken is what a server chooses instead of Subprotocol if it has taken the first frame from the request (see
	// OfferFrame). Empty means that the client never sends a frame with the request.
	Taken string
	// Encode returns the frame of a message for the server, or nil if the protocol cannot express the message. It
	// returns an error for a message that the server would refuse. The frame belongs to the caller.
	Encode func(Message) ([]byte, error)
	// NewDecoder returns the decoder for one connection, to be used by one goroutine at a time. The decoder returns
	// the message of a frame, nil if the message needs more frames, or an *Error. CodeUnknownKind is the error for a
	// message of a newer server. A decoder does not keep the frame.
	NewDecoder func() func(frame []byte) (Message, error)
	// Ping is a frame without effect that the server answers with CodeUnknownKind, for clients that cannot send
	// WebSocket pings. Nil means that there is none.
	Ping []byte
	// Closed returns the error that the code and the text of the server's close frame stand for, or nil if they only
	// say that the connection is lost.
	Closed func(code int, text string) *Error
}
