package rtcpeer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/signaling"
)

// link is the node's side of one connection to one peer. Its goroutine, run, belongs to the node and
// does all: it negotiates, opens, waits for the end, and cleans up.
type link struct {
	// Fixed at construction.
	node     *Node
	peer     PeerID
	presence *presence
	signals  chan *signaling.SignalData // from node.run; full: the link ends
	first    *signaling.SignalData      // what asked for the link, if a signal did
	started  time.Time

	// Set by run before the link is published in node.links.
	lanes       []*lane
	connectTime time.Duration

	ending  sync.Once
	reason  atomic.Int32  // DisconnectReason of the first end
	over    chan struct{} // closed when the link is to end: nobody waits to send any more
	halting sync.Once
	halt    chan struct{} // closed when its readers need not deliver what has arrived
	silence sync.Once
	silent  chan struct{} // closed when a reader has ended: nothing is acknowledged any more

	// Owned by run.
	raw      transport.Link // of the current attempt; nil before the first
	state    negotiation
	furthest transport.Progress    // of the attempts before
	next     *signaling.SignalData // the offer with which the other end gave this link up
}

const (
	// signalBacklog is how many signals may wait for run: two descriptions and the candidates of a
	// few attempts.
	signalBacklog = 128
	// attemptTimeout is how long the offering end gives an attempt that makes no progress. ICE, DTLS
	// and SCTP need four round trips; a description that was lost with its server never comes.
	attemptTimeout = 7 * time.Second
)

// errOver is the cause of a link that ended before it opened without a failure: its peer left, or
// the node closed.
var errOver = errors.New("over")

func newLink(n *Node, peer PeerID) *link {
	return &link{
		node:     n,
		peer:     peer,
		presence: &presence{id: peer},
		signals:  make(chan *signaling.SignalData, signalBacklog),
		started:  time.Now(),
		over:     make(chan struct{}),
		halt:     make(chan struct{}),
		silent:   make(chan struct{}),
		state:    negotiation{offers: offers(n.id, peer)},
	}
}

// successor is the link that the other end asked for when it gave this one up. It takes over the
// signals that came after its offer.
func (l *link) successor() *link {
	next := newLink(l.node, l.peer)
	next.first, next.signals = l.next, l.signals
	return next
}

// run makes the link, keeps it, and ends it.
func (l *link) run() {
	err := l.connect()
	if err == nil {
		l.serve()
	}
	failure, _ := errors.AsType[*PeerError](err)
	l.node.linkOver(l, failure)
	if l.raw != nil {
		l.raw.Close()
	}
}

// end asks run to end the link; the first reason stays.
func (l *link) end(reason DisconnectReason) {
	l.ending.Do(func() {
		l.reason.Store(int32(reason))
		close(l.over)
	})
}

// signal hands a signal of the other end to run. It does not block.
func (l *link) signal(s *signaling.SignalData) {
	select {
	case l.signals <- s:
	default:
		l.node.log.Warn("too many signals", "peer", l.peer)
		l.end(Misbehaved)
	}
}

// connect negotiates until every lane is open. Its error is a *PeerError, or errOver.
func (l *link) connect() error {
	deadline, stop := timer(l.node.config.ConnectTimeout)
	defer stop()
	next, steps := l.state.start()
	if l.first != nil {
		next, steps = next.receive(*l.first)
	}
	for {
		l.state = next
		if err := l.try(steps, deadline); err != errAttemptOver {
			return err
		}
		next, steps = l.state.retry()
	}
}

// try makes one attempt. Once it has a path, its time begins anew with each stage that it reaches: on
// a busy machine or a long path giving up what advances would make it all begin again.
func (l *link) try(steps []step, deadline <-chan time.Time) error {
	attempt := time.NewTimer(attemptTimeout)
	defer attempt.Stop()
	err := l.do(steps)
	for reached := transport.StagePath; err == nil; {
		var opened bool
		if opened, err = l.await(deadline, attempt.C); opened {
			return nil
		}
		if err == errAttemptOver && l.raw.Progress().Stage > reached {
			reached, err = l.raw.Progress().Stage, nil
			attempt.Reset(attemptTimeout)
		}
	}
	return err
}

// errAttemptOver ends one attempt of the offering end.
var errAttemptOver = errors.New("attempt over")

// await handles the next thing that happens while the link is being made.
func (l *link) await(deadline, attempt <-chan time.Time) (opened bool, err error) {
	var events <-chan transport.Event
	if l.raw != nil {
		events = l.raw.Events()
	}
	select {
	case s := <-l.signals:
		if s.Type == signaling.Refuse {
			return false, l.fail("connect", fmt.Errorf("%w: %s", ErrRefused, s.Text))
		}
		var steps []step
		l.state, steps = l.state.receive(*s)
		return false, l.do(steps)
	case e := <-events:
		l.event(e)
		return e.Kind == transport.EventOpened, nil
	case <-attempt:
		if l.state.offers {
			return false, errAttemptOver
		}
		return false, nil
	case <-deadline:
		return false, l.fail("connect", l.deadlineError())
	case <-l.over:
		return false, errOver
	}
}

func (l *link) event(e transport.Event) {
	switch e.Kind {
	case transport.EventCandidate:
		l.send(signaling.SignalData{
			Type: signaling.Candidate, Candidate: e.Candidate.Line, SDPMid: e.Candidate.Mid, SDPMLineIndex: e.Candidate.Index,
		})
	case transport.EventClosed:
		// The offering end tries again when the attempt's time is over, not at once: what fails
		// fast fails often.
		l.node.log.Debug("attempt ended", "peer", l.peer, "attempt", l.state.attempt, "err", e.Err)
	}
}

func (l *link) deadlineError() error {
	p := transport.Progress{Detail: "no signal from the other end: it may not run rtcpeer, or has lost its signaling server"}
	if l.raw != nil {
		p = l.raw.Progress()
	}
	if l.furthest.Stage > p.Stage {
		p = l.furthest
	}
	return &DeadlineError{After: l.node.config.ConnectTimeout, Stage: p.Stage, Detail: p.Detail}
}

func (l *link) fail(op string, err error) error {
	return &PeerError{Peer: l.peer, Op: op, Err: err}
}

// do takes the steps of a negotiation. What the other end sent and this one cannot use fails the
// link with a reason; a candidate that cannot be used is one path less.
func (l *link) do(steps []step) error {
	for _, s := range steps {
		switch s.kind {
		case stepOffer:
			if err := l.begin(); err != nil {
				return err
			}
			sdp, err := l.raw.Offer()
			if err != nil {
				return l.fail("offer", err)
			}
			l.send(signaling.SignalData{Type: signaling.Offer, SDP: sdp})
		case stepAnswer:
			if err := l.begin(); err != nil {
				return err
			}
			sdp, err := l.raw.Answer(s.data.SDP)
			if err != nil {
				return l.fail("answer", err)
			}
			l.send(signaling.SignalData{Type: signaling.Answer, SDP: sdp})
		case stepAccept:
			if err := l.raw.Accept(s.data.SDP); err != nil {
				return l.fail("accept", err)
			}
		case stepAddCandidate:
			c := transport.Candidate{Line: s.data.Candidate, Mid: s.data.SDPMid, Index: s.data.SDPMLineIndex}
			if err := l.raw.AddCandidate(c); err != nil {
				l.node.log.Debug("candidate not used", "peer", l.peer, "err", err)
			}
		}
	}
	return nil
}

// begin replaces the transport link by a new one.
func (l *link) begin() error {
	if l.raw != nil {
		if p := l.raw.Progress(); p.Stage > l.furthest.Stage {
			l.furthest = p
		}
		l.raw.Close()
		l.raw = nil
	}
	raw, err := l.node.transport.NewLink(transport.LinkConfig{
		Lanes:      l.node.channels.lanes(l.node.config.MaxRetransmits),
		ICEServers: l.node.iceServers(),
	})
	if err != nil {
		return l.fail("connect", err)
	}
	l.raw = raw
	return nil
}

// send gives a signal for the other end to the signaler. One that cannot be sent is lost, as it
// would be with the server: the next attempt makes up for it.
func (l *link) send(s signaling.SignalData) {
	s.Attempt = l.state.attempt
	if err := l.node.signal(l.peer, s); err != nil {
		l.node.log.Debug("signal not sent", "peer", l.peer, "type", s.Type, "err", err)
	}
}

// serve publishes the open link, lets its lanes read, and waits for the end.
func (l *link) serve() {
	l.connectTime = time.Since(l.started)
	l.lanes = make([]*lane, len(l.node.channels))
	for i := range l.lanes {
		l.lanes[i] = newLane(l, i, l.raw.Lane(i))
	}
	l.node.linkUp(l)
	var readers sync.WaitGroup
	for _, ln := range l.lanes {
		// The first lane to end ends the link: the transport ends all of them together, and tells
		// its lanes earlier than its owner.
		readers.Go(func() {
			l.end(ln.readLoop())
			l.silence.Do(func() { close(l.silent) })
		})
	}
	l.watch()
	l.stop()
	readers.Wait()
}

// watch waits for the end, from either side, and goes on adding late candidates until then.
func (l *link) watch() {
	for {
		select {
		case <-l.over:
			return
		case e := <-l.raw.Events():
			switch e.Kind {
			case transport.EventCandidate:
				l.event(e)
			case transport.EventClosed:
				l.end(reasonOf(e.Err))
			}
		case s := <-l.signals:
			if s.Type == signaling.Offer && max(s.Attempt, 1) > l.state.attempt {
				l.next = s // the other end has given this link up, and begins another
				l.end(Lost)
				return
			}
			var steps []step
			l.state, steps = l.state.receive(*s)
			if err := l.do(steps); err != nil {
				l.node.log.Debug("signal not used", "peer", l.peer, "err", err)
			}
		}
	}
}

// stop ends the transport link. If this side ends it, what Send accepted is flushed first; if the
// other side did, its lanes still give what had arrived.
func (l *link) stop() {
	switch reason := DisconnectReason(l.reason.Load()); {
	case reason == ByUs:
		l.flush()
	case l.next != nil: // the other end may still have this link, and say nothing on it any more
	case reason == ByPeer || reason == Lost:
		return
	}
	l.halting.Do(func() { close(l.halt) })
	l.raw.Close()
}

func (l *link) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), l.node.config.Linger)
	defer cancel()
	for _, ln := range l.lanes {
		if ln.mode == Reliable {
			ln.flush(ctx)
		}
	}
}

// timer is a time.Timer for which d <= 0 means never.
func timer(d time.Duration) (<-chan time.Time, func()) {
	if d <= 0 {
		return nil, func() {}
	}
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

// reasonOf says why a transport link ended that this end did not.
func reasonOf(err error) DisconnectReason {
	if errors.Is(err, transport.ErrLost) {
		return Lost
	}
	return ByPeer
}

func (l *link) stats() LinkStats {
	t := l.raw.Stats()
	stats := LinkStats{
		ConnectTime: l.connectTime, RTT: t.RTT, Local: t.Local, Remote: t.Remote,
		BytesSent: t.BytesSent, BytesReceived: t.BytesReceived, Lanes: make([]LaneStats, len(l.lanes)),
	}
	for i, ln := range l.lanes {
		stats.Lanes[i] = LaneStats{
			Channel: ln.channel, Mode: ln.mode,
			Sent: ln.sent.Load(), Received: ln.received.Load(), Buffered: ln.raw.Buffered(),
		}
	}
	return stats
}
