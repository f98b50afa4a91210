package rtcpeer

import (
	"errors"
	"io"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// reader takes the packets of one lane from one path.
type reader struct {
	lane *lane
	path *path

	// Owned by the one that reads: the authentication, then readLoop.
	buf    []byte
	unread []byte // a packet in buf that was taken already, with which readLoop begins

	// Of an unreliable lane:
	caughtUp time.Time // when nothing waited to be read, or before
	behind   time.Time // since when a packet was there whenever one was read; zero: not known
}

// readLoop takes packets until the path ends, or another one has taken over. It returns the reason for which the link
// has to end too, or 0.
func (r *reader) readLoop() DisconnectReason {
	if p := r.unread; p != nil {
		r.unread = nil
		r.handle(p, true)
	}
	for {
		p, err := r.read()
		switch {
		case errors.Is(err, io.ErrShortBuffer):
			// The packet is over the limit that was announced. If the transport wraps the error, something else is
			// wrong.
			r.lane.link.oversized.Store(err == io.ErrShortBuffer)
			return Misbehaved
		case err != nil && r.path.control != nil:
			return 0 // the link may go on over another path
		case err != nil:
			return reasonOf(err)
		}
		if !r.handle(p, false) {
			return 0
		}
	}
}

// handle brings a packet to the program, or relays it. It returns false if another path has taken over before, or the
// link is over.
func (r *reader) handle(p []byte, taken bool) bool {
	l := r.lane
	l.handling <- struct{}{}
	defer func() { <-l.handling }()
	// What is taken is delivered, so nothing is taken any more when the link is over.
	if !taken && (isClosed(l.link.halt) || !l.take(r.path)) {
		return false
	}
	if len(p) > 0 { // an empty packet means nothing in the contract
		l.link.route.receive(l, p)
	}
	if l.keeps() {
		r.acknowledge(len(p))
	}
	return true
}

// acknowledge tells the other end what was taken as soon as that is a large part of what the other end keeps; otherwise
// the next beat does. The caller has put the token.
func (r *reader) acknowledge(n int) {
	l := r.lane
	if l.unsaid += n; l.unsaid >= l.link.tellEach {
		l.unsaid = 0
		r.path.beat(0)
	}
}

// read waits for the next packet, which is valid until the next call. Its buffer starts small, because
// most lanes carry small packets or none and a node has three of them for each peer.
func (r *reader) read() ([]byte, error) {
	raw := r.path.lanes[r.lane.index]
	largest := r.lane.link.node.config.MaxPacket + FrameOverhead
	if r.buf == nil {
		r.buf = make([]byte, min(1200, largest))
	}
	for {
		var n int
		var err error
		if r.lane.mode == Reliable {
			n, err = raw.Read(r.buf)
		} else {
			n, err = r.readFresh(raw)
		}
		if err == nil {
			r.lane.received.Add(1)
			r.lane.receivedBytes.Add(uint64(n))
			return r.buf[:n], nil
		}
		if !errors.Is(err, io.ErrShortBuffer) || len(r.buf) >= largest {
			return nil, err
		}
		r.buf = make([]byte, min(4*len(r.buf), largest))
	}
}

// readFresh is raw.Read for an unreliable lane: it returns no packet that has waited much longer than twice
// Config.MaxLag, because the node was slow to read or to relay those before it. The transport does not tell when a
// packet came. So this asks once in each MaxLag whether nothing waits: what comes later than that has not waited long.
// If packets have waited without a break for another MaxLag, all that wait are dropped.
func (r *reader) readFresh(raw transport.Lane) (int, error) {
	lane, ok := raw.(transport.TryReader)
	if !ok {
		return raw.Read(r.buf)
	}
	most := r.lane.link.node.config.MaxLag
	for {
		now := time.Now()
		if r.behind.IsZero() {
			if now.Sub(r.caughtUp) < most {
				return raw.Read(r.buf)
			}
			r.behind = now
		}
		n, err := lane.TryRead(r.buf)
		switch {
		case err == transport.ErrNoPacket:
			r.caughtUp, r.behind = now, time.Time{}
		case err == nil && now.Sub(r.behind) > most:
			r.lane.link.node.inbox.counters.drop(DropStale)
		default:
			return n, err
		}
	}
}
