//go:build !js

package websocket

import (
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"

	gorilla "github.com/gorilla/websocket"
)

// outbox holds what waits to be written to one socket: packets in the order given, and ahead of them at most one pong
// and one close frame.
//
// Its bound is limit. The node keeps its own bound, SendBuffer, by means of buffered. The relay's announcements, which
// the node sends regardless of what is queued, come on top. A push over the limit fails with errSlow, and the socket is
// then ended: packets cannot be skipped.
type outbox struct {
	limit int           // bytes, of packets and their heads
	start time.Time     // the times in the heads count from here
	ready chan struct{} // holds a token while there is something to pop

	mu      sync.Mutex // guards everything below
	waiting []byte     // packets, each with its head
	taken   []byte     // the packets that are being popped; its memory is swapped with waiting
	rest    []byte     // the part of taken that was not popped yet
	size    int        // bytes pushed and not yet written
	oldest  int64      // when the packet that is being written was pushed
	pong    []byte     // nil: none
	goodbye []byte     // a close frame; nil: none
	ended   error      // why nothing is pushed any more; nil: packets may be pushed

	low    int // the size at which notify is called
	notify func()
}

// A packet's head is its length and the time when it was pushed, in nanoseconds since start. Heads count for the bound,
// so they also limit the number of tiny packets.
const headSize = 4 + 8

// keepBuffer is how large a buffer may stay after the load that filled it. Under load none is given back: growing it
// again for each batch costs six times the packets' own bytes.
const keepBuffer = 64 << 10

var errSlow = errors.New("websocket: slow: the other end does not read fast enough")

func newOutbox(limit int) *outbox {
	return &outbox{limit: limit, start: time.Now(), ready: make(chan struct{}, 1)}
}

// push appends a copy of a packet.
func (o *outbox) push(p []byte) error {
	now := int64(time.Since(o.start))
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.ended != nil:
		return o.ended
	case o.size+headSize+len(p) > o.limit:
		return errSlow
	case o.size == 0:
		o.oldest = now
	}
	o.waiting = binary.LittleEndian.AppendUint32(o.waiting, uint32(len(p)))
	o.waiting = binary.LittleEndian.AppendUint64(o.waiting, uint64(now))
	o.waiting = append(o.waiting, p...)
	o.size += headSize + len(p)
	wake(o.ready)
	return nil
}

// answer puts the pong for a ping in the queue. Only the latest ping has to be answered (RFC 6455, section 5.5.3).
func (o *outbox) answer(ping string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pong = append(make([]byte, 0, len(ping)), ping...)
	wake(o.ready)
}

// finish makes a close frame the next message, and the last.
func (o *outbox) finish(code int, text string) {
	const most = 123 // bytes of a control frame, less the code
	o.mu.Lock()
	defer o.mu.Unlock()
	o.goodbye = gorilla.FormatCloseMessage(code, strings.ToValidUTF8(text[:min(len(text), most)], ""))
	o.ended = transport.ErrClosed
	wake(o.ready)
}

// fail drops what waits. Those who wait for room are notified, and then find the outbox ended.
func (o *outbox) fail() {
	o.mu.Lock()
	if o.ended == nil {
		o.ended = transport.ErrRemoteClosed
	}
	o.waiting, o.taken, o.rest = nil, nil, nil
	fallen := o.fall(o.size)
	o.mu.Unlock()
	fallen()
}

// pop returns the next message and its type, or 0. The message is valid until the next pop. A packet counts as buffered
// until written is called. A packet stays if fits, which gets its size, returns false.
func (o *outbox) pop(fits func(size int) bool) (kind int, data []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.goodbye != nil {
		return gorilla.CloseMessage, o.goodbye
	}
	if o.pong != nil {
		kind, data, o.pong = gorilla.PongMessage, o.pong, nil
	} else if kind, data = o.popPacket(fits); kind == 0 {
		return 0, nil
	}
	if len(o.rest)+len(o.waiting) > 0 {
		wake(o.ready)
	}
	return kind, data
}

func (o *outbox) popPacket(fits func(int) bool) (kind int, data []byte) {
	if len(o.rest) == 0 {
		o.swap()
	}
	if len(o.rest) == 0 {
		return 0, nil
	}
	end := headSize + int(binary.LittleEndian.Uint32(o.rest))
	o.oldest = int64(binary.LittleEndian.Uint64(o.rest[4:]))
	if !fits(end - headSize) {
		return 0, nil
	}
	data, o.rest = o.rest[headSize:end], o.rest[end:]
	return gorilla.BinaryMessage, data
}

// swap takes over what waits. mu is held, here and in popPacket.
func (o *outbox) swap() {
	free := o.taken[:0]
	if cap(free) > keepBuffer && len(o.waiting) < cap(free)/4 {
		free = nil
	}
	o.taken, o.waiting = o.waiting, free
	o.rest = o.taken
}

// written notes that a packet of n bytes, the last one popped, has gone to the network.
func (o *outbox) written(n int) {
	o.mu.Lock()
	fallen := o.fall(headSize + n)
	o.mu.Unlock()
	fallen()
}

// fall takes n bytes from size, and returns a function to call after mu, which is held, is released.
func (o *outbox) fall(n int) func() {
	before := o.size
	o.size = max(before-n, 0)
	if o.notify != nil && before > o.low && o.size <= o.low {
		return o.notify
	}
	return func() {}
}

func (o *outbox) buffered() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.size
}

// lag returns how long the packet that is being written, or else the next one, has waited. A packet pushed now has to
// wait about as long.
func (o *outbox) lag() time.Duration {
	now := time.Since(o.start)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.size == 0 {
		return 0
	}
	return now - time.Duration(o.oldest)
}

func (o *outbox) notifyLow(bytes int, f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.low, o.notify = bytes, f
}

// wake puts a token into a channel of capacity one, unless there is one.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
