//go:build !js

package webrtc

import (
	"sync"
	"time"
)

// A flight records when the packets of a lane that the other end has not acknowledged were given to SCTP. The
// age of the oldest one shows how long a packet takes, wherever it waits: in queues of this process, in the
// buffers of sockets, or at an end that is short of CPU. Congestion windows and round trips show only the
// network. Safe for concurrent use.
type flight struct {
	mu      sync.Mutex // guards the fields below
	written uint64     // bytes
	marks   *[32]mark  // a ring; the oldest is at first; nil until something is noted
	first   int
	n       int
	moved   time.Time // when an acknowledgement was last noticed
	acked   uint64
	latest  time.Duration // how long the first packet of the newest begun mark took; 0: took has returned it
}

// A mark stands for packets that were written within markEach.
type mark struct {
	begin, end uint64    // value of written before and after them
	at         time.Time // when the first was written
	begun      bool      // the first has been acknowledged
}

const markEach = 10 * time.Millisecond

// wrote counts a packet. If note is true, it also marks when the packet was written.
func (f *flight) wrote(n int, now time.Time, note bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.written += uint64(n)
	if !note {
		return
	}
	if f.marks == nil {
		f.marks = new([32]mark)
	}
	if last := &f.marks[(f.first+f.n+len(f.marks)-1)%len(f.marks)]; f.n == len(f.marks) || f.n > 0 && now.Sub(last.at) < markEach {
		last.end = f.written
		return
	}
	f.marks[(f.first+f.n)%len(f.marks)] = mark{begin: f.written - uint64(n), end: f.written, at: now}
	f.n++
}

// age returns how long ago the oldest of the last buffered bytes was written, or 0 if there are none. moving
// means that other packets have been acknowledged recently. Then some of the buffered ones may be lost packets
// that SCTP will not send again and has not yet dropped.
func (f *flight) age(buffered int, now time.Time) (age time.Duration, moving bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget(buffered, now)
	if f.n == 0 {
		return 0, true
	}
	return now.Sub(f.marks[f.first].at), now.Sub(f.moved) < delayedAck
}

// took returns how long a packet took, of those that were acknowledged since the last call; 0 if none was marked. It
// is the first packet of a mark: those behind it waited for it on the path, if all were written at once.
func (f *flight) took(buffered int, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget(buffered, now)
	took := f.latest
	f.latest = 0
	return took
}

// forget drops the marks of packets that are not among the last buffered bytes.
func (f *flight) forget(buffered int, now time.Time) {
	acknowledged := f.written - min(uint64(max(buffered, 0)), f.written)
	if acknowledged > f.acked {
		f.acked, f.moved = acknowledged, now
	}
	for f.n > 0 {
		oldest := &f.marks[f.first]
		if !oldest.begun && oldest.begin < acknowledged {
			oldest.begun, f.latest = true, now.Sub(oldest.at)
		}
		if oldest.end > acknowledged {
			return
		}
		f.first = (f.first + 1) % len(f.marks)
		f.n--
	}
}

// delayedAck is how long an acknowledgement may be delayed. (RFC 9260, section 6.2)
const delayedAck = 200 * time.Millisecond

// overdue returns how much longer the oldest packet in flight takes than it would without queues.
func overdue(age, shortest time.Duration) time.Duration { return max(age-shortest-delayedAck, 0) }
