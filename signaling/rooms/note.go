package rooms

import "example.org/rtcpeer/signaling"

// A Note is one message for one or more members. It is encoded once for each dialect, and all receivers share the
// frames. Only one goroutine at a time may use it.
type Note struct {
	Message signaling.Message // fixed at construction
	again   bool              // the client may know it; fixed before it is delivered
	spoken  [2]spoken         // a server has its own dialect and a plain one
}

// spoken is the encoding of a note in one dialect.
type spoken struct {
	dialect *signaling.Dialect // nil: not encoded yet
	frames  [][]byte
	err     error
}

// NewNote returns a note for a message, which must not change any more.
func NewNote(m signaling.Message) *Note { return &Note{Message: m} }

// Frames returns the frames of the note in a dialect.
func (n *Note) Frames(d *signaling.Dialect) ([][]byte, error) {
	s := &n.spoken[0]
	if s.dialect != nil && s.dialect != d {
		s = &n.spoken[1]
	}
	if s.dialect != d {
		s.dialect = d
		s.frames, s.err = d.Encode(n.Message)
	}
	return s.frames, s.err
}
