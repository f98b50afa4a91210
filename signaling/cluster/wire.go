package cluster

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
	"example.org/rtcpeer/signaling/text"
)

// A kind is the kind of a message between two servers. Most messages are about a session: they go between its home,
// the server that has its socket, and the owner of its room. Unknown kinds and fields are ignored, because they are
// of a newer version.
type kind string

const (
	kindHello    kind = "hello"    // any: the pipe has begun anew
	kindJoin     kind = "join"     // home: key, guest, join, grant, exists
	kindAttach   kind = "attach"   // home: key, guest, attachment, token, view
	kindFrame    kind = "frame"    // home: frames of the client, unchanged
	kindGone     kind = "gone"     // home: the session has ended
	kindDeliver  kind = "deliver"  // owner: frames for the client, change
	kindWaiting  kind = "waiting"  // owner: the join waits to be matched
	kindSeated   kind = "seated"   // owner: attachment, token: the session has its member
	kindFail     kind = "fail"     // owner: error: for the client; it may end the session
	kindRefused  kind = "refused"  // owner: error: the join or attach was refused
	kindCreates  kind = "creates"  // owner: a join with exists would create the room: its admission must be asked again
	kindBye      kind = "bye"      // owner: the member has left
	kindList     kind = "list"     // owner: list: the client asks for the public rooms
	kindNotMine  kind = "not_mine" // owner: it does not own the room, or no longer
	kindReturned kind = "returned" // owner: frames that it has not handled, because the room is elsewhere
	kindAsk      kind = "ask"      // any: id, op, body
	kindAnswered kind = "answered" // any: id, body
	kindPart     kind = "part"     // any: more, frames: one, a part of a message that is too large for the bus
)

const (
	// maxWhole is the largest message, in bytes. The rooms of a server in an answer take at most 10 MB, for 10,000
	// rooms.
	maxWhole = 16 << 20
	// partOverhead is at least the size of a part without its bytes.
	partOverhead = 128
)

// A message goes from one server to another.
type message struct {
	Kind kind `json:"k"`
	// Session is the number of the session at its home. Attempt counts its joins and attaches: messages of an earlier
	// attempt are ignored.
	Session uint64 `json:"s,omitempty"`
	Attempt uint64 `json:"n,omitempty"`
	// Lease is the lease of the owner. A message under another lease than the one to which a session is attached
	// comes from a former owner and is ignored.
	Lease string `json:"l,omitempty"`
	// Home is the lease of the session's server, in a join or an attach.
	Home  string          `json:"h,omitempty"`
	Key   string          `json:"key,omitempty"`
	Guest *guest          `json:"guest,omitempty"`
	Join  *signaling.Join `json:"join,omitempty"`
	Grant *rooms.Grant    `json:"grant,omitempty"`
	// Exists, in a join, says that the client was admitted to a room that exists, and not to create it. Earlier versions
	// do not say it: for them the owner creates the room.
	Exists     bool              `json:"exists,omitempty"`
	Attachment *rooms.Attachment `json:"attachment,omitempty"`
	Token      string            `json:"token,omitempty"`
	View       *rooms.ViewState  `json:"view,omitempty"`
	Change     *rooms.Change     `json:"change,omitempty"`
	Error      *signaling.Error  `json:"error,omitempty"`
	List       *signaling.List   `json:"list,omitempty"`
	ID         uint64            `json:"id,omitempty"`
	Op         string            `json:"op,omitempty"`
	Body       json.RawMessage   `json:"body,omitempty"`
	More       bool              `json:"more,omitempty"`

	frames [][]byte // follow the JSON, each after its length
}

// A guest is what the owner must know about a session.
type guest struct {
	Dialect string     `json:"dialect"`
	Remote  netip.Addr `json:"remote,omitzero"`
}

// encode returns the length of the header and the header, and then each frame after its length.
func (m *message) encode() ([]byte, error) {
	header, err := text.JSON(m)
	if err != nil {
		return nil, fmt.Errorf("cluster: encode %s: %w", m.Kind, err)
	}
	size := len(header) + binary.MaxVarintLen32*(1+len(m.frames))
	for _, f := range m.frames {
		size += len(f)
	}
	b := binary.AppendUvarint(make([]byte, 0, size), uint64(len(header)))
	b = append(b, header...)
	for _, f := range m.frames {
		b = append(binary.AppendUvarint(b, uint64(len(f))), f...)
	}
	return b, nil
}

// partsOf returns an encoded message, or its encoded parts of at most most bytes each if it is larger.
func partsOf(b []byte, most int) (parts [][]byte) {
	if len(b) <= most {
		return [][]byte{b}
	}
	for chunk := range slices.Chunk(b, max(1, most-partOverhead)) {
		part := message{Kind: kindPart, More: true, frames: [][]byte{chunk}}
		encoded, _ := part.encode() // a part holds nothing that JSON cannot encode
		parts = append(parts, encoded)
	}
	last := message{Kind: kindPart, frames: [][]byte{nil}}
	encoded, _ := last.encode()
	return append(parts, encoded)
}

var errMalformed = errors.New("cluster: malformed message")

// decode returns a valid message. Its frames are parts of b.
func decode(b []byte) (*message, error) {
	header, b, ok := cutPart(b)
	m := new(message)
	if !ok || json.Unmarshal(header, m) != nil || m.Kind == "" {
		return nil, errMalformed
	}
	for len(b) > 0 {
		var frame []byte
		if frame, b, ok = cutPart(b); !ok {
			return nil, errMalformed
		}
		m.frames = append(m.frames, frame)
	}
	return m, m.validate()
}

func cutPart(b []byte) (part, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, false
	}
	return b[n : n+int(size)], b[n+int(size):], true
}

// validate checks what the handlers of messages rely on.
func (m *message) validate() error {
	missing := false
	switch m.Kind {
	case kindJoin:
		missing = m.Guest == nil || m.Join == nil || m.Grant == nil || m.Key == ""
	case kindAttach:
		missing = m.Guest == nil || m.Attachment == nil || m.Key == ""
	case kindSeated:
		missing = m.Attachment == nil
	case kindFail, kindRefused:
		missing = m.Error == nil
	case kindList:
		missing = m.List == nil
	case kindPart:
		missing = len(m.frames) != 1
	}
	switch {
	case missing:
		return errMalformed
	case m.Join != nil && m.Join.Validate() != nil, m.List != nil && m.List.Validate() != nil:
		return errMalformed
	case m.Attachment != nil && (!m.Attachment.Seat.ID.Valid() || m.Attachment.Room.Validate() != nil || m.Attachment.Join.Validate() != nil):
		return errMalformed
	case m.View != nil && m.View.Host != 0 && !m.View.Host.Valid():
		return errMalformed
	}
	return nil
}
