package rtcpeer

import (
	"errors"
	"math/rand/v2"
	"time"

	"golang.org/x/time/rate"

	"example.org/rtcpeer/signaling"
)

// A peer is one entry of the roster: a member of the room, or a former member that still has its link. Its goroutine,
// run, makes one link after the other with the peer, as long as it is a member and no link has ended for good. The
// roster starts run, and waits for it.
//
//	link 1 ---- lost or failed ---- link 2 ---- ... ---- ended by one of the two: refused, left, kicked
//	       at once, for a minute; then with pauses up to 30 s, which any news cuts short
type peer struct {
	// Fixed at construction.
	node    *Node
	signals chan *signaling.SignalData // from node.run; if it is full, the link ends
	changed chan struct{}              // a token: something has changed that makes a try worthwhile

	// Guarded by the roster.
	member   signaling.Member
	present  bool // it is a member
	standing standing
	link     *link          // nil between two links
	running  bool           // run is running
	parting  bool           // its last link has ended for good, and its path is being closed
	lost     bool           // its last link was Lost, and could not be repaired
	gone     bool           // it has left the room by itself or was taken out of it, so its program has ended there
	ended    bool           // its last link has ended for good: it has to join anew to get another one
	bye      *signaling.Bye // what the program here has said when it ended that link; nil: nothing
	refused  bool           // it was turned away since it joined, and the program was told
	joins    int            // how often it joined with another program than that of the earlier links
	links    int            // how many links there were
	offers   *rate.Limiter  // bounds how many paths this node makes because of the peer's offers and requests for offers

	// Owned by run, and by start before it.
	attempt int // number of the last offer
	tempo   tempo
	since   time.Time // when this node began to make another link; zero: the present link is open, or is the first
	pause   time.Duration
	told    bool // the program knows that there is no link
}

// A standing is the state of the link with a peer.
type standing uint8

const (
	standingOver           standing = iota // no link
	standingMaking                         // its lanes are being opened
	standingAuthenticating                 // its lanes are open, and Config.Auth decides
	standingUp                             // connected
	standingInterrupted                    // connected, but not heard at the moment
)

// offerEach and offerBurst bound the offers and requests of a peer. Several network changes in a row, each with a few
// tries, pass. The rest is ignored, as if the server had lost it.
const (
	offerEach  = time.Second
	offerBurst = 20
)

func newPeer(n *Node) *peer {
	return &peer{
		node: n, signals: make(chan *signaling.SignalData, signalBacklog), changed: make(chan struct{}, 1),
		offers: rate.NewLimiter(rate.Every(offerEach), offerBurst),
	}
}

// run runs one link after the other, and then hands to the node what is left to do.
func (p *peer) run(l *link) {
	for {
		l.run()
		next, rest := p.next(l)
		if next == nil {
			p.node.resume(rest)
			return
		}
		l = next
	}
}

// A remainder is what is left to do when a peer's links have ended for good.
type remainder struct {
	member  signaling.Member
	joined  bool                    // the peer has joined meanwhile, with another program
	signals []*signaling.SignalData // those that came too late for the links
}

// next waits until another link is to be made, and returns it. If there is to be none, it returns what remains.
func (p *peer) next(l *link) (*link, remainder) {
	n := p.node
	if l.published || p.since.IsZero() {
		p.since, p.pause = time.Now(), 0
	}
	first, ok := l.successor, l.successor != nil && !l.isWanted()
	if !ok && (!l.mayPass() || n.room.why() != nil) {
		return nil, n.roster.stop(l)
	}
	if !ok {
		first, ok = p.wait(l)
	}
	for ok && n.inbox.backlogged() { // the program does not receive the events of links that come and go
		p.since = time.Now().Add(-hurryFor)
		first, ok = p.wait(l)
	}
	if !ok || n.room.why() != nil {
		return nil, n.roster.stop(l)
	}
	return n.roster.again(l, first)
}

const (
	// hurryFor is how long the tries to link a peer follow each other without a pause. A path that comes back in that
	// time is found within a second.
	hurryFor   = time.Minute
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// nextPause returns how long to wait before the next link is made.
func (p *peer) nextPause(l *link) time.Duration {
	switch {
	case time.Since(p.since) >= hurryFor:
	case l.failedAtOnce(): // and would again
		return attemptTimeout + l.spread()
	default:
		return l.spread()
	}
	p.pause = min(max(2*p.pause, firstPause), lastPause)
	return p.pause/2 + rand.N(p.pause/2+1)
}

// wait waits until the pause after a link is over. A signal of the other end or a change at this end cuts it short. It
// returns the offer that came, if one did, and false if there is to be no link.
func (p *peer) wait(l *link) (first *signaling.SignalData, ok bool) {
	timer := time.NewTimer(p.nextPause(l))
	defer timer.Stop()
	for {
		select {
		case s := <-p.signals:
			p.attempt = laterAttempt(p.attempt, s.Attempt)
			l.noteAnswer(s)
			switch {
			case s.Type == signaling.Refuse && l.isAbout(s):
				return nil, false
			case s.Type == signaling.Offer && !s.Repair:
				return s, true
			case s.Type == signaling.Offer || s.Type == signaling.Repair: // the other end has not noticed, or waits
				return nil, true
			}
		case <-timer.C:
			return nil, true
		case <-p.changed:
			p.since, p.pause = time.Now(), 0
			timer.Reset(l.spread())
		case <-p.node.ctx.Done():
			return nil, false
		}
	}
}

// mayPass reports whether the cause for which the link has ended can pass, so that another link is made. Only members
// that take part in repairs expect one.
func (l *link) mayPass() bool {
	if l.isWanted() {
		return false
	}
	if l.published {
		return l.id != "" && (l.why() == Lost || l.vanished)
	}
	return l.capable && (l.failure != nil && !isFinal(l.failure) || l.why() == Lost)
}

// isFinal reports whether a failure stays until the member joins anew.
func isFinal(failure error) bool {
	for _, cause := range []error{ErrRefused, ErrUnauthorized, ErrUnknownChannel, errTooManySignals, errBadControl, errBadCounts, errFlood} {
		if errors.Is(failure, cause) {
			return true
		}
	}
	return false
}
