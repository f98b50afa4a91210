package forwarded

import (
	"encoding/binary"
	"errors"
	"maps"
	"sync"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/signaling/drop"
)

// A Mux shares one carrier among the paths of a node.
type Mux struct {
	ready func()

	mu      sync.Mutex // guards the fields below, and all of the paths
	paths   map[route]*path
	turns   []*path                // paths that have something to send, each once
	last    [][]byte               // close frames of closed paths, at most maxLast
	frame   []byte                 // the frame that Next has returned
	plain   []byte                 // scratch
	calls   []func()               // functions that unlock calls
	waits   bool                   // Next has returned nil, so that the carrier waits for ready
	dropped map[drop.Reason]uint64 // received frames that were dropped, by reason
}

// A route identifies the path of a received frame.
type route struct {
	peer uint32
	tag  tag
}

// The reasons for which received frames are dropped.
const (
	droppedUnknown drop.Reason = "unknown" // of a path that does not exist here
	droppedForged  drop.Reason = "forged"  // not encrypted by the other end
	droppedReplay  drop.Reason = "replay"  // received before
)

const maxLast = 64

// NewMux returns a Mux that calls ready when there is something to send again after Next has returned nil.
// ready must neither block nor call the Mux.
func NewMux(ready func()) *Mux {
	return &Mux{ready: ready, paths: make(map[route]*path), waits: true, dropped: make(map[drop.Reason]uint64)}
}

// To returns a transport whose paths lead to a peer. Its Close does not close them.
func (m *Mux) To(peer uint32) transport.Transport { return &toPeer{mux: m, peer: peer} }

// Next returns the next frame for the carrier. It begins with the peer that the frame is for: 4 bytes,
// big-endian. Next returns nil if there is nothing to send. The frame is valid until the next call. Only one
// goroutine may call Next.
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

// Receive handles a frame that the carrier has received from a peer. The carrier must have verified the peer.
// Receive may write to the frame but does not keep it.
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

// Lose ends all paths with transport.ErrLost. The carrier calls it when it has lost its connection, and frames
// with it.
func (m *Mux) Lose() {
	m.mu.Lock()
	defer m.unlock()
	m.last = nil
	for _, p := range m.paths {
		p.end(transport.ErrLost)
	}
}

// Dropped returns how many received frames were dropped, by reason: "unknown" for frames of a path that does
// not exist here, "forged" for frames that the other end has not encrypted, "replay" for frames received
// before. The map belongs to the caller.
func (m *Mux) Dropped() map[drop.Reason]uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.dropped)
}

// queue adds a path to those that Next asks for a frame. mu is held.
func (m *Mux) queue(p *path) {
	if !p.queued && !p.over {
		p.queued = true
		m.turns = append(m.turns, p)
	}
}

// unlock releases mu and then makes the calls that must be made without it.
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
