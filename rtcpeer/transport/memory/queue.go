package memory

import (
	"encoding/binary"
	"io"
)

// A queue holds packets, each behind its length, in one slice that is used again: in a steady state
// it allocates nothing. Its bound is its user's to keep.
type queue struct {
	buf   []byte
	head  int // where the first packet's length is
	bytes int // in all packets
}

const (
	lengthSize = 8       // of the length before each packet
	keepSize   = 2 << 20 // a larger slice is let go when the queue is empty
)

func (q *queue) empty() bool { return q.head == len(q.buf) }

// held is what the packets take with their lengths, so that it bounds their number too.
func (q *queue) held() int { return len(q.buf) - q.head }

func (q *queue) push(p []byte) {
	// Moving what is left to the front costs less than what was taken since the last time.
	if q.head > len(q.buf)/2 && len(q.buf)+lengthSize+len(p) > cap(q.buf) {
		q.buf = q.buf[:copy(q.buf, q.buf[q.head:])]
		q.head = 0
	}
	q.buf = binary.NativeEndian.AppendUint64(q.buf, uint64(len(p)))
	q.buf = append(q.buf, p...)
	q.bytes += len(p)
}

// pop takes the first packet of a queue that is not empty, or leaves it where p is too small.
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

// truncate keeps the packets that fit into bytes, from the first on.
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
