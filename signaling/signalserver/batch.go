package signalserver

import (
	"encoding/binary"

	"github.com/gorilla/websocket"
)

// A batch is frames as they are on the wire, for one write. All that a session is sent goes this way, and
// nothing through the websocket.Conn, which makes a call of its own for each frame. One goroutine owns it.
type batch struct {
	bytes   []byte
	texts   int // text frames
	payload int // bytes in those
}

// maxKeptBatch is the largest array that a batch in the pool keeps.
const maxKeptBatch = 2 * batchBytes

func (b *batch) reset() {
	if cap(b.bytes) > maxKeptBatch {
		b.bytes = nil
	}
	b.bytes, b.texts, b.payload = b.bytes[:0], 0, 0
}

const maxFrameHeader = 10

// add appends one frame: final, and not masked, as a server's (RFC 6455, 5.2).
func (b *batch) add(i item) {
	const final = 0x80
	b.bytes = append(b.bytes, final|byte(i.kind))
	switch n := len(i.data); {
	case n < 126:
		b.bytes = append(b.bytes, byte(n))
	case n < 1<<16:
		b.bytes = binary.BigEndian.AppendUint16(append(b.bytes, 126), uint16(n))
	default:
		b.bytes = binary.BigEndian.AppendUint64(append(b.bytes, 127), uint64(n))
	}
	b.bytes = append(b.bytes, i.data...)
	if i.kind == websocket.TextMessage {
		b.texts++
		b.payload += len(i.data)
	}
}
