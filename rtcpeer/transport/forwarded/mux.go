package forwarded

import (
	"encoding/binary"
	"errors"
	"maps"
	"sync"

	"example.org/rtcpeer/rtcpeer/transport"
)

// A Mux shares one carrier among the paths of a node.
type Mux struct {
	ready func()

	mu      sync.Mutex // guards the fields below, and all of the paths
	paths   map[route]*path
	turns   []*path           // that have something to send, each once
	last    [][]byte          // the closing frames of paths that are gone, at most maxLast
	frame   []byte            // that Next has returned
	plain   []byte            // scratch
	calls   []func()          // for unlock
	waits   bool              // Next has returned nil, so that the carrier waits for ready
	dropped map[string]uint64 // received frames, by a word for why
}

// A route is where the frames of a path come from.
type route struct {
	peer uint32
	tag  tag
}

// The words for received frames that are dropped.
const (
	droppedUnknown = "unknown" // of a path that is not here
	droppedForged  = "forged"  // not encrypted by the other end
	droppedReplay  = "replay"  // was here before
)

const (
	peerSize = 4
	maxLast  = 64
)

// NewMux returns a Mux that calls ready when Next has something after it had nothing. ready must not block, nor call the
// Mux.
func NewMux(ready func()) *Mux {
	return &Mux{ready: ready, paths: make(map[route]*path), waits: true, dropped: make(map[string]uint64)}
}

// To returns a transport whose paths lead to a peer. Its Close does not close them.
func (m *Mux) To(peer uint32) transport.Transport { return &toPeer{mux: m, peer: peer} }

// Next returns a frame for the carrier, behind the peer that it is for: 4 bytes, big-endian. It returns nil if there is
// nothing to send. The frame is valid until the next call; one goroutine calls.
func (m *Mux) Next() []byte {
	m.mu.Lock()
	defer m.unlock()
	for m.waits = false; len(m.turns) > 0; {
		p := m.turns[0]
		m.turns = m.turns[1:]
		p.queued = false
		plain := p.next(m.plain[:0])
		if plain == nil {
			continue
		}
		m.plain = plain
		if frame := p.encrypt(m.frame[:0], plain); frame != nil {
			m.frame = frame
			m.queue(p)
			return frame
		}
	}
	if len(m.last) > 0 {
		frame := m.last[0]
		m.last = m.last[1:]
		return frame
	}
	m.turns, m.waits = nil, true
	return nil
}

// Receive takes a frame that the carrier has brought from a peer, which it vouches for. It may write to the frame, but
// does not keep it.
func (m *Mux) Receive(peer uint32, frame []byte) {
	m.mu.Lock()
	defer m.unlock()
	if len(frame) < tagSize {
		m.dropped[droppedForged]++
		return
	}
	p := m.paths[route{peer, tag(frame[:tagSize])}]
	if p == nil {
		m.dropped[droppedUnknown]++
		return
	}
	plain, err := p.keys.decrypt(frame)
	switch {
	case errors.Is(err, errForged):
		m.dropped[droppedForged]++
	case errors.Is(err, errReplay):
		m.dropped[droppedReplay]++
	case err != nil:
		p.end(transport.ErrLost)
	default:
		p.receive(plain)
	}
}

// Lose ends all paths with transport.ErrLost: the carrier has lost its connection, and frames with it.
func (m *Mux) Lose() {
	m.mu.Lock()
	defer m.unlock()
	m.last = nil
	for _, p := range m.paths {
		p.end(transport.ErrLost)
	}
}

// Dropped returns how many received frames were dropped, by a word for why: "unknown", of a path that is not here;
// "forged", not encrypted by the other end; "replay", was here before. The map belongs to the caller.
func (m *Mux) Dropped() map[string]uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.dropped)
}

// queue has Next ask a path.
func (m *Mux) queue(p *path) {
	if !p.queued && !p.over {
		p.queued = true
		m.turns = append(m.turns, p)
	}
}

// unlock calls what is to be called without the lock.
func (m *Mux) unlock() {
	calls := m.calls
	m.calls = nil
	wake := m.waits && (len(m.turns) > 0 || len(m.last) > 0)
	if wake {
		m.waits = false
	}
	m.mu.Unlock()
	for _, call := range calls {
		call()
	}
	if wake {
		m.ready()
	}
}

func appendPeer(b []byte, peer uint32) []byte { return binary.BigEndian.AppendUint32(b, peer) }
