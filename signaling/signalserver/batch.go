package signalserver

import (
	"encoding/binary"

	"github.com/gorilla/websocket"
)

// A batch is a run of encoded frames for one write. Everything that a session sends goes through a batch and not
// through the websocket.Conn, which makes one system call per frame, except its close frame after malformed data.
// One goroutine owns a batch.
type batch struct {
	bytes   []byte
	texts   int // text frames
	payload int // bytes of payload in the text frames
}

// maxKeptBatch is the capacity up to which a batch in the pool keeps its array.
const maxKeptBatch = 2 * batchBytes

func (b *batch) reset() {
	if cap(b.bytes) > maxKeptBatch {
		b.bytes = nil
	}
	b.bytes, b.texts, b.payload = b.bytes[:0], 0, 0
}

const maxFrameHeader = 10

// add appends one frame. It is final and not masked, because a server sends it (RFC 6455, 5.2).
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
