package rooms

import "example.org/rtcpeer/signaling"

// A Note is one message on its way to one or many members. It is encoded once for each dialect, and
// the frames are shared by all who get it. One goroutine at a time uses it.
type Note struct {
	Message signaling.Message // fixed at construction
	spoken  [2]spoken         // a server has its own dialect and a plain one
}

// spoken is a note in one dialect.
type spoken struct {
	dialect *signaling.Dialect // nil: not yet
	frames  [][]byte
	err     error
}

// NewNote returns a note of a message, which must not change any more.
func NewNote(m signaling.Message) *Note { return &Note{Message: m} }

// Frames returns the note as frames of a dialect.
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
