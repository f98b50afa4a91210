package rtcpeer

import (
	"context"
	"errors"
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

	// Set by run when every lane is open, before the link is published in node.roster.
	lanes       []*lane
	connectTime time.Duration
	published   bool

	ending  sync.Once
	reason  atomic.Int32  // DisconnectReason of the first end
	over    chan struct{} // closed when the link is to end: nobody waits to send any more
	halt    chan struct{} // closed when its readers need not deliver what has arrived
	asked   atomic.Bool   // the other end demands authentication, and there is none here
	silence sync.Once
	silent  chan struct{} // closed when a reader has ended: nothing is acknowledged any more

	// Owned by run.
	raw      transport.Path // of the current attempt; nil before the first
	state    negotiation
	furthest transport.Progress    // of the attempts before
	next     *signaling.SignalData // the offer with which the other end gave this link up
}

// signalBacklog is how many signals may wait for run: two descriptions and the candidates of a few
// attempts.
const signalBacklog = 128

func newLink(n *Node, m signaling.Member) *link {
	return &link{
		node:     n,
		peer:     m.ID,
		presence: &presence{id: m.ID},
		signals:  make(chan *signaling.SignalData, signalBacklog),
		started:  time.Now(),
		over:     make(chan struct{}),
		halt:     make(chan struct{}),
		silent:   make(chan struct{}),
		state:    negotiation{offers: offers(n.id, m.ID), once: m.OneAttempt},
	}
}

// successor is the link that the other end asked for when it gave this one up. It takes over the
// signals that came after its offer.
func (l *link) successor() *link {
	next := newLink(l.node, signaling.Member{ID: l.peer, OneAttempt: l.state.once})
	next.first, next.signals = l.next, l.signals
	return next
}

// run makes the link, keeps it, and ends it.
func (l *link) run() {
	err := l.connect()
	if err == nil {
		l.opened()
		l.node.roster.stands(l, standingAuthenticating)
		err = l.authenticate()
	}
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

// why returns the reason of the end. That the other end demands authentication explains its closing
// the link right after, which another lane may have seen first.
func (l *link) why() DisconnectReason {
	if l.asked.Load() {
		return Unauthorized
	}
	return DisconnectReason(l.reason.Load())
}

// take hands a signal of the other end to run. It does not block.
func (l *link) take(s *signaling.SignalData) {
	select {
	case l.signals <- s:
	default:
		l.node.log.Warn("too many signals", "peer", l.peer)
		l.end(Misbehaved)
	}
}

func (l *link) opened() {
	l.connectTime = time.Since(l.started)
	l.lanes = make([]*lane, len(l.node.channels))
	for i := range l.lanes {
		l.lanes[i] = newLane(l, i, l.raw.Lane(i))
	}
}

// serve publishes the open link, lets its lanes read, and waits for the end.
func (l *link) serve() {
	l.published = true
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
	l.watch(nil)
	l.stop()
	readers.Wait()
}

// watch waits for the end, from either side, or for done, and goes on adding late candidates until
// then.
func (l *link) watch(done <-chan struct{}) {
	for {
		select {
		case <-l.over:
			return
		case <-done:
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
	close(l.halt)
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

// hint says what the end of a young link with a host may mean. A Godot host that demands authentication
// is silent until its time, three seconds by default, is over, and then closes without a word.
func (l *link) hint() string {
	if age := time.Since(l.started) - l.connectTime; l.why() != ByPeer || age > 5*time.Second {
		return ""
	}
	for _, ln := range l.lanes {
		if ln.received.Load() > 0 {
			return ""
		}
	}
	return "; it never sent anything: it may demand authentication (Config.Auth)"
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
			SentBytes: ln.sentBytes.Load(), ReceivedBytes: ln.receivedBytes.Load(),
		}
	}
	return stats
}
