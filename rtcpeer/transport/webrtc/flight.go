//go:build !js

package webrtc

import (
	"sync"
	"time"
)

// A flight is when the packets of an unreliable lane were written that the other end has not acknowledged. How old the
// first of them is says how long a packet takes, wherever it stands: in queues here, in the buffers of sockets, or in
// front of an end that is short of CPU. Congestion windows and round trips tell of the network alone. Safe for all.
type flight struct {
	mu      sync.Mutex // guards the fields below
	written uint64     // bytes
	marks   [32]mark   // a ring; the oldest is at first
	first   int
	n       int
}

// A mark is some packets that were written within markEach.
type mark struct {
	end uint64 // written, after them
	at  time.Time
}

const markEach = 10 * time.Millisecond

// wrote notes a packet.
func (f *flight) wrote(n int, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.written += uint64(n)
	if last := &f.marks[(f.first+f.n+len(f.marks)-1)%len(f.marks)]; f.n == len(f.marks) || f.n > 0 && now.Sub(last.at) < markEach {
		last.end = f.written
		return
	}
	f.marks[(f.first+f.n)%len(f.marks)] = mark{f.written, now}
	f.n++
}

// age returns how long ago the first of the packets was written that make up the last buffered bytes; 0 if there is none.
func (f *flight) age(buffered int, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	acknowledged := f.written - min(uint64(max(buffered, 0)), f.written)
	for f.n > 0 && f.marks[f.first].end <= acknowledged {
		f.first = (f.first + 1) % len(f.marks)
		f.n--
	}
	if f.n == 0 {
		return 0
	}
	return now.Sub(f.marks[f.first].at)
}

// delayedAck is how long an acknowledgement may be delayed. (RFC 9260, section 6.2)
const delayedAck = 200 * time.Millisecond

// overdue is how much longer the oldest packet in flight takes than it would with nothing in its way.
func overdue(age, shortest time.Duration) time.Duration { return max(age-shortest-delayedAck, 0) }
