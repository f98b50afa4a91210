package rooms

import "example.org/rtcpeer/signaling"

// A Prepared is one message for one or more members. It is encoded once for each dialect, and all receivers share the
// frames. Only one goroutine at a time may use it.
type Prepared struct {
	Message signaling.Message // fixed at construction
	again   bool              // the client may know it; fixed before it is delivered
	spoken  [2]spoken         // a server has its own dialect and a plain one
}

// spoken is the encoding of a prepared message in one dialect.
type spoken struct {
	dialect *signaling.Dialect // nil: not encoded yet
	frames  [][]byte
	err     error
}

// Prepare prepares a message, which must not change any more.
func Prepare(m signaling.Message) *Prepared { return &Prepared{Message: m} }

// Frames returns the frames of the message in a dialect.
func (n *Prepared) Frames(d *signaling.Dialect) ([][]byte, error) {
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
