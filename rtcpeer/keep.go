package rtcpeer

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/signaling"
)

// This file keeps an open link: it is what link.run does until the link ends. repair.go decides when something has to
// be done about the path. The next path takes over like this:
//
//	offering end                              answering end
//	  offer, repair, link ------------------>   answer
//	  ======== ICE, DTLS, SCTP: every lane open =========
//	           <----------------------------  prove
//	  prove, take what was delivered -------->  from here on it reads the new path alone,
//	           <----------------------------  take what was delivered
//	  each sends again what the other has not taken, and closes the old path

var (
	// errBadCounts is the fault of an end that claims to have taken packets that it was never sent.
	errBadCounts = errors.New("the other end reports an impossible number of delivered packets")
	errFlood     = errors.New("the other end floods the control lane")
)

// beats are what was heard and said up to the last tick.
type beats struct {
	heard, said uint64    // packets and control frames
	control     uint64    // control frames heard over the present path
	told        uint64    // packets taken, as the other end was last told
	data        uint64    // packets heard over the other lanes up to this end's last beat
	carried     uint64    // bytes sent over the reliable lanes
	saidAt      time.Time // when something was last said, or told
	heardAt     time.Time // when a packet or a control frame was last heard, or an acknowledgement
	checks      uint64    // the checks of the present path's route
	missedAt    time.Time // when this end last missed such a check; zero: it did not
}

const (
	// checksFor is how long the checks of a route count after something was last heard over the lanes. An idle link
	// has two beats in each timeEachIdle.
	checksFor = 2 * timeEachIdle
	// beatAfterMiss is how long this end relies on beats after it has missed a check.
	beatAfterMiss = 30 * time.Second
)

// maxBeats is how many control frames may come from one tick to the next, besides those that tell what was taken: an
// end sends one of these for each eighth of the bytes that the other end keeps.
const maxBeats = 4096

// tellEach is how many bytes an end may take before it tells the other one, which keeps up to kept bytes for each lane.
// An end reports relatively less often to one that keeps little, but always before that is full.
func tellEach(kept uint64) uint64 { return max(min(kept, 1<<30)/8, min(kept/2, 1<<10), 1) }

// watch deals with what happens until either side ends the link, or done is closed.
func (l *link) watch(done <-chan struct{}) {
	for l.why() == 0 && !isClosed(done) {
		l.handleNext(l.over, done)
	}
}

// handleNext deals with the next thing that happens, unless over or done is closed. The goroutine of a quiet link waits
// here, so what a case needs is in a method of its own, to keep this stack frame small.
func (l *link) handleNext(over, done <-chan struct{}) {
	due, stop := l.nextDue()
	defer stop()
	var making <-chan transport.Event
	if l.next != nil {
		making = l.next.raw.Events()
	}
	select {
	case <-over:
	case <-done:
	case e := <-l.path.Load().raw.Events():
		l.pathEvent(e)
	case e := <-making:
		l.nextEvent(e)
	case s := <-l.signals:
		l.signaled(s)
	case h := <-l.control:
		l.controlled(h)
	case <-l.answers:
		l.answered()
	case <-l.ticks:
		l.tick()
	case <-due:
		l.tick()
	case <-l.changed:
		l.thisEndChanged()
	case <-l.slotReady():
		l.tryNow()
	}
}

// nextDue returns a channel that fires if something is due before the next tick, and a function that stops it.
func (l *link) nextDue() (<-chan time.Time, func()) {
	if l.ticks == nil {
		return nil, func() {}
	}
	return timer(time.Until(l.repair.due()))
}

func (l *link) answered() {
	l.measureSoon()
	l.decide(l.repair.answered(time.Now(), l.sight()))
}

func (l *link) thisEndChanged() {
	if l.ticks != nil {
		l.forwardNext = l.path.Load().forwarded // whatever was tried while the server was away
		l.decide(l.repair.changed(time.Now(), l.spread()))
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// spreadEach is how far apart the repairs of two links of a node are on average, when one event starts all of them: a
// new path takes some 5 ms of CPU, at both ends together.
const spreadEach = 10 * time.Millisecond

// spread is a random wait, so that not all links of the node are repaired in the same moment.
func (l *link) spread() time.Duration {
	return time.Duration(rand.Int64N(int64(spreadEach) * int64(len(l.node.roster.open.Load().all)+1)))
}

// pathEvent handles an event of the present path. The control lane reports, too, that the path is closed, after the
// frames that came before.
func (l *link) pathEvent(e transport.Event) {
	switch {
	case isStray(e):
		l.misbehaved(l.hopeless(e))
	case e.Kind == transport.EventCandidate:
		l.event(e)
	case e.Kind == transport.EventClosed && l.path.Load().control == nil:
		l.end(reasonOf(e.Err))
	case e.Kind == transport.EventClosed && reasonOf(e.Err) == ByPeer && !l.isMoving():
		// While the link moves, the other end may close this path to go on with the next one: the offering end as soon
		// as it has taken over the next one, the answering end when it is offered yet another one.
		l.closedByPeer = true
		if l.repair.closed {
			l.vanish()
		}
	}
}

// vanish ends the link when the other end has closed its present path without a bye: the program there is gone without
// having ended the link, as when a tab is closed. A program that goes on moves the link before it closes a path. After a
// silence the other end may have ended the link, or have given it up, and its bye was lost. Then the signaling server
// says so soon.
func (l *link) vanish() {
	now := time.Now()
	silence := now.Sub(time.Unix(0, l.figures.heard.Load()))
	if silence > l.repair.silentAfter() || l.repair.isStale(now) && !l.node.roster.gone(l.entry) {
		l.vanishes = now.Add(refusalTime)
		return
	}
	l.vanished = true
	l.end(ByPeer)
}

// refusalTime is how long the signaling server may take to say why the other end has closed the path: it may be at the
// other side of the world, and this end may have to connect to it again.
const refusalTime = 3 * time.Second

// nextEvent takes an event of the path that is being made.
func (l *link) nextEvent(e transport.Event) {
	if isStray(e) {
		l.misbehaved(l.hopeless(e))
		return
	}
	switch e.Kind {
	case transport.EventCandidate:
		l.event(e)
	case transport.EventClosed:
		l.node.log.Debug("repair failed", "peer", l.peer, "attempt", l.next.attempt, "err", e.Err)
		l.nextOver()
	case transport.EventOpened:
		l.next.opened()
		if !l.state.offers {
			l.next.say(appendProve(nil, l.next.prove(false)))
		}
	}
}

// nextOver drops the path that is being made, which has failed.
func (l *link) nextOver() {
	fallback := l.hasFallback() && l.repair.needs != needDirect
	l.dropNext()
	if fallback {
		l.decide(l.repair.fellBack(time.Now(), l.sight()))
	} else {
		l.decide(l.repair.failed(time.Now(), l.sight()))
	}
}

func (l *link) dropNext() {
	l.endSlot()
	l.retire(l.next)
	l.next = nil
}

// takeWaiting takes the signals that wait.
func (l *link) takeWaiting() {
	for range len(l.signals) { // nobody else takes them
		l.signaled(<-l.signals)
	}
}

// signaled takes a signal of the other end.
func (l *link) signaled(s *signaling.SignalData) {
	l.noteAnswer(s)
	switch {
	case s.Type == signaling.Offer && (l.id == "" || s.Link != l.id):
		l.offered(s)
		return
	case s.Type == signaling.Offer && (!s.Repair || !l.published) && s.Attempt > l.state.attempt:
		l.giveWay(s) // one of the two ends has never had this link open
		return
	case s.Type == signaling.Repair:
		l.requested(s)
		return
	case s.Type == signaling.Refuse:
		l.refusedBy(s)
		return
	case s.Type == signaling.Fail:
		l.nextFailed(s)
		return
	case l.answersOther(s):
		return
	}
	var steps []step
	l.state, steps = l.state.receive(*s)
	if err := l.do(steps); err != nil {
		l.node.log.Debug("signal ignored", "peer", l.peer, "err", err)
		l.tellFailure(err)
	}
	if l.state.offers && l.state.described {
		l.repair = l.repair.known()
	}
}

// offered takes an offer that is not for a path of this link.
func (l *link) offered(s *signaling.SignalData) {
	switch {
	case l.state.offers:
	case s.Repair: // of a link that is not here
		l.state.attempt = laterAttempt(l.state.attempt, s.Attempt)
		l.request(l.id)
	case s.Link != "" || max(s.Attempt, 1) > l.state.attempt:
		l.giveWay(s)
	}
}

// refusedBy handles a refusal, which comes through the server: the other end has ended the link, and its bye may have been
// lost. That cannot be true as long as something comes over the present path: then the server may not be honest, or the
// refusal is about an earlier link.
func (l *link) refusedBy(s *signaling.SignalData) {
	switch {
	case !l.isAbout(s):
	case l.repair.interrupted || l.repair.closed:
		l.endWith(ByPeer, s.Bye)
	default:
		l.refused, l.refusal = time.Now(), s.Bye
	}
}

// giveWay ends the link, which the other end has given up, in favor of the link that it offers.
func (l *link) giveWay(s *signaling.SignalData) {
	l.successor = s
	l.end(Lost)
}

// requested handles a request of the answering end, which wants another path or does not have this link.
func (l *link) requested(s *signaling.SignalData) {
	switch {
	case l.id == "" || !l.state.offers:
	case s.Link == l.id:
		seen := s.Attempt >= l.state.attempt
		l.state.attempt = laterAttempt(l.state.attempt, s.Attempt) // larger, if somebody else has offered in this end's name
		l.decide(l.repair.requested(time.Now(), l.sight(), seen))
	case s.Attempt >= l.path.Load().attempt: // else it was sent before this link was open
		l.end(Lost)
	}
}

// controlled takes a control frame.
func (l *link) controlled(h *heardControl) {
	switch {
	case h.path == l.next:
		l.nextControlled(h)
	case h.path != l.path.Load() && !h.isByeOver(l.old): // of a path that was given up
	case h.ended:
		l.decide(l.repair.pathClosed(time.Now(), l.sight()))
		if l.closedByPeer {
			l.vanish()
		}
	case h.bad != nil:
		l.misbehaved(h.bad)
	case h.frame.kind == frameBye:
		l.dismissed, l.departed = true, h.frame.reason == byeOf(HostGone)
		l.endWith(endedBy(h.frame.reason), h.frame.bye)
	case h.frame.kind == frameTake && l.state.offers && l.old != nil:
		l.confirmed(h.frame.counts)
	default:
		l.misbehaved(errBadControl)
	}
}

// isByeOver reports whether h is a bye over path p, which the other end has not left yet.
func (h heardControl) isByeOver(p *path) bool {
	return h.path == p && h.bad == nil && !h.ended && h.frame.kind == frameBye
}

func (l *link) misbehaved(why error) {
	l.node.log.Warn("peer broke the protocol", "peer", l.peer, "err", why)
	l.fault = cmp.Or(l.fault, why)
	l.end(Misbehaved)
}

// nextControlled handles a control frame of the path that is being made. Nothing that the other end says counts until
// it has proven who it is.
func (l *link) nextControlled(h *heardControl) {
	p := l.next
	switch f := &h.frame; {
	case h.ended: // its event says why
	case h.bad == nil && !p.proven && f.kind == frameProve && p.raw.Binding() != "" && l.secret.proves(f.mac, !l.state.offers, p.attempt, p.raw.Binding()):
		p.proven = true
		if l.state.offers {
			l.takeOver()
		}
	case h.bad == nil && p.proven && f.kind == frameTake:
		l.follow(f.counts)
	case p.proven:
		l.misbehaved(errBadControl)
	default:
		l.figures.refused.Add(1)
		l.node.log.Warn("path refused: the other end does not know the link's secret; the signaling server may be hostile",
			"peer", l.peer, "attempt", p.attempt)
		l.dropNext()
		l.decide(l.repair.failed(time.Now(), l.sight()))
	}
}

// takeOver moves the link of the offering end to the next path. Its reliable packets still go over the old path, until
// the other end has said what it has taken.
func (l *link) takeOver() {
	p := l.next
	if l.repair.needs == needDirect && p.grade() <= l.path.Load().grade() {
		l.dropNext()
		l.decide(l.repair.failed(time.Now(), l.sight()))
		return
	}
	p.say(appendProve(nil, p.prove(true)))
	p.say(appendTake(nil, l.takeFrom(p)))
	l.retire(l.old)
	l.old = l.path.Load()
	l.switchTo(p)
}

// follow moves the link of the answering end to the next path, where the other end is already.
func (l *link) follow(counts []uint64) {
	p, old := l.next, l.path.Load()
	p.say(appendTake(nil, l.takeFrom(p)))
	l.switchTo(p)
	l.moved(old, counts)
}

// confirmed ends a takeOver: the other end has followed.
func (l *link) confirmed(counts []uint64) {
	old := l.old
	l.old = nil
	l.moved(old, counts)
}

// takeFrom makes all lanes take only what comes over p, and returns how much each reliable lane has taken until then.
func (l *link) takeFrom(p *path) (counts []uint64) {
	for _, ln := range l.lanes {
		if n := ln.takeFrom(p); ln.mode == Reliable {
			counts = append(counts, n)
		}
	}
	return counts
}

func (l *link) switchTo(p *path) {
	l.endSlot()
	l.next, l.closedByPeer, l.vanishes = nil, false, time.Time{}
	l.timing.moved()
	l.path.Store(p)
	l.measured.at = time.Time{}
	l.figures.paths.Add(1)
	l.beats.control, l.beats.said = 0, 0
	l.read(p)
}

// moved makes all lanes send over the present path, and sends again what the other end has not taken.
func (l *link) moved(old *path, counts []uint64) {
	l.retire(old)
	p := l.path.Load()
	for _, ln := range l.lanes {
		if ln.mode != Reliable {
			continue
		}
		if !ln.moveTo(p, counts[0]) {
			l.misbehaved(errBadCounts)
			return
		}
		counts = counts[1:]
	}
	now := time.Now()
	l.figures.heard.Store(now.UnixNano())
	l.forwardNext = p.forwarded
	l.node.log.Info("link moved to another path", "peer", l.peer, "path", l.figures.paths.Load(), "after", now.Sub(p.began))
	l.decide(l.repair.moved(now, p.relayed()))
}

// tick looks at what was heard and said since the last one.
func (l *link) tick() {
	now, p := time.Now(), l.path.Load()
	if !l.vanishes.IsZero() && now.After(l.vanishes) {
		l.vanished = true
		l.end(Lost)
		return
	}
	l.measure(now, p)
	heard, said := p.heard.Load(), p.said.Load()
	control, told, carried := heard, uint64(0), uint64(0)
	for _, ln := range l.lanes {
		heard += ln.received.Load()
		said += ln.sent.Load()
		if ln.mode == Reliable {
			told += ln.count()
			carried += ln.sentBytes.Load()
			ln.trim()
		}
	}
	if control-l.beats.control > maxBeats+(carried-l.beats.carried)/tellEach(uint64(l.node.config.SendBuffer)) {
		l.misbehaved(errFlood)
		return
	}
	l.beats.control, l.beats.carried = control, carried
	if l.next != nil && !l.state.offers && now.Sub(l.next.began) > max(2*attemptTimeout, 2*l.entry.tempo.answer) {
		l.dropNext()
	}
	s := l.sight()
	s.heard = p.acknowledges() || heard != l.beats.heard
	l.beats.heard = heard
	if s.heard {
		l.beats.heardAt = now
	}
	s.heard = l.seesChecks(now, p) || s.heard
	if s.heard {
		l.figures.heard.Store(now.UnixNano())
		if now.Sub(l.refused) > 2*tickEach { // else what was heard may have been sent before the refusal
			l.refused, l.refusal = time.Time{}, nil
		}
	}
	l.beat(now, p, said, told, heard-control)
	l.decide(l.repair.tick(now, s))
}

// seesChecks reports whether a check of the route has come since the last tick, and counts as a sign of the other end.
// The signaling server knows the keys of the checks and could imitate them, so they count only for a time.
func (l *link) seesChecks(now time.Time, p *path) bool {
	if p.checked == nil || p.sparing {
		return false
	}
	n := p.checked.Checks()
	came := n != l.beats.checks
	l.beats.checks = n
	// On a route that loses packets a beat is better: it is sent again.
	if !came && now.Sub(l.repair.heard) >= l.repair.askAfter() {
		l.beats.missedAt = now
	}
	p.checksHere.Store(now.Sub(l.beats.missedAt) > beatAfterMiss)
	return came && p.checksThere.Load() && now.Sub(l.beats.heardAt) < checksFor
}

// sight returns what can be seen of the path that is being made, and of the other end.
func (l *link) sight() sight {
	s := sight{answer: l.entry.tempo.answer, relaxed: l.path.Load().sparing || l.node.isCrowded()}
	if l.next != nil {
		s.making, s.advanced = true, l.next.raw.Progress().Stage > transport.StagePath
	}
	s.fallback = l.hasFallback()
	return s
}

// beat sends a beat when this end has sent nothing for a while. The beat reports what this end has taken. On an idle
// link an end that rests sends none. Any other end sends fewer if the checks of the route take the place of beats, or if
// the path is sparing.
func (l *link) beat(now time.Time, p *path, said, told, data uint64) {
	idle := told == l.beats.told && data == l.beats.data
	each := beatEach
	if idle && (p.sparing || p.checksHere.Load() && p.checksThere.Load()) {
		each = timeEachIdle
	}
	quiet := now.Sub(l.beats.saidAt) >= each-tickEach/2
	switch {
	case said != l.beats.said && told == l.beats.told:
		l.beats.said, l.beats.saidAt = said, now
	case quiet && idle && !p.offers && p.rests.Load():
	case quiet:
		p.tell(0)
		l.beats.said, l.beats.told, l.beats.data, l.beats.saidAt = said+1, told, data, now
	}
}

// decide stores what was decided about the path, and does it. A link that is not connected yet is not repaired: it is
// made anew.
func (l *link) decide(r repair, steps []repairStep) {
	l.repair = r
	for _, s := range steps {
		switch {
		case !l.published && s != stepAsk:
			l.end(Lost)
			return
		case l.forsaken(s):
			l.takeWaiting() // a refusal that says why may be among them
			l.endWith(ByPeer, l.refusal)
			return
		}
		switch s {
		case stepAsk:
			l.path.Load().tell(beatAsks)
		case stepInterrupt:
			l.interrupted.Store(true)
			l.node.linkInterrupted(l)
		case stepResume:
			l.interrupted.Store(false)
			l.node.linkResumed(l)
		case stepTry:
			l.tryPath()
		case stepDrop:
			if l.state.offers {
				l.dropNext()
			}
		case stepGiveUp:
			l.end(Lost)
		}
	}
}

// forsaken reports whether the other end, from which this end hears nothing, is known to have ended the link.
func (l *link) forsaken(s repairStep) bool {
	switch s {
	case stepInterrupt:
		return l.isRefused() || l.node.roster.gone(l.entry)
	case stepTry:
		return l.isRefused() && l.repair.closed || l.repair.needs != needDirect && l.node.roster.gone(l.entry)
	}
	return false
}

func (l *link) isRefused() bool { return !l.refused.IsZero() }

// tryPath makes another path when there is a slot for it, or asks the other end to make one.
func (l *link) tryPath() {
	switch {
	case !l.state.offers:
		l.request(l.id)
	case !l.waitForSlot():
		l.repair = l.repair.waiting()
	default:
		l.offerPath()
	}
}

// tryNow makes the path that has waited for its slot.
func (l *link) tryNow() {
	if l.repair.waits {
		l.repair = l.repair.begins(time.Now())
		l.offerPath()
	}
}

func (l *link) offerPath() {
	var steps []step
	l.state, steps = l.state.retry()
	if err := l.do(steps); err != nil {
		l.node.log.Warn("cannot repair the link now", "peer", l.peer, "err", err)
	}
}
