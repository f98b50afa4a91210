package rtcpeer

import (
	"context"
	"slices"
	"time"
)

// A flush is what a call of Flush waits for: for each link that was open when it began, the reliable packets sent until
// then.
type flush []flushing

// A flushing is one lane of a flush.
type flushing struct {
	lane *lane
	sent uint64 // how many packets were sent on it
}

// flushEach is how often a flush checks, and asks the other ends what they have taken. On an idle path the answer takes
// a round trip.
const flushEach = 20 * time.Millisecond

// Flush waits until the other ends have taken every reliable packet that Send has accepted before. A packet is taken
// when the other node has it, ready to be received by its program. A star's guest waits only for its host, which may
// still have to pass packets on to others. If the guest leaves before that, the others may miss packets on channels
// other than 0: see PeerDisconnected. Flush waits through interruptions, until ctx is done or the peer is disconnected.
// Then it returns an *UndeliveredError. Other errors: ErrClosed, or why the node has ended.
//
// With a peer that takes no part in repairs, such as Godot's, Flush waits until every packet is acknowledged, including
// those that were sent while Flush waited.
func (n *Node) Flush(ctx context.Context) error {
	if n.ctx.Err() != nil {
		return context.Cause(n.ctx)
	}
	rest := newFlush(n.roster.open.Load().all)
	gone := &UndeliveredError{Bytes: make(map[PeerID]int), Err: ErrUnknownPeer}
	ticker := time.NewTicker(flushEach)
	defer ticker.Stop()
	for {
		if rest = rest.next(gone); len(rest) == 0 {
			return gone.orNil()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			for _, f := range rest {
				gone.add(f.lane)
			}
			gone.Err = context.Cause(ctx)
			return gone.orNil()
		}
	}
}

func newFlush(links []*link) (f flush) {
	for _, l := range links {
		for _, ln := range l.lanes {
			if ln.mode == Reliable {
				f = append(f, flushing{ln, ln.sent.Load()})
			}
		}
	}
	return f
}

// next returns what is left to wait for, and asks the other ends about it. It adds what was for a peer that is gone to
// gone.
func (f flush) next(gone *UndeliveredError) (rest flush) {
	var asked *link
	for _, one := range f {
		l := one.lane.link
		switch {
		case one.lane.isTaken(one.sent):
		case l.why() != 0:
			gone.add(one.lane)
		default:
			rest = append(rest, one)
			if asked != l && one.lane.keeps() && one.lane.unsent() == 0 {
				l.path.Load().tell(beatAsks)
				asked = l
			}
		}
	}
	return rest
}

func (e *UndeliveredError) add(ln *lane) {
	if n := ln.ofProgram(ln.buffered()); n > 0 {
		e.Bytes[ln.link.peer] += n
	}
}

func (e *UndeliveredError) orNil() error {
	if len(e.Bytes) == 0 {
		return nil
	}
	return e
}

// undelivered returns which of a link's reliable packets this end does not know to have arrived, after it has given up
// waiting for them.
func (l *link) undelivered() *UndeliveredError {
	e := &UndeliveredError{Bytes: make(map[PeerID]int), Err: ErrClosed}
	n := 0
	for _, ln := range l.lanes {
		switch {
		case ln.mode != Reliable:
		case l.repair.closed && !l.byeSaid:
			n += ln.ofProgram(ln.buffered())
		default:
			n += ln.ofProgram(min(ln.unsent(), ln.buffered())) // what was taken may not be acknowledged yet
		}
	}
	if n == 0 {
		return nil
	}
	e.Bytes[l.peer] = n
	return e
}

// isTaken reports whether the other end has taken the first n packets.
func (l *lane) isTaken(n uint64) bool {
	if !l.keeps() {
		return l.unsent() == 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept.first >= n
}

// unsent returns how many bytes are still on their way over the path that they were written to.
func (l *lane) unsent() int {
	l.mu.Lock()
	p := l.on
	l.mu.Unlock()
	return p.lanes[l.index].Buffered()
}

// An ownFrame is a frame that the node itself has sent, such as a host's announcement of a guest. Nobody waits for it.
type ownFrame struct {
	end  uint64 // where it ends in the bytes of its lane
	size int
}

// sentOwn notes an own frame that was just sent, and forgets those that have arrived.
func (l *lane) sentOwn(size int) {
	arrived := l.sentBytes.Load() - uint64(l.buffered())
	l.mu.Lock()
	defer l.mu.Unlock()
	l.own = slices.DeleteFunc(l.own, func(f ownFrame) bool { return f.end <= arrived })
	l.own = append(l.own, ownFrame{l.sentBytes.Load(), size})
	l.ownBytes += uint64(size)
}

// ofProgram returns how many of the n bytes that have not arrived were sent by the program, rather than by the node or
// (as over a WebSocket) by the transport.
func (l *lane) ofProgram(n int) int {
	arrived := l.sentBytes.Load() - uint64(n)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.own {
		if f.end > arrived {
			n -= f.size
		}
	}
	return max(min(n, int(l.sentBytes.Load()-l.ownBytes)), 0)
}
