package signaling

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"example.org/rtcpeer/signaling/text"
)

// A Codec turns messages into the frames of one subprotocol and back. Decode validates, so the code behind it may
// trust the messages that it gets.
type Codec interface {
	// Encode returns the frame of a valid message. The frame belongs to the caller.
	Encode(Message) ([]byte, error)
	// Decode returns the message of a frame, or an *Error. It does not keep the frame.
	Decode(frame []byte) (Message, error)
}

// JSON is the codec of Subprotocol: each message is one object, whose kind is in the field "kind". Unknown fields are
// ignored; an unknown kind is an error with CodeUnknownKind.
var JSON Codec = jsonCodec{}

type jsonCodec struct{}

func (jsonCodec) Encode(m Message) ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case Signal:
		return appendSignal(nil, m)
	case Disconnected:
		return nil, fmt.Errorf("signaling: encode %s: it is never sent", m.Kind())
	case Forwarded:
		return nil, fmt.Errorf("signaling: encode %s: it is a binary frame", m.Kind())
	}
	body, err := text.JSON(m)
	if err != nil {
		return nil, fmt.Errorf("signaling: encode %s: %w", m.Kind(), err)
	}
	frame := append(make([]byte, 0, len(body)+24), `{"kind":"`...)
	frame = append(frame, m.Kind()...)
	frame = append(frame, '"')
	if len(body) > len("{}") {
		frame = append(frame, ',')
	}
	return append(frame, body[1:]...), nil
}

// appendSignal writes a signal without parsing its data again, because signals are most of a server's work.
func appendSignal(frame []byte, s Signal) ([]byte, error) {
	field, id := `{"kind":"signal","to":`, s.To
	if s.From != 0 {
		field, id = `{"kind":"signal","from":`, s.From
	}
	if frame == nil {
		frame = make([]byte, 0, len(field)+len(`2147483647,"data":}`)+len(s.Data))
	}
	frame = append(frame, field...)
	frame = strconv.AppendInt(frame, int64(id), 10)
	frame = append(frame, `,"data":`...)
	frame = append(frame, s.Data...)
	return append(frame, '}'), nil
}

func (jsonCodec) Decode(frame []byte) (Message, error) {
	if len(frame) > MaxMessage {
		return nil, &Error{Code: CodeTooLarge, Text: fmt.Sprintf("frame of %d bytes: at most %d", len(frame), MaxMessage)}
	}
	// Data is forwarded unchanged, and a browser closes its connection when a text frame is not UTF-8 (RFC 6455,
	// 8.1). One member must not be able to do that to another.
	if !utf8.Valid(frame) {
		return nil, badMessage("not UTF-8: %q", text.Shorten(string(frame), text.Most))
	}
	if m, ok := cutSignal(frame); ok {
		return m, m.Validate()
	}
	var head struct {
		Kind *Kind           `json:"kind"`
		To   PeerID          `json:"to"`
		From PeerID          `json:"from"`
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(frame, &head); err != nil {
		return nil, badMessage("%s in %q", reason(err), text.Shorten(string(frame), text.Most))
	}
	if head.Kind == nil {
		return nil, badMessage("no kind in %q", text.Shorten(string(frame), text.Most))
	}
	m, err := decodeKind(*head.Kind, frame)
	if err != nil {
		return nil, err
	}
	if m == nil {
		m = Signal{To: head.To, From: head.From, Data: head.Data}
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m, nil
}

// cutSignal reads a signal to another member that has exactly the form that appendSignal and rtcpeer.js write. Most
// frames that a server reads are of this form; for all others it returns false. After the head and the last brace are
// removed, the rest is one valid JSON value only if it is the data and nothing else.
func cutSignal(frame []byte) (s Signal, ok bool) {
	rest, ok := bytes.CutPrefix(frame, []byte(`{"kind":"signal","to":`))
	if !ok {
		return s, false
	}
	digits, data, _ := bytes.Cut(rest, []byte(`,"data":`))
	data, ok = bytes.CutSuffix(data, []byte("}"))
	to, err := strconv.ParseUint(string(digits), 10, 31)
	if !ok || err != nil || digits[0] == '0' || !json.Valid(data) {
		return s, false
	}
	return Signal{To: PeerID(to), Data: bytes.Clone(data)}, true
}

// decodeKind decodes a message of any kind except a signal, for which it returns nil: Decode has already read the
// fields of a signal together with the kind.
func decodeKind(kind Kind, frame []byte) (Message, error) {
	switch kind {
	case KindSignal:
		return nil, nil
	case KindSeal:
		return Seal{}, nil
	case KindLeave:
		return Leave{}, nil
	case KindSealed:
		return Sealed{}, nil
	case KindJoin:
		return decodeAs[Join](frame)
	case KindList:
		return decodeAs[List](frame)
	case KindLock:
		return decodeAs[Lock](frame)
	case KindKick:
		return decodeAs[Kick](frame)
	case KindSuccessor:
		return decodeAs[Successor](frame)
	case KindHostLost:
		return decodeAs[HostLost](frame)
	case KindMetadata:
		return decodeAs[Metadata](frame)
	case KindHostChanged:
		return decodeAs[HostChanged](frame)
	case KindWelcome:
		return decodeAs[Welcome](frame)
	case KindJoined:
		return decodeAs[Joined](frame)
	case KindLeft:
		return decodeAs[Left](frame)
	case KindICEServers:
		return decodeAs[ICEServers](frame)
	case KindResume:
		return decodeAs[Resume](frame)
	case KindRooms:
		return decodeAs[Rooms](frame)
	case KindError:
		e, err := decodeAs[Error](frame)
		return &e, err
	}
	return nil, &Error{Code: CodeUnknownKind, Text: fmt.Sprintf("kind %q", text.Shorten(string(kind), text.Most))}
}

func decodeAs[M any](frame []byte) (m M, err error) {
	if err := json.Unmarshal(frame, &m); err != nil {
		return m, badMessage("%s in %q", reason(err), text.Shorten(string(frame), text.Most))
	}
	return m, nil
}

// reason describes a decoding error in terms of the frame instead of Go types.
func reason(err error) string {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case !ok:
		return err.Error()
	case wrong.Field == "":
		return wrong.Value + " instead of an object"
	}
	return fmt.Sprintf("field %s: unexpected %s", wrong.Field, wrong.Value)
}
