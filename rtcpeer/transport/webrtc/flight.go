//go:build !js

package webrtc

import (
	"sync"
	"time"
)

// A flight is when the packets of a lane were given to SCTP that the other end has not acknowledged. How old the
// first of them is says how long a packet takes, wherever it stands: in queues here, in the buffers of sockets, or in
// front of an end that is short of CPU. Congestion windows and round trips tell of the network alone. Safe for all.
type flight struct {
	mu      sync.Mutex // guards the fields below
	written uint64     // bytes
	marks   *[32]mark  // a ring; the oldest is at first; nil until something is noted
	first   int
	n       int
	moved   time.Time // when it was last seen that something had been acknowledged
	acked   uint64
}

// A mark is some packets that were written within markEach.
type mark struct {
	end      uint64 // written, after them
	at, last time.Time
}

const markEach = 10 * time.Millisecond

// wrote counts a packet, and notes it if that is wanted.
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
		last.end, last.last = f.written, now
		return
	}
	f.marks[(f.first+f.n)%len(f.marks)] = mark{f.written, now, now}
	f.n++
}

// age returns how long ago the first of the packets was written that make up the last buffered bytes; 0 if there is none.
// moving says that others have been acknowledged lately: then some of these may be lost ones that SCTP will not send
// again, and has not yet got rid of.
func (f *flight) age(buffered int, now time.Time) (age time.Duration, moving bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget(buffered, now)
	if f.n == 0 {
		return 0, true
	}
	return now.Sub(f.marks[f.first].at), now.Sub(f.moved) < delayedAck
}

// took returns how long ago the last packet was written that has been acknowledged since it was asked before; 0 if none.
func (f *flight) took(buffered int, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last := f.forget(buffered, now); !last.IsZero() {
		return now.Sub(last)
	}
	return 0
}

// forget drops the marks of what is not among the last buffered bytes, and returns when the last of that was written.
func (f *flight) forget(buffered int, now time.Time) (last time.Time) {
	acknowledged := f.written - min(uint64(max(buffered, 0)), f.written)
	if acknowledged > f.acked {
		f.acked, f.moved = acknowledged, now
	}
	for f.n > 0 && f.marks[f.first].end <= acknowledged {
		last = f.marks[f.first].last
		f.first = (f.first + 1) % len(f.marks)
		f.n--
	}
	return last
}

// delayedAck is how long an acknowledgement may be delayed. (RFC 9260, section 6.2)
const delayedAck = 200 * time.Millisecond

// overdue is how much longer the oldest packet in flight takes than it would with nothing in its way.
func overdue(age, shortest time.Duration) time.Duration { return max(age-shortest-delayedAck, 0) }
