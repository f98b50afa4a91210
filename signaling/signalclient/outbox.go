package signalclient

import "sync"

// These limits have room for the signals after a join: about 80 for each of a dozen peers.
const (
	outboxFrames = 1024
	outboxBytes  = 1 << 20
)

// An outbox holds at most outboxFrames frames and outboxBytes bytes that wait for the connection. A push that does
// not fit is refused with ErrBufferFull: accepted frames are not dropped while the client lives.
type outbox struct {
	wake chan struct{} // holds one token when frames were pushed

	mu     sync.Mutex // guards the fields below
	frames [][]byte
	bytes  int
	closed error // what push returns; nil while open
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

func (o *outbox) push(frame []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed != nil:
		return o.closed
	case len(o.frames) >= outboxFrames || o.bytes+len(frame) > outboxBytes:
		return ErrBufferFull
	}
	o.frames = append(o.frames, frame)
	o.bytes += len(frame)
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return nil
}

// head returns the oldest frame, or nil. The frame stays until pop, so a frame whose write has failed is sent first
// on the next connection.
func (o *outbox) head() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.frames) == 0 {
		return nil
	}
	return o.frames[0]
}

// pop removes the head.
func (o *outbox) pop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= len(o.frames[0])
	o.frames[0] = nil
	if o.frames = o.frames[1:]; len(o.frames) == 0 {
		o.frames = nil
	}
}

// close drops the waiting frames and makes each later push return why.
func (o *outbox) close(why error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.frames, o.bytes, o.closed = nil, 0, why
}
