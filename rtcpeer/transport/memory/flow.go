package memory

import (
	"sync"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// window is how many unread bytes a lane holds at its reader. Beyond it a reliable lane pushes back: the excess
// counts as Buffered at its sender. An unreliable lane drops the new packet. 1 MiB is the window of Pion and
// usrsctp.
const window = 1 << 20

// A flow is one direction of one lane.
type flow struct {
	// Fixed at construction.
	pipe *pipe
	cfg  transport.LaneConfig // the sender's configuration

	// Guarded by pipe.mu.
	wanted         bool // the reading end has this lane; otherwise its packets are dropped
	queue          queue
	readable       sync.Cond
	sent           uint64    // number of the last packet written
	newest         uint64    // highest number that arrived
	flying         int       // packets in flight
	inFlight       int       // bytes in flight
	unacknowledged int       // bytes not acknowledged because nothing comes back or the reader has closed
	lastAt         time.Time // when the last packet of a reliable flow arrives
	low            int       // set by NotifyLow
	onLow          func()
}

func (f *flow) reliable() bool { return f.cfg.Mode == transport.Reliable }

func (f *flow) write(b []byte) error {
	p := f.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.writeErr != nil {
		return p.writeErr
	}
	p.sent += uint64(len(b))
	f.sent++
	o := p.network.options.Load()
	switch {
	case !f.wanted && p.blocked, p.blocked && !f.reliable():
		return nil
	case !f.wanted:
		time.AfterFunc(o.Delay, func() { p.stray(f.cfg.ID) })
		return nil
	}
	if o.clean() && !p.blocked && f.flying == 0 {
		f.arrive(f.sent, b)
		return nil
	}
	f.launch(o, b)
	return nil
}

// arrive delivers a packet to the reading end. The caller holds pipe.mu, here and below unless a comment says
// otherwise.
func (f *flow) arrive(number uint64, b []byte) {
	if f.reliable() && f.pipe.writeErr == nil && (f.pipe.unheard || f.pipe.readErr != nil) {
		f.unacknowledged += len(b)
	}
	overtaken := f.cfg.Mode == transport.UnreliableOrdered && number < f.newest
	full := !f.reliable() && f.queue.held()+len(b) > window
	if overtaken || full || f.pipe.readErr != nil {
		return
	}
	f.newest = max(f.newest, number)
	f.pipe.received += uint64(len(b))
	f.queue.push(b)
	f.readable.Signal()
}

// read returns the next packet. If there is none and wait is true, it waits for one. It locks pipe.mu.
func (f *flow) read(b []byte, wait bool) (int, error) {
	p := f.pipe
	p.mu.Lock()
	defer p.unlock()
	for f.queue.empty() && p.readErr == nil {
		if !wait {
			return 0, transport.ErrNoPacket
		}
		f.readable.Wait()
	}
	if f.queue.empty() {
		return 0, p.readErr
	}
	before := f.buffered()
	n, err := f.queue.pop(b)
	f.fell(before)
	return n, err
}

// buffered returns the bytes that were written and are not acknowledged, because they have not arrived, exceed
// the window, or nothing comes back.
func (f *flow) buffered() int { return f.inFlight + f.unacknowledged + max(f.queue.bytes-window, 0) }

// fell makes the next pipe.unlock call onLow if Buffered fell from above low.
func (f *flow) fell(before int) {
	if f.onLow != nil && before > f.low && f.buffered() <= f.low {
		f.pipe.fallen = append(f.pipe.fallen, f)
	}
}

// waiting returns buffered. It locks pipe.mu.
func (f *flow) waiting() int {
	f.pipe.mu.Lock()
	defer f.pipe.mu.Unlock()
	return f.buffered()
}

// notifyLow sets the function for NotifyLow. It locks pipe.mu.
func (f *flow) notifyLow(bytes int, call func()) {
	f.pipe.mu.Lock()
	defer f.pipe.mu.Unlock()
	if !f.pipe.silent {
		f.low, f.onLow = bytes, call
	}
}
