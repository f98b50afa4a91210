package forwarded

import (
	"encoding/binary"
	"errors"
)

// The plaintext of a frame begins with its type. Numbers are big-endian.
//
//	00                            hello: the sender has the keys. Opens the path
//	01 lane[2] bytes              the last or only part of a packet
//	02 lane[2] bytes              a part of a packet, and more follows
//	03 frames[4] (lane[2] read[4])...
//	                              how many frames have arrived, and how much of each lane was read since the path began,
//	                              modulo 2^32
//	04                            close: the path is over
//
// A part counts as its bytes plus partCost, both in read and in what the sender may send.
const (
	frameHello = 0x00
	frameLast  = 0x01
	framePart  = 0x02
	frameAck   = 0x03
	frameClose = 0x04

	partHead = 3
	partCost = 32 // more than the memory that an empty part needs
	// maxPart is the largest part, in bytes. The carrier's own messages may have to wait for one part.
	maxPart = 16 << 10
	// maxPacket is the largest packet, the sum of its parts.
	maxPacket = 256<<10 + 64
)

// A frame is one decoded frame.
type frame struct {
	kind   byte
	lane   uint16 // of a part
	data   []byte // likewise
	frames uint32 // of an ack
	reads  []byte // of an ack: pairs of lane and read, each of readSize bytes
}

var errBadFrame = errors.New("forwarded: not a frame")

const readSize = 6

// decode never panics, whatever the bytes are. The frame keeps b.
func decode(b []byte) (frame, error) {
	if len(b) == 0 {
		return frame{}, errBadFrame
	}
	f, body := frame{kind: b[0]}, b[1:]
	switch {
	case (f.kind == frameHello || f.kind == frameClose) && len(body) == 0:
	case (f.kind == frameLast || f.kind == framePart) && len(b) >= partHead && len(b) <= partHead+maxPart:
		f.lane, f.data = binary.BigEndian.Uint16(body), b[partHead:]
	case f.kind == frameAck && len(body) >= 4 && (len(body)-4)%readSize == 0:
		f.frames, f.reads = binary.BigEndian.Uint32(body), body[4:]
	default:
		return frame{}, errBadFrame
	}
	return f, nil
}

// cutRead returns the first lane of an ack, how much of it was read, and the rest of reads.
func cutRead(reads []byte) (lane uint16, read uint32, rest []byte) {
	return binary.BigEndian.Uint16(reads), binary.BigEndian.Uint32(reads[2:]), reads[readSize:]
}

func appendPart(b []byte, kind byte, lane uint16, data []byte) []byte {
	return append(binary.BigEndian.AppendUint16(append(b, kind), lane), data...)
}

func appendAck(b []byte, frames uint32) []byte {
	return binary.BigEndian.AppendUint32(append(b, frameAck), frames)
}

func appendRead(b []byte, lane uint16, read uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(b, lane), read)
}
