package signalserver

import "example.org/rtcpeer/signaling"

// A note is one message on its way to one or many members. It is encoded once for each dialect, and
// the frames are shared by all who get it. A note is used under one room's lock.
type note struct {
	message signaling.Message
	spoken  [2]spoken // a server has its own dialect and Config.Plain
}

// spoken is a note in one dialect.
type spoken struct {
	dialect *signaling.Dialect // nil: not yet
	frames  [][]byte
	err     error
}

// in returns the note as frames of a dialect.
func (n *note) in(d *signaling.Dialect) ([][]byte, error) {
	s := &n.spoken[0]
	if s.dialect != nil && s.dialect != d {
		s = &n.spoken[1]
	}
	if s.dialect != d {
		s.dialect = d
		s.frames, s.err = d.Encode(n.message)
	}
	return s.frames, s.err
}
