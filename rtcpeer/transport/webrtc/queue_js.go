package webrtc

import (
	"io"
	"sync"
)

// A queue holds the packets of a lane that have arrived and were not yet read. Its bound is its
// path's, see budget.
type queue struct {
	budget *budget
	wake   chan struct{} // holds one token when there is something to take, or the end

	mu      sync.Mutex // guards the fields below
	packets [][]byte
	ended   error // what follows the last packet; nil while open
}

func newQueue(b *budget) *queue { return &queue{budget: b, wake: make(chan struct{}, 1)} }

// push takes the packet, or returns false if the budget does not.
func (q *queue) push(packet []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended != nil {
		return true // there is nobody to miss it
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
		q.notify() // for whoever reads again
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

// end lets what is there be read, and then why.
func (q *queue) end(why error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended == nil {
		q.ended = why
	}
	q.notify()
}

// close drops what is there; why takes the place of any earlier end.
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

// A budget is how many bytes all lanes of a path may hold together.
type budget struct {
	mu   sync.Mutex // guards the field below
	left int
}

// packetCost is what a packet takes besides its bytes, so that empty ones are bounded as well.
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
