package rtcpeer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// lane is this end of one channel of a link, in one mode. It outlives the paths: it has the bounds of sending, and counts
// what was sent and taken. The data channels that carry its packets belong to the paths.
type lane struct {
	// Fixed at construction.
	link    *link
	index   int
	channel int
	mode    Mode
	credit  *credit

	sent, sentBytes         atomic.Uint64
	received, receivedBytes atomic.Uint64
	resent                  atomic.Uint64

	// handling has a token while a received packet is on its way to the program, which may make it wait. When the link
	// moves, the readers of its two paths take turns with it.
	handling chan struct{}
	unsaid   int // bytes taken since the other end was last told; owned by whoever has put the token

	mu   sync.Mutex    // guards the fields below
	low  chan struct{} // closed when the lane has room again; nil if nobody waits
	on   *path         // the path that packets are written to
	kept kept          // reliable, on a link that can be repaired: what the other end has not taken
	own  []ownFrame    // frames of the node itself that may not have arrived

	ownBytes uint64 // of all own frames ever sent

	intake sync.Mutex // guards the fields below
	from   *path      // the only path whose packets are taken
	taken  uint64     // how many packets were taken
}

// lossyFloor is what an unreliable lane may hold whatever its lag. Below it the lag is not checked, because the check
// costs more than the packet.
const lossyFloor = 4 << 10 // bytes

func newLane(l *link, index int) *lane {
	n := l.node
	return &lane{
		link: l, index: index, channel: n.channels.channel(index), mode: n.channels[index],
		credit: newCredit(), handling: make(chan struct{}, 1),
	}
}

// keeps reports whether packets are kept until the other end has taken them.
func (l *lane) keeps() bool { return l.mode == Reliable && l.link.id != "" }

// begin has the lane use the first path of the link, whose control frames are read already.
func (l *lane) begin(p *path) {
	l.takeFrom(p)
	l.mu.Lock()
	l.on = p
	l.mu.Unlock()
	if l.mode == Reliable && !l.keeps() {
		p.lanes[l.index].NotifyLow(l.link.sendBuffer/2, l.fallen)
	}
}

// gamePacket is the largest packet that a Godot game receives: the engine silently drops larger ones.
const gamePacket = 16 << 10 // bytes, without the frame

// trySend sends a packet if the lane has room. An unreliable lane without room drops it.
func (l *lane) trySend(p []byte) error {
	if l.link.once && len(p) > gamePacket+FrameOverhead {
		return fmt.Errorf("%w: %d bytes: peer %d is a Godot game, which drops packets of more than %d bytes", ErrPacketTooLarge, len(p), l.link.peer, gamePacket)
	}
	if l.keeps() {
		return l.keep(p, l.link.sendBuffer)
	}
	raw := l.link.path.Load().lanes[l.index]
	buffered := raw.Buffered()
	switch {
	case l.mode == Reliable:
		if buffered+len(p) > l.link.sendBuffer {
			return ErrBufferFull
		}
	case l.link.interrupted.Load():
		l.link.node.inbox.counters.drop(DropInterrupted)
		return nil
	case buffered+len(p) > lossyFloor && (buffered > l.link.sendBuffer || raw.Lag() > l.link.node.config.MaxLag):
		l.link.node.inbox.counters.drop(DropBufferFull)
		return nil
	}
	return l.wrote(p, raw.Write(p))
}

// keep sends a packet and keeps it until the other end has taken it. While the link is interrupted the packet only
// waits for the next path.
func (l *lane) keep(p []byte, limit int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept.size+len(p) > limit {
		return ErrBufferFull
	}
	select {
	case <-l.link.over:
		return fmt.Errorf("%w: %d", ErrUnknownPeer, l.link.peer)
	default:
	}
	if err := l.on.lanes[l.index].Write(p); errors.Is(err, transport.ErrTooLarge) {
		return l.wrote(p, err)
	}
	l.kept.push(p)
	return l.wrote(p, nil)
}

// send is like trySend, but waits for room until ctx is done or the link is over.
func (l *lane) send(ctx context.Context, p []byte) error {
	err := l.sendUntil(ctx.Done(), 0, p)
	if err == errStopped {
		return context.Cause(ctx)
	}
	return err
}

// put is send if wait is true, and otherwise trySend.
func (l *lane) put(ctx context.Context, wait bool, p []byte) error {
	if wait {
		return l.send(ctx, p)
	}
	return l.trySend(p)
}

// errStopped is the error of sendUntil when it was stopped.
var errStopped = errors.New("stopped while waiting to send")

// sendUntil is like trySend, but waits for room until stop is closed or the link is over. It returns ErrBufferFull when
// the other end has taken nothing from the lane for the time patience; 0 means that it waits without this limit.
func (l *lane) sendUntil(stop <-chan struct{}, patience time.Duration, p []byte) error {
	err := l.trySend(p)
	for err == ErrBufferFull {
		low, before := l.awaitLow(), l.buffered()
		if err = l.trySend(p); err != ErrBufferFull {
			break
		}
		var stalled <-chan time.Time
		if patience > 0 {
			stalled = time.After(patience)
		}
		select {
		case <-low:
		case <-stalled:
			if l.buffered() >= before {
				return ErrBufferFull
			}
		case <-stop:
			return errStopped
		case <-l.link.over:
			return fmt.Errorf("%w: %d: disconnected while waiting to send", ErrUnknownPeer, l.link.peer)
		}
		err = l.trySend(p)
	}
	return err
}

// write sends a packet whatever waits already. It is for packets that are few and small. On a lane that keeps packets,
// the link ends as Slow if so many wait that they fill twice the buffer.
func (l *lane) write(p []byte) error {
	err := l.writeAnyway(p)
	if err == nil {
		l.sentOwn(len(p))
	}
	return err
}

func (l *lane) writeAnyway(p []byte) error {
	if !l.keeps() {
		return l.wrote(p, l.link.path.Load().lanes[l.index].Write(p))
	}
	err := l.keep(p, 2*l.link.sendBuffer)
	if err == ErrBufferFull {
		l.link.end(Slow)
	}
	return err
}

// wrote counts a packet that was written, or returns why it was not.
func (l *lane) wrote(p []byte, err error) error {
	switch {
	case err == nil:
		l.sent.Add(1)
		l.sentBytes.Add(uint64(len(p)))
		return nil
	case errors.Is(err, transport.ErrTooLarge):
		return fmt.Errorf("%w: peer %d does not accept %d bytes", ErrPacketTooLarge, l.link.peer, len(p))
	case l.mode != Reliable && l.link.id != "":
		l.link.node.inbox.counters.drop(DropInterrupted) // the path has just ended, and the link has not
		return nil
	default:
		return fmt.Errorf("%w: %d: %v", ErrUnknownPeer, l.link.peer, err)
	}
}

// buffered returns how many bytes were sent and have not arrived, as far as this end knows.
func (l *lane) buffered() int {
	if !l.keeps() {
		return l.link.path.Load().lanes[l.index].Buffered()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept.size
}

// awaitLow returns a channel that is closed the next time the buffered bytes fall to half of the link's sendBuffer. The
// caller must find the lane full once more after this call, and before waiting.
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
	l.wake()
}

// wake wakes those who wait for room; mu is held.
func (l *lane) wake() {
	if l.low != nil {
		close(l.low)
		l.low = nil
	}
}

// takenByOther notes how many packets the other end says, over path p, that it has taken. It returns false if that
// cannot be.
func (l *lane) takenByOther(p *path, n uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.on != p {
		return true // it comes too late, or too early, to mean anything
	}
	ok := l.kept.taken(n)
	if l.kept.size <= l.link.sendBuffer/2 {
		l.wake()
	}
	return ok
}

// moveTo sends the packets that the other end has not taken over path p, and all packets from now on. n is how many the
// other end has taken. It returns false if n cannot be: more than were sent, or fewer than the other end has said
// before.
func (l *lane) moveTo(p *path, n uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.kept.taken(n) {
		return false
	}
	l.on = p
	l.resent.Add(l.kept.next - l.kept.first)
	_ = l.kept.all(p.lanes[l.index].Write) // if it fails, p has ended, and the next path gets them
	if l.kept.size <= l.link.sendBuffer/2 {
		l.wake()
	}
	return true
}

// trim gives back memory that is not used any more.
func (l *lane) trim() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept.trim()
}

// take claims a packet that was read from path p: it counts as taken from now on. It returns false if another path has
// taken over, so that only the packets of that one count.
func (l *lane) take(p *path) bool {
	l.intake.Lock()
	defer l.intake.Unlock()
	if l.from != p {
		return false
	}
	l.taken++
	return true
}

// takeFrom makes the lane take only packets of path p from now on, and returns how many it has taken so far.
func (l *lane) takeFrom(p *path) uint64 {
	l.intake.Lock()
	defer l.intake.Unlock()
	l.from = p
	return l.taken
}

func (l *lane) count() uint64 {
	l.intake.Lock()
	defer l.intake.Unlock()
	return l.taken
}

// flush waits until everything sent over p was acknowledged, or until ctx or the path is over.
func (l *lane) flush(ctx context.Context, p *path) {
	raw := p.lanes[l.index]
	empty := make(chan struct{}, 1)
	raw.NotifyLow(0, func() { notify(empty) })
	for raw.Buffered() > 0 {
		select {
		case <-empty:
		case <-ctx.Done():
			return
		case <-l.link.silent:
			return
		}
	}
}
