package rtcpeer

import (
	"errors"
	"io"
)

// reader takes the packets of one lane from one path.
type reader struct {
	lane *lane
	path *path

	// Owned by the one that reads: the authentication, then readLoop.
	buf    []byte
	unread []byte // a packet in buf that was taken already, with which readLoop begins
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

// handle brings a packet to the program, or relays it. It returns false if another path has taken over before.
func (r *reader) handle(p []byte, taken bool) bool {
	l := r.lane
	l.handling <- struct{}{}
	defer func() { <-l.handling }()
	if !taken && !l.take(r.path) {
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
		n, err := raw.Read(r.buf)
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
