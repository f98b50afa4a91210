package memory

import (
	"fmt"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// A path is one end of a connection between two hosts.
type path struct {
	// Fixed at construction.
	network *Network
	host    *Transport
	id      uint64
	lanes   []lane
	patient time.Duration        // PathConfig.LostAfter
	direct  bool                 // PathConfig.Direct
	out     *pipe                // to the other end, whose out leads here
	events  chan transport.Event // has room for each event a path can have, so a send never blocks

	// Guarded by network.mu.
	begun     begun
	remote    uint64 // id in the other end's description; 0 until that has arrived
	heard     bool   // a candidate of remote was added
	peer      *path  // nil until both ends are described and heard; then fixed
	opened    bool
	over      bool        // closed here or there, or lost
	closed    bool        // Close was called
	lost      *time.Timer // runs while nothing can be heard from the other end
	relayed   bool
	strayTold bool // EventClosed has reported a stray packet
	dead      bool // carries nothing any more
}

// begun says how a path began. A path begins only once.
type begun string

const (
	byOffer  begun = "offer"
	byAnswer begun = "answer"
)

// maxEvents is the number of events of a path: one candidate, opened and closed.
const maxEvents = 3

func newPath(t *Transport, id uint64, cfg transport.PathConfig) *path {
	p := &path{
		network: t.network,
		host:    t,
		id:      id,
		lanes:   make([]lane, len(cfg.Lanes)),
		patient: cfg.LostAfter,
		direct:  cfg.Direct,
		out:     newPipe(t.network, id),
		events:  make(chan transport.Event, maxEvents),
	}
	for i, c := range cfg.Lanes {
		p.lanes[i] = lane{cfg: c, out: p.out.flow(c)}
	}
	return p
}

func (p *path) Events() <-chan transport.Event { return p.events }

// Acknowledges implements transport.Acknowledger.
func (p *path) Acknowledges() {}

func (p *path) Lane(i int) transport.Lane { return &p.lanes[i] }

// Binding names the two hosts by their numbers in the network, the offering one first.
func (p *path) Binding() string {
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	switch {
	case p.peer == nil:
		return ""
	case p.begun == byOffer:
		return bindingOf(p.host, p.peer.host)
	}
	return bindingOf(p.peer.host, p.host)
}

func bindingOf(offerer, answerer *Transport) string {
	return fmt.Sprintf("memory host %d host %d", offerer.number, answerer.number)
}

func (p *path) Progress() transport.Progress {
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	switch {
	case p.opened:
		return transport.Progress{Stage: transport.StageOpen}
	case p.begun == "":
		return transport.Progress{Detail: "no offer made or answered"}
	case p.remote == 0:
		return transport.Progress{Detail: "no answer"}
	case !p.heard:
		return transport.Progress{Stage: transport.StagePath, Detail: "no candidate from the other end"}
	case p.peer == nil:
		return transport.Progress{Stage: transport.StagePath, Detail: "the other end has no description or no candidate"}
	case p.mute() || p.deaf():
		return transport.Progress{Stage: transport.StagePath, Detail: "partitioned from the other end"}
	case p.undirected():
		return transport.Progress{Stage: transport.StagePath, Detail: "no direct route to the other end"}
	}
	return transport.Progress{Stage: transport.StageSecurity, Detail: "opening takes a round trip"}
}

func (p *path) Stats() transport.Stats {
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	s := transport.Stats{BytesSent: p.out.written()}
	if p.opened {
		s.RTT = 2 * p.network.options.Load().Delay
		s.Local, s.Remote = "host", "host"
		if p.relayed {
			s.Local, s.Remote = "relay", "relay"
		}
		s.BytesReceived = p.peer.out.arrived()
	}
	return s
}

// far returns the host at the other end, or nil if its description has not arrived.
func (p *path) far() *Transport {
	if other := p.network.paths[p.remote]; p.peer == nil && other != nil {
		return other.host
	}
	if p.peer == nil {
		return nil
	}
	return p.peer.host
}

// mute reports whether nothing passes to the other end, and deaf whether nothing comes from there.
func (p *path) mute() bool {
	return p.dead || p.peer.dead || p.network.blocked(p.host, p.peer.host)
}

func (p *path) deaf() bool { return p.peer.mute() }

// routed reports whether the path could open.
func (p *path) routed() bool { return !p.mute() && !p.deaf() && !p.undirected() }

// undirected reports whether the path must be direct but cannot be.
func (p *path) undirected() bool {
	return (p.direct || p.peer.direct) && p.network.relays[way{p.host, p.peer.host}]
}

// emit sends an event to the owner, unless the path is over.
func (p *path) emit(e transport.Event) {
	if !p.over {
		p.events <- e
	}
}

func (p *path) errorf(format string, args ...any) error {
	return fmt.Errorf("memory: path %d: "+format, append([]any{p.id}, args...)...)
}
