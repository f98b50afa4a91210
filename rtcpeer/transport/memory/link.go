package memory

import (
	"fmt"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// A link is one end of a link.
type link struct {
	// Fixed at construction.
	network *Network
	host    *Transport
	id      uint64
	lanes   []lane
	out     *pipe                // to the other end, whose out leads here
	events  chan transport.Event // has room for each event a link can have, so a send never blocks

	// Guarded by network.mu.
	begun  begun
	remote uint64 // the other end, as its description says; 0 until that has come
	heard  bool   // a candidate of remote was added
	peer   *link  // nil until both ends are described and heard; then fixed
	opened bool
	over   bool        // closed here or there, or lost
	closed bool        // Close was called
	lost   *time.Timer // runs while nothing can be heard from the other end
}

// begun says how a link began, which it does once.
type begun string

const (
	byOffer  begun = "offer"
	byAnswer begun = "answer"
)

// maxEvents is one candidate, opened and closed.
const maxEvents = 3

func newLink(t *Transport, id uint64, lanes []transport.LaneConfig) *link {
	l := &link{
		network: t.network,
		host:    t,
		id:      id,
		lanes:   make([]lane, len(lanes)),
		out:     newPipe(t.network, id),
		events:  make(chan transport.Event, maxEvents),
	}
	for i, c := range lanes {
		l.lanes[i] = lane{cfg: c, out: l.out.flow(c)}
	}
	return l
}

func (l *link) Events() <-chan transport.Event { return l.events }

func (l *link) Lane(i int) transport.Lane { return &l.lanes[i] }

func (l *link) Progress() transport.Progress {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	switch {
	case l.opened:
		return transport.Progress{Stage: transport.StageOpen}
	case l.begun == "":
		return transport.Progress{Detail: "no offer made or answered"}
	case l.remote == 0:
		return transport.Progress{Detail: "no answer"}
	case !l.heard:
		return transport.Progress{Stage: transport.StagePath, Detail: "no candidate from the other end"}
	case l.peer == nil:
		return transport.Progress{Stage: transport.StagePath, Detail: "the other end lacks a description or a candidate"}
	case l.network.blocked(l.host, l.peer.host):
		return transport.Progress{Stage: transport.StagePath, Detail: "parted from the other end"}
	}
	return transport.Progress{Stage: transport.StageSecurity, Detail: "opening takes a round trip"}
}

func (l *link) Stats() transport.Stats {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	s := transport.Stats{BytesSent: l.out.written()}
	if l.opened {
		s.RTT = 2 * l.network.options.Load().Delay
		s.Local, s.Remote = "host", "host"
		s.BytesReceived = l.peer.out.arrived()
	}
	return s
}

// emit tells the owner, who is not told anything after the end.
func (l *link) emit(e transport.Event) {
	if !l.over {
		l.events <- e
	}
}

func (l *link) errorf(format string, args ...any) error {
	return fmt.Errorf("memory: link %d: "+format, append([]any{l.id}, args...)...)
}
