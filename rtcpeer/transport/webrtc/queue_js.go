package webrtc

import (
	"io"
	"sync"
)

// A queue holds the packets of a lane that have arrived but have not been read. Its limit is that of its path:
// see budget.
type queue struct {
	budget *budget
	wake   chan struct{} // holds one token when there is something to take, or the end

	mu      sync.Mutex // guards the fields below
	packets [][]byte
	ended   error // the error after the last packet; nil while open
}

func newQueue(b *budget) *queue { return &queue{budget: b, wake: make(chan struct{}, 1)} }

// push adds a packet. It returns false if the budget has no room for it.
func (q *queue) push(packet []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended != nil {
		return true // nobody reads it any more
	}
	if !q.budget.take(len(packet)) {
		return false
	}
	q.packets = append(q.packets, packet)
	q.notify()
	return true
}

// pop waits for a packet and copies it to p, see transport.Lane.
func (q *queue) pop(p []byte) (int, error) {
	for {
		if n, err, ok := q.tryPop(p); ok {
			return n, err
		}
		<-q.wake
	}
}

func (q *queue) tryPop(p []byte) (n int, err error, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(q.packets) == 0 && q.ended == nil:
		return 0, nil, false
	case len(q.packets) == 0:
		q.notify() // for the next call of pop
		return 0, q.ended, true
	case len(q.packets[0]) > len(p):
		return 0, io.ErrShortBuffer, true
	}
	n = copy(p, q.packets[0])
	q.budget.give(n)
	q.packets[0] = nil
	if q.packets = q.packets[1:]; len(q.packets) == 0 {
		q.packets = nil
	}
	return n, nil, true
}

// end makes pop return the remaining packets, and then why.
func (q *queue) end(why error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended == nil {
		q.ended = why
	}
	q.notify()
}

// close drops the remaining packets. why replaces the error of an earlier end.
func (q *queue) close(why error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range q.packets {
		q.budget.give(len(p))
	}
	q.packets, q.ended = nil, why
	q.notify()
}

func (q *queue) notify() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// A budget is how many more bytes the lanes of a path may hold together.
type budget struct {
	mu   sync.Mutex // guards the field below
	left int
}

// packetCost is what a packet costs in addition to its bytes, so that the number of empty packets is limited
// too.
const packetCost = 128

func (b *budget) take(bytes int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left < bytes+packetCost {
		return false
	}
	b.left -= bytes + packetCost
	return true
}

func (b *budget) give(bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left += bytes + packetCost
}
