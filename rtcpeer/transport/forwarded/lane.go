package forwarded

import (
	"fmt"
	"io"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// lane is one lane of a path.
type lane struct {
	// Fixed at construction.
	path   *path
	config transport.LaneConfig
	wake   chan struct{} // holds a token when the reader should look again

	// Guarded by Mux.mu.
	waiting   packets // packets to send
	inFlight  int     // bytes
	low       int     // set by NotifyLow
	onLow     func()
	sent      uint32  // bytes with partCost, modulo 2^32
	readThere uint32  // how much of sent the other end's program has read, as acknowledged
	arrived   uint32  // bytes with partCost that have come from the other end, modulo 2^32
	read      uint32  // how much of arrived counts as read: see reckon
	told      uint32  // how much of read the other end knows
	whole     packets // packets to read
	costs     []int   // of the packets in whole
	waits     int     // sum of costs
	parts     []byte  // of an incomplete packet
	partsCost int
}

func (l *lane) Write(p []byte) error {
	if len(p) > maxPacket {
		return fmt.Errorf("%w: %d bytes", transport.ErrTooLarge, len(p))
	}
	m := l.path.mux
	m.mu.Lock()
	defer m.unlock()
	if l.path.over {
		return l.path.why
	}
	l.waiting.push(p, time.Now())
	m.queue(l.path)
	return nil
}

func (l *lane) Read(p []byte) (int, error) {
	for {
		n, err, wait := l.tryRead(p)
		if !wait {
			return n, err
		}
		select {
		case <-l.wake:
		case <-l.path.done:
		}
	}
}

func (l *lane) TryRead(p []byte) (int, error) {
	n, err, wait := l.tryRead(p)
	if wait {
		return 0, transport.ErrNoPacket
	}
	return n, err
}

func (l *lane) tryRead(p []byte) (n int, err error, wait bool) {
	m := l.path.mux
	m.mu.Lock()
	defer m.unlock()
	switch {
	case l.path.closed:
		return 0, transport.ErrClosed, false
	case l.whole.empty() && l.path.over:
		return 0, l.path.why, false
	case l.whole.empty():
		return 0, nil, true
	case len(l.whole.first()) > len(p):
		return 0, io.ErrShortBuffer, false
	}
	n = copy(p, l.whole.first())
	l.whole.drop(n)
	l.waits -= l.costs[0]
	l.costs = l.costs[1:]
	if l.reckon(); l.read-l.told >= laneWindow/4 {
		l.path.ack = true
		m.queue(l.path)
	}
	return n, nil, false
}

func (l *lane) Buffered() int {
	l.path.mux.mu.Lock()
	defer l.path.mux.mu.Unlock()
	return l.buffered()
}

func (l *lane) buffered() int { return l.waiting.bytes + l.inFlight }

// Lag returns how long the oldest packet of the lane has been waiting, or how late the bytes in flight are,
// whichever is longer.
func (l *lane) Lag() time.Duration {
	m, now := l.path.mux, time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	var lag time.Duration
	if !l.waiting.empty() {
		lag = now.Sub(l.waiting.since())
	}
	if flight := l.path.flight; len(flight) > 0 {
		lag = max(lag, now.Sub(flight[0].at)-l.path.shortest)
	}
	return lag
}

func (l *lane) NotifyLow(bytes int, f func()) {
	l.path.mux.mu.Lock()
	defer l.path.mux.mu.Unlock()
	l.low, l.onLow = bytes, f
}

// fell makes the next Mux.unlock call onLow if Buffered fell from above low. Mux.mu is held, here and below.
func (l *lane) fell(before int) {
	if l.onLow != nil && before > l.low && l.buffered() <= l.low {
		l.path.mux.calls = append(l.path.mux.calls, l.onLow)
	}
}

// receive handles a part. It reports false if the other end was not allowed to send it.
func (l *lane) receive(f frame) bool {
	cost := len(f.data) + partCost
	l.arrived += uint32(cost)
	if l.arrived-l.told > laneWindow || len(l.parts)+len(f.data) > maxPacket {
		return false
	}
	l.parts = append(l.parts, f.data...)
	l.partsCost += cost
	if f.kind == frameLast {
		l.whole.push(l.parts, time.Time{})
		l.costs = append(l.costs, l.partsCost)
		l.waits += l.partsCost
		l.parts, l.partsCost = l.parts[:0], 0
		l.notifyReader()
	}
	l.reckon()
	return true
}

// reckon computes how much counts as read. The parts of an incomplete packet count as read while nothing else
// waits, because a packet may be larger than the window.
func (l *lane) reckon() {
	read := l.arrived - uint32(l.waits)
	if !l.whole.empty() {
		read -= uint32(l.partsCost)
	}
	if int32(read-l.read) > 0 {
		l.read = read
	}
}

func (l *lane) notifyReader() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}
