package rtcpeer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// lane is the node's side of one data channel: the bounds of sending, and the loop that reads.
type lane struct {
	// Fixed at construction.
	link    *link
	index   int
	channel int
	mode    Mode
	raw     transport.Lane
	credit  *credit

	sent, sentBytes         atomic.Uint64
	received, receivedBytes atomic.Uint64

	// Owned by the one that reads: the authentication, then readLoop.
	buf    []byte
	unread []byte // a frame in buf that read is to return once more

	mu  sync.Mutex    // guards the field below
	low chan struct{} // closed when Buffered has fallen to half; nil if nobody waits
}

// lossyFloor is what an unreliable lane may hold whatever its lag: below it the lag is not asked
// for, which costs more than the packet.
const lossyFloor = 16 << 10 // bytes

func newLane(l *link, index int, raw transport.Lane) *lane {
	n := l.node
	ln := &lane{link: l, index: index, channel: n.channels.channel(index), mode: n.channels[index], raw: raw, credit: newCredit()}
	if ln.mode == Reliable {
		raw.NotifyLow(n.config.SendBuffer/2, ln.fallen)
	}
	return ln
}

// trySend sends a packet if the lane has room. An unreliable lane without room drops it.
func (l *lane) trySend(p []byte) error {
	buffered := l.raw.Buffered()
	switch {
	case l.mode == Reliable:
		if buffered+len(p) > l.link.node.config.SendBuffer {
			return ErrBufferFull
		}
	case buffered+len(p) > lossyFloor && (buffered > l.link.node.config.SendBuffer || l.raw.Lag() > l.link.node.config.MaxLag):
		l.link.node.inbox.counters.drop(dropBufferFull)
		return nil
	}
	return l.write(p)
}

// send is trySend, but waits for room until ctx or the link is over.
func (l *lane) send(ctx context.Context, p []byte) error {
	err := l.trySend(p)
	for err == ErrBufferFull {
		low := l.awaitLow()
		if err = l.trySend(p); err != ErrBufferFull {
			break
		}
		select {
		case <-low:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-l.link.over:
			return fmt.Errorf("%w: %d: disconnected while waiting to send", ErrUnknownPeer, l.link.peer)
		}
		err = l.trySend(p)
	}
	return err
}

// put is send with a context, and trySend with noWait.
func (l *lane) put(ctx context.Context, p []byte) error {
	if ctx == noWait {
		return l.trySend(p)
	}
	return l.send(ctx, p)
}

// sendOrStall is send for a relay: it gives up when the lane has taken nothing for the given time,
// or stop is closed.
func (l *lane) sendOrStall(p []byte, stalled time.Duration, stop <-chan struct{}) error {
	for {
		low, before := l.awaitLow(), l.raw.Buffered()
		if err := l.trySend(p); err != ErrBufferFull {
			return err
		}
		timer := time.NewTimer(stalled)
		select {
		case <-low:
		case <-timer.C:
			if l.raw.Buffered() >= before {
				return ErrBufferFull
			}
		case <-stop:
			timer.Stop()
			return ErrClosed
		case <-l.link.over:
			timer.Stop()
			return ErrUnknownPeer
		}
		timer.Stop()
	}
}

// write hands a packet to the transport, whatever is queued there.
func (l *lane) write(p []byte) error {
	err := l.raw.Write(p)
	switch {
	case err == nil:
		l.sent.Add(1)
		l.sentBytes.Add(uint64(len(p)))
		return nil
	case errors.Is(err, transport.ErrTooLarge):
		return fmt.Errorf("%w: %d bytes are more than peer %d accepts", ErrPacketTooLarge, len(p), l.link.peer)
	default:
		return fmt.Errorf("%w: %d: %v", ErrUnknownPeer, l.link.peer, err)
	}
}

// awaitLow returns a channel that is closed the next time Buffered falls to half of SendBuffer.
// Whoever asks must then find the lane full once more before waiting.
func (l *lane) awaitLow() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.low == nil {
		l.low = make(chan struct{})
	}
	return l.low
}

func (l *lane) fallen() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.low != nil {
		close(l.low)
		l.low = nil
	}
}

// readLoop takes packets from the transport until the lane ends, and says why it did.
func (l *lane) readLoop() DisconnectReason {
	for {
		p, err := l.read()
		switch {
		case err == nil && len(p) > 0: // an empty packet means nothing in the contract
			l.link.node.route.receive(l, p)
		case errors.Is(err, io.ErrShortBuffer):
			return Misbehaved // the packet is over the limit that was announced
		case err != nil:
			return reasonOf(err)
		}
	}
}

// read waits for the next packet, which is valid until the next call. Its buffer starts small, because
// most lanes carry small packets or none and a node has three of them for each peer.
func (l *lane) read() ([]byte, error) {
	if p := l.unread; p != nil {
		l.unread = nil
		return p, nil
	}
	largest := l.link.node.config.MaxPacket + frameOverhead
	if l.buf == nil {
		l.buf = make([]byte, min(1200, largest))
	}
	for {
		n, err := l.raw.Read(l.buf)
		if err == nil {
			l.received.Add(1)
			l.receivedBytes.Add(uint64(n))
			return l.buf[:n], nil
		}
		if !errors.Is(err, io.ErrShortBuffer) || len(l.buf) >= largest {
			return nil, err
		}
		l.buf = make([]byte, min(4*len(l.buf), largest))
	}
}

// flush waits until everything sent was acknowledged, or ctx or the link is over.
func (l *lane) flush(ctx context.Context) {
	empty := make(chan struct{}, 1)
	l.raw.NotifyLow(0, func() { notify(empty) })
	for l.raw.Buffered() > 0 {
		select {
		case <-empty:
		case <-ctx.Done():
			return
		case <-l.link.silent:
			return
		}
	}
}
