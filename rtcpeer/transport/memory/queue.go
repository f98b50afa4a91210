package memory

import (
	"encoding/binary"
	"io"
)

// A queue holds packets in one slice that is reused, each after its length: in a steady state it allocates
// nothing. Its user must limit its size.
type queue struct {
	buf   []byte
	head  int // offset of the first packet's length
	bytes int // in all packets
}

const (
	lengthSize = 8       // size of the length before each packet
	keepSize   = 2 << 20 // a larger slice is released when the queue is empty
)

func (q *queue) empty() bool { return q.head == len(q.buf) }

// held returns the bytes of the packets with their lengths, so that a limit on it limits their number too.
func (q *queue) held() int { return len(q.buf) - q.head }

func (q *queue) push(p []byte) {
	// Moving the rest to the front costs less than the pops since the last move did.
	if q.head > len(q.buf)/2 && len(q.buf)+lengthSize+len(p) > cap(q.buf) {
		q.buf = q.buf[:copy(q.buf, q.buf[q.head:])]
		q.head = 0
	}
	q.buf = binary.NativeEndian.AppendUint64(q.buf, uint64(len(p)))
	q.buf = append(q.buf, p...)
	q.bytes += len(p)
}

// pop removes the first packet and copies it to p. If p is too small, the packet stays. The queue must not be
// empty.
func (q *queue) pop(p []byte) (int, error) {
	n, body := q.next(q.head)
	if n > len(p) {
		return 0, io.ErrShortBuffer
	}
	copy(p, q.buf[body:body+n])
	q.head = body + n
	q.bytes -= n
	if q.empty() {
		q.reset()
	}
	return n, nil
}

// truncate keeps the first packets that together fit into bytes, and drops the rest.
func (q *queue) truncate(bytes int) {
	at, sum := q.head, 0
	for at < len(q.buf) {
		n, body := q.next(at)
		if sum+n > bytes {
			break
		}
		at, sum = body+n, sum+n
	}
	q.buf, q.bytes = q.buf[:at], sum
}

func (q *queue) reset() {
	q.buf, q.head, q.bytes = q.buf[:0], 0, 0
	if cap(q.buf) > keepSize {
		q.buf = nil
	}
}

// next returns the size of the packet at offset at, and where its bytes begin.
func (q *queue) next(at int) (size, body int) {
	return int(binary.NativeEndian.Uint64(q.buf[at:])), at + lengthSize
}
