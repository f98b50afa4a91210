package signalserver

import "example.org/rtcpeer/signaling"

// A note is one message on its way to one or many members. It is encoded once, and the frame is
// shared by all who get it. A note is used under one room's lock.
type note struct {
	message signaling.Message
	codec   signaling.Codec // of frame
	frame   []byte
	err     error
}

// in returns the note as a frame of codec.
func (n *note) in(codec signaling.Codec) ([]byte, error) {
	if n.codec != codec {
		n.codec = codec
		n.frame, n.err = codec.Encode(n.message)
	}
	return n.frame, n.err
}
