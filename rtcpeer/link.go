package rtcpeer

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/signaling"
)

// link is the node's side of its relation to one peer, over one path after the other. Its goroutine, run, belongs to
// the peer's entry in the roster and does everything: it makes the first path, keeps the link, and ends it.
//
//	run:  connect -> authenticate -> serve -> stop
//	      the first path             watch: another path where that one fails
type link struct {
	// Fixed at construction.
	node     *Node
	entry    *peer // in the roster
	peer     PeerID
	route    route                        // the node's route when the link began
	lead     *lead                        // the lead when the link began
	capable  bool                         // the other end says that it takes part in repairs
	once     bool                         // the other end exchanges descriptions only once, as Godot's peers do
	forwards bool                         // both ends ask for paths through the signaling server
	signals  <-chan *signaling.SignalData // from the other end
	changed  <-chan struct{}              // a token: something has changed at this end
	presence *presence                    // replaced when the link is published, if the peer was relayed before
	first    *signaling.SignalData        // the offer that asked for the link; nil: none, and always at the offering end
	again    bool                         // there was a link before: the other end may have to be asked for its offer
	joins    int                          // of the peer, when the link began: see peer.joins
	lanes    []*lane
	started  time.Time

	// Set by run before the link is published. id is empty if the link cannot be repaired; the offering
	// end chooses it.
	id          string
	secret      secret
	tellEach    int // how many bytes are taken before the other end is told at once
	sendBuffer  int // the smaller of both ends' Config.SendBuffer: the receive window of each is sized for its own
	connectTime time.Duration
	published   bool
	failure     *PeerError // why there is no link

	ending
	halt    chan struct{} // closed when the readers need not deliver what has arrived
	silent  chan struct{} // closed when a reader has ended: nothing is acknowledged any more
	silence sync.Once
	done    chan struct{}      // closed when run takes nothing more
	control chan *heardControl // from controlLoops
	answers chan struct{}      // a token: the other end has answered over the present path

	// Safe for concurrent use.
	path        atomic.Pointer[path] // the one that the link goes over; nil before the first
	interrupted atomic.Bool
	oversized   atomic.Bool // the other end has sent a packet over the limit
	figures     linkFigures
	timing      timing

	// Owned by run.
	state        negotiation
	forwardNext  bool                  // the next attempt goes through the signaling server, if it may
	next         *path                 // the path that is being made; nil: none
	slot         *transport.Slot       // the slot of next, or of the path that is to follow it; nil: none
	old          *path                 // given up for the present path, which the other end has not confirmed yet
	closedByPeer bool                  // the other end has closed the present path
	vanishes     time.Time             // when the link ends because of closedByPeer, if nothing else happens; zero: it does not
	vanished     bool                  // closedByPeer, and without a bye
	early        *reader               // the reader that the authentication used
	random       [secretSize]byte      // this end's half of the secret
	waited       bool                  // the deadline began anew, because the offer may have waited for its slot
	renew        <-chan time.Time      // fires when an unanswered attempt is to be begun anew; nil: never
	furthest     transport.Progress    // of the earlier attempts
	repair       repair                // what to do about the path
	beats        beats                 // what was heard and said
	measured     measured              // of timing
	ticker       *time.Ticker          // of repair; nil on a link that cannot be repaired
	ticks        <-chan time.Time      // ticker's channel, or nil
	successor    *signaling.SignalData // the offer with which the other end gave this link up
	refused      time.Time             // when the server said that the other end has ended this link; zero if heard since
	refusal      *signaling.Bye        // what the program has said there, according to the server
	dismissed    bool                  // the other end has ended the link with a bye
	departed     bool                  // that bye says that the other end leaves the room or follows another host
	unsent       bool                  // signals of the present attempt were not sent, because the server was lost
	fault        error                 // what the other end did wrong over its control lane
	byeSaid      bool                  // the bye was said when all packets had been acknowledged
	unflushed    *UndeliveredError     // what Disconnect or Close did not wait for

	readers    sync.WaitGroup // one for each lane and path
	goroutines sync.WaitGroup // controlLoops, and paths that are being closed
}

// linkFigures are for Stats.
type linkFigures struct {
	paths   atomic.Int64
	refused atomic.Int64 // paths that did not prove the link's secret
	heard   atomic.Int64 // when the other end was last heard, in Unix nanoseconds
}

// signalBacklog is how many signals may wait for run: two descriptions and the candidates of a few attempts. Half of it
// is reserved for signals that are no candidates.
const signalBacklog = 128

// newLink makes the next link with a peer. The roster's mu is held.
func newLink(p *peer, first *signaling.SignalData) *link {
	n := p.node
	l := &link{
		node:     n,
		entry:    p,
		peer:     p.member.ID,
		route:    n.route(),
		lead:     n.room.lead.Load(),
		capable:  p.member.Can(signaling.FeatureRepair),
		once:     p.member.OneAttempt,
		forwards: n.mux != nil && p.member.Can(signaling.FeatureRelayLinks),
		signals:  p.signals,
		changed:  p.changed,
		presence: &presence{id: p.member.ID},
		first:    first,
		again:    p.links > 0,
		joins:    p.joins,
		lanes:    make([]*lane, len(n.channels)),

		sendBuffer: n.config.SendBuffer,
		started:    time.Now(),
		ending:     newEnding(),
		halt:       make(chan struct{}),
		silent:     make(chan struct{}),
		done:       make(chan struct{}),
		control:    make(chan *heardControl, 4),
		answers:    make(chan struct{}, 1),
		state:      negotiation{offers: offers(n.id, p.member.ID), once: p.member.OneAttempt},
	}
	if l.state.offers || l.capable { // else the other end's next offer may have any number
		l.state.attempt = p.attempt
	}
	if l.capable {
		l.id = rand.Text()
	}
	for i := range l.lanes {
		l.lanes[i] = newLane(l, i)
	}
	return l
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
		err = l.awaitMove()
	}
	if err == nil {
		l.serve()
	}
	if l.failure, _ = errors.AsType[*PeerError](err); l.failedAtOnce() {
		l.tellFailure(l.failure.Err)
	}
	l.endSlot()
	l.node.linkOver(l)
	close(l.done)
	if l.ticker != nil {
		l.ticker.Stop()
	}
	for _, p := range []*path{l.path.Load(), l.next, l.old} {
		if p != nil {
			p.raw.Close()
		}
	}
	l.goroutines.Wait()
}

// hear hands a control frame to run.
func (l *link) hear(h *heardControl) {
	select {
	case l.control <- h:
	case <-l.done:
	}
}

// opened makes the link go over the path that was made.
func (l *link) opened() {
	l.connectTime = time.Since(l.started)
	p := l.next
	l.next = nil
	l.endSlot()
	l.path.Store(p)
	l.forwardNext = p.forwarded
	l.figures.paths.Add(1)
	l.figures.heard.Store(time.Now().UnixNano())
	for _, ln := range l.lanes {
		ln.begin(p)
	}
	if l.id != "" {
		l.repair = newRepair(l.state.offers, l.node.config.LostAfter, time.Now())
		l.ticker = time.NewTicker(tickEach)
		l.ticks = l.ticker.C
	}
}

// serve publishes the open link, lets its lanes read, and waits for the end.
func (l *link) serve() {
	l.published = true
	l.node.linkUp(l)
	l.read(l.path.Load())
	l.searchIfRelayed()
	l.watch(nil)
	l.interrupted.Store(false) // whatever is sent now gets the error of a peer that is gone
	l.stop()
	l.readers.Wait()
}

func (l *link) searchIfRelayed() {
	if l.id != "" {
		l.repair = l.repair.relayed(time.Now(), l.path.Load().relayed())
	}
}

// read starts the readers of a path. On a link that cannot be repaired the first reader to end ends the link: the
// transport ends all of them together, and its lanes notice the end before its owner does.
func (l *link) read(p *path) {
	for i, ln := range l.lanes {
		r := &reader{lane: ln, path: p}
		if i == 0 && l.early != nil && l.early.path == p {
			r, l.early = l.early, nil
		}
		l.readers.Go(func() {
			if why := r.readLoop(); why != 0 {
				l.end(why)
				l.silence.Do(func() { close(l.silent) })
			}
		})
	}
}

const (
	// byeTime is how long a bye may take to arrive.
	byeTime = 200 * time.Millisecond
	// drainTime is how long this end waits for more packets of a link that the other end has ended, if its path does
	// not end.
	drainTime = time.Second
)

// stop ends the paths that are read. If this side's program ended the link, what Send accepted is flushed first. If the
// other side ended it, the lanes still deliver what had arrived.
func (l *link) stop() {
	if l.why() == ByUs {
		l.flushAndSayBye()
		l.unflushed = l.undelivered()
	}
	l.retire(l.old) // or its readers would wait until it is lost
	l.old = nil
	p := l.path.Load()
	switch reason := l.why(); {
	case reason == ByUs: // all is said
	case l.successor != nil: // the other end may still have this link, and say nothing on it any more
	case reason == ByPeer || reason == Lost && p.control == nil:
		if l.drained() {
			return
		}
	default:
		l.sayBye(p, reason)
	}
	close(l.halt)
	p.raw.Close()
}

// flushAndSayBye waits until what Send has accepted and the bye have arrived, or Config.Linger is over, or the other end is
// known to be gone. Meanwhile a repair goes on: the next path may carry what the present one does not.
func (l *link) flushAndSayBye() {
	ctx, cancel := context.WithTimeout(context.Background(), l.node.config.Linger)
	defer cancel()
	if l.id == "" {
		l.flush(ctx, l.path.Load())
		l.awaitReading(ctx)
		return
	}
	wake := make(chan struct{}, 1)
	defer context.AfterFunc(ctx, func() { notify(wake) })()
	var said *path // the path over which the bye was said
	for ctx.Err() == nil && !l.dismissed && !l.isDeserted() {
		p := l.path.Load()
		switch {
		case l.isMoving() || p.carries(l, wake):
			l.byeSaid = false
		case said != p:
			p.say(l.lastBye())
			said, l.byeSaid = p, true
			continue
		case p.control.Buffered() == 0:
			return
		}
		l.handleNext(nil, wake)
	}
	if l.dismissed {
		return
	}
	if said == nil {
		l.path.Load().say(l.lastBye())
	}
	l.refuse()
}

// sayEarlyBye is for a link that this end has not published, although the other end may have. It tells the other end if
// this node leaves the room, or has given up the link.
func (l *link) sayEarlyBye(p *path) {
	switch reason := l.why(); {
	case reason == ByUs && l.node.ctx.Err() != nil:
		l.sayBye(p, HostGone)
	case reason == Lost:
		l.sayBye(p, Lost)
	}
}

// lastBye returns the bye of a link that this side's program ends, alone or because it leaves the room.
func (l *link) lastBye() []byte {
	if l.node.ctx.Err() != nil {
		return appendBye(nil, byeOf(HostGone), l.said())
	}
	return appendBye(nil, byeOf(ByUs), l.said())
}

// gameReads is how long a game has to read what its end has acknowledged. An engine reads once a frame, and drops what
// it has not read when a link closes. Measured: of five packets none was read when the link was closed at once, and all
// when it was closed after 40 ms.
const gameReads = 100 * time.Millisecond

// awaitReading gives a game that time, unless nothing was sent. A transport without a Binding, such as a WebSocket, has
// its own way to know what was read.
func (l *link) awaitReading(ctx context.Context) {
	said := slices.ContainsFunc(l.lanes, func(ln *lane) bool { return ln.sent.Load() > 0 })
	if !said || l.path.Load().raw.Binding() == "" {
		return
	}
	timer := time.NewTimer(gameReads)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-l.silent:
	}
}

// isMoving reports whether the two ends may go over different paths at the moment.
func (l *link) isMoving() bool {
	if l.state.offers {
		return l.old != nil
	}
	return l.next != nil && l.next.lanes != nil // this end has proven itself there: the other end may have moved
}

// sayBye tells the other end why this end ends the link: over p or, if the bye does not arrive, through the server.
func (l *link) sayBye(p *path, reason DisconnectReason) {
	if p.control == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), byeTime)
	defer cancel()
	if !p.bye(ctx, reason) && reason != Lost {
		l.refuse()
	}
}

// refuse tells the other end through the signaling server that this end has ended the link, because the bye may not have
// arrived over the path. If the node leaves the room, the server says so anyway.
func (l *link) refuse() {
	if l.node.ctx.Err() == nil {
		l.node.refuseLink(l.peer, &signaling.SignalData{Attempt: l.state.attempt, Link: l.id}, endedHere, l.said())
	}
}

// drained waits until the readers have ended, as they do with the path. It returns false if the path does not end:
// nothing has come for drainTime, and no packet waits for the program to receive it; or the program has closed the node.
func (l *link) drained() bool {
	ended := make(chan struct{})
	l.goroutines.Go(func() {
		l.readers.Wait()
		close(ended)
	})
	ticker := time.NewTicker(drainTime)
	defer ticker.Stop()
	for before := l.drain(); ; {
		select {
		case <-ended:
			return true
		case <-l.node.inbox.quit:
			return false
		case <-ticker.C:
			now := l.drain()
			if now.isOver(before) {
				return false
			}
			before = now
		}
	}
}

// A drain is how far the readers of a link are whose path the other end has closed.
type drain struct {
	received uint64 // packets, on all lanes
	handling bool   // a packet waits for the program
}

func (l *link) drain() drain { return drain{l.received(), l.isHandling()} }

// isOver reports whether nothing has come since before. If a packet waited then for the program, and does not any more, its
// reader may be about to read the next one.
func (d drain) isOver(before drain) bool { return d == before && !d.handling }

// received returns how many packets have come, on all lanes.
func (l *link) received() (n uint64) {
	for _, ln := range l.lanes {
		n += ln.received.Load()
	}
	return n
}

// isHandling reports whether a packet of the link waits for the program.
func (l *link) isHandling() bool {
	return slices.ContainsFunc(l.lanes, func(ln *lane) bool { return len(ln.handling) > 0 })
}

func (l *link) flush(ctx context.Context, p *path) {
	for _, ln := range l.lanes {
		if ln.mode == Reliable {
			ln.flush(ctx, p)
		}
	}
}

// retire closes a path that the link does not go over any more, or never did.
func (l *link) retire(p *path) {
	if p != nil {
		l.goroutines.Go(func() { p.raw.Close() })
	}
}

// counts appends how many packets of each reliable lane were taken.
func (l *link) counts(counts []uint64) []uint64 {
	for _, ln := range l.lanes {
		if ln.mode == Reliable {
			counts = append(counts, ln.count())
		}
	}
	return counts
}

// takenByOther notes what the other end says, over path p, that it has taken.
func (l *link) takenByOther(p *path, counts []uint64) error {
	for _, ln := range l.lanes {
		if ln.mode != Reliable {
			continue
		}
		if !ln.takenByOther(p, counts[0]) {
			return errBadCounts
		}
		counts = counts[1:]
	}
	return nil
}

// farewell says how the link with a star's host has ended. A Godot host that demands authentication is silent until its
// time-out, three seconds by default, and then closes without a message.
func (l *link) farewell() string {
	age := time.Since(l.started) - l.connectTime
	switch {
	case l.why() != ByPeer:
		return l.why().String()
	case l.id != "" || l.received() > 0 || age < 2*time.Second || age > 5*time.Second:
		return "it ended the link" + suffix(l.heard())
	}
	return "it ended the link and never sent anything: it may require authentication (Config.Auth)"
}

// suffix returns what a program has said, to be appended to a text.
func suffix(bye *signaling.Bye) string {
	if bye == nil {
		return ""
	}
	return ": " + bye.String()
}

// reasonOf returns the reason for which a path has ended, if this end did not end it.
func reasonOf(err error) DisconnectReason {
	if errors.Is(err, transport.ErrLost) {
		return Lost
	}
	return ByPeer
}

func (l *link) stats() LinkStats {
	t := l.path.Load().raw.Stats()
	stats := LinkStats{
		ConnectTime: l.connectTime, RTT: t.RTT, Local: t.Local, Remote: t.Remote,
		Repairable: l.id != "", Interrupted: l.interrupted.Load(), Paths: int(l.figures.paths.Load()),
		PathsRefused: int(l.figures.refused.Load()), LastHeard: time.Since(time.Unix(0, l.figures.heard.Load())),
		BytesSent: t.BytesSent, BytesReceived: t.BytesReceived, Lanes: make([]LaneStats, len(l.lanes)),
	}
	for i, ln := range l.lanes {
		stats.Lanes[i] = LaneStats{
			Channel: ln.channel, Mode: ln.mode,
			Sent: ln.sent.Load(), Received: ln.received.Load(), Resent: ln.resent.Load(), Buffered: ln.buffered(),
			SentBytes: ln.sentBytes.Load(), ReceivedBytes: ln.receivedBytes.Load(),
		}
	}
	return stats
}
