package rtcpeer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/signaling"
)

// This file makes the first path of a link: it is what link.run does until every lane is open. negotiate.go decides
// what has to be done, and when.

// attemptTimeout is how long the offering end gives an attempt that makes no progress. ICE, DTLS and
// SCTP need four round trips; a description that was lost with its server never comes.
const attemptTimeout = 7 * time.Second

var (
	// errOver is the cause of a link that ended without a failure before it opened: its peer left, or the node closed.
	errOver = errors.New("over")
	// errTooManySignals fails a link whose other end sends signals faster than they can be used.
	errTooManySignals = fmt.Errorf("the other end sends too many signals: more than %d wait", signalBacklog)
	// errAttemptOver ends one attempt of the offering end.
	errAttemptOver = errors.New("attempt over")
)

// connect negotiates until every lane is open and, on a link that can be repaired, the secret is known. Its error is a
// *PeerError, or errOver.
func (l *link) connect() error {
	deadline := l.node.shortage.limit(l.connectLimit())
	defer deadline.stop()
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

// connectLimit returns Config.ConnectTimeout. Once the program has been told that there is no link, further tries get
// more time if signals take long.
func (l *link) connectLimit() time.Duration {
	limit := l.node.config.ConnectTimeout
	if limit > 0 && l.entry.told {
		limit = max(limit, 2*l.entry.tempo.attempt())
	}
	return limit
}

// try makes one attempt. Once the attempt has a path, its time begins anew with each stage that it reaches: on a busy
// machine or a long path, giving up an attempt that advances would only make it all begin again.
func (l *link) try(steps []step, deadline *limit) error {
	if err := l.awaitSlot(deadline); err != nil {
		return err
	}
	attempt := l.node.shortage.limit(l.patience())
	defer func() { attempt.stop() }()
	ask, stop := l.askAgain()
	defer stop()
	l.renew = nil
	err := l.do(steps)
	for reached := transport.StagePath; err == nil; {
		var opened bool
		if opened, err = l.await(deadline, attempt, ask); opened {
			return nil
		}
		if err == errAttemptOver && l.next.raw.Progress().Stage > reached {
			reached, err = l.next.raw.Progress().Stage, nil
			attempt.stop()
			attempt = l.node.shortage.limit(attemptTimeout)
		}
	}
	return err
}

// askAgain asks the offering end for its offer, if that end may not know that this one waits for it. It returns a
// channel that says when to ask once more, and a function that stops it.
func (l *link) askAgain() (<-chan time.Time, func()) {
	if !l.again || l.id == "" || l.state.offers {
		return nil, func() {}
	}
	if l.first == nil {
		l.request("")
	}
	t := time.NewTicker(requestEach)
	return t.C, t.Stop
}

// await handles the next thing that happens while the link is being made.
func (l *link) await(deadline, attempt *limit, ask <-chan time.Time) (opened bool, err error) {
	var events <-chan transport.Event
	if l.next != nil {
		events = l.next.raw.Events()
	}
	select {
	case s := <-l.signals:
		return false, l.receive(s)
	case e := <-events:
		l.event(e)
		why := l.hopeless(e)
		if e.Kind == transport.EventClosed && !isStray(e) && l.hasFallback() {
			return false, l.fallBack(why)
		}
		if why != nil {
			return false, l.fail("connect", why)
		}
		if e.Kind == transport.EventClosed && l.state.once {
			return false, l.fail("connect", e.Err)
		}
		return e.Kind == transport.EventOpened && l.greet(), nil
	case h := <-l.control:
		return l.greeted(h)
	case <-l.changed:
		return false, l.startAnew(freshFor)
	case <-l.renew:
		if l.state.described {
			return false, nil
		}
		return false, l.startAnew(0)
	case <-ask:
		if l.next == nil && !l.offerMayWait() {
			l.request("")
		}
		return false, nil
	case <-attempt.C:
		return false, l.attemptOver(attempt)
	case <-deadline.C:
		if !deadline.over() || l.hasGreeted() && deadline.extend(attemptTimeout) || l.awaitsOffer(deadline) {
			return false, nil
		}
		err := l.deadlineError()
		if err.Stage <= transport.StagePath && !(l.state.offers && l.state.described) {
			l.entry.tempo.unanswered()
		}
		return false, l.fail("connect", err)
	case <-l.over:
		return false, l.overEarly()
	}
}

// overEarly returns the error of a link that ended before it was open. The other end may have opened it already.
func (l *link) overEarly() error {
	if l.why() == Misbehaved {
		return l.fail("connect", errTooManySignals)
	}
	if l.hasGreeted() {
		l.sayEarlyBye(l.next)
	}
	return errOver
}

// hasGreeted reports whether this end may have sent its hello, so that the other end may have opened the link already.
func (l *link) hasGreeted() bool { return l.next != nil && l.next.control != nil }

// attemptOver ends an attempt whose time is over, unless there is none after it, or its answer may still be on its way.
func (l *link) attemptOver(attempt *limit) error {
	if !attempt.over() || !l.state.retries() {
		return nil
	}
	if !l.state.described {
		if more := l.entry.tempo.attempt() - time.Since(l.next.began); more > 0 { // others were answered late
			attempt.again(more)
			return nil
		}
		l.entry.tempo.unanswered()
	}
	return errAttemptOver
}

// receive handles a signal of the other end while the link is being made.
func (l *link) receive(s *signaling.SignalData) error {
	l.noteAnswer(s)
	switch {
	case (s.Type == signaling.Refuse || s.Type == signaling.Fail) && !l.isAbout(s):
		return nil
	case s.Type == signaling.Fail && l.hasFallback():
		return l.fallBack(nil)
	case s.Type == signaling.Fail:
		return l.otherFailed(s)
	case s.Type == signaling.Refuse:
		return l.fail("connect", fmt.Errorf("%w: %s", ErrRefused, s.Text))
	case s.Type == signaling.Repair && s.Attempt >= l.state.attempt: // it has seen this attempt, and still asks
		return l.startAnew(floodEach)
	case s.Type == signaling.Repair:
		return l.startAnew(freshFor)
	case s.Type == signaling.Offer && s.Repair: // there is no such link here
		l.state.attempt = laterAttempt(l.state.attempt, s.Attempt)
		l.request("")
		return nil
	case l.answersOther(s):
		return nil
	}
	var steps []step
	l.state, steps = l.state.receive(*s)
	return l.do(steps)
}

// noteAnswer learns from an answer, even a late one, how long signals take.
func (l *link) noteAnswer(s *signaling.SignalData) {
	if s.Type == signaling.Answer {
		l.entry.tempo.answered(s.Attempt, time.Now())
	}
}

// isAbout reports whether a refusal or a failure is about this link as it is now, not about an earlier link or an earlier
// attempt. A refusal with the link's id refuses every attempt of it: the last offers may not have arrived there.
func (l *link) isAbout(s *signaling.SignalData) bool {
	every := s.Type == signaling.Refuse && s.Link != ""
	return (s.Link == "" || s.Link == l.id) && (every || s.Attempt == 0 || s.Attempt == l.state.attempt)
}

// answersOther reports whether a signal answers the offer of another link, perhaps one of the program that ran before
// this one, whose attempts had the same numbers.
func (l *link) answersOther(s *signaling.SignalData) bool {
	return s.Type == signaling.Answer && s.Link != "" && s.Link != l.id
}

// floodEach is the shortest time between two attempts that the other end asks for.
const floodEach = 200 * time.Millisecond

// startAnew begins the next attempt, or asks for it, unless the present one is fresh. Either something has changed, and
// the addresses that the two ends have told each other may be wrong; or the other end has given the attempt up, or may
// not know of it. An attempt may be answered for as long as it is fresh.
func (l *link) startAnew(fresh time.Duration) error {
	if fresh >= freshFor {
		fresh = l.entry.tempo.fresh(fresh)
	}
	switch {
	case l.id == "":
	case l.next != nil && time.Since(l.next.began) < fresh && !l.unsent:
		l.renew = time.After(fresh - time.Since(l.next.began))
	case l.state.retries():
		return errAttemptOver
	case !l.state.offers && l.again:
		l.request("")
	}
	return nil
}

// greet begins the exchange of hellos. It returns true if the link needs none, and so is open.
func (l *link) greet() (opened bool) {
	l.next.opened()
	if l.id == "" {
		return true
	}
	l.random = newRandom()
	l.next.say(appendHello(nil, l.random, l.node.config.SendBuffer))
	return false
}

// greeted handles what the other end says over the control lane of a first path. That has to be its hello.
func (l *link) greeted(h *heardControl) (opened bool, err error) {
	switch {
	case h.path != l.next || h.ended:
		return false, nil // of an earlier attempt; or the path has ended, and the attempt will run out of time
	case h.bad != nil || h.frame.kind != frameHello:
		l.node.log.Warn("the other end began with an invalid hello", "peer", l.peer, "err", h.bad, "type", h.frame.kind)
		return false, nil
	}
	offering, answering := l.random, h.frame.random
	if !l.state.offers {
		offering, answering = answering, offering
	}
	l.secret = newSecret(l.id, offering, answering)
	l.tellEach = int(tellEach(h.frame.kept))
	l.sendBuffer = min(l.sendBuffer, int(max(min(h.frame.kept, 1<<30), uint64(4*l.node.config.MaxPacket))))
	return true, nil
}

func (l *link) event(e transport.Event) {
	switch e.Kind {
	case transport.EventCandidate:
		l.signal(signaling.SignalData{
			Type: signaling.Candidate, Candidate: e.Candidate.Line, SDPMid: e.Candidate.Mid, SDPMLineIndex: e.Candidate.Index,
		})
	case transport.EventClosed:
		// The offering end tries again when the attempt's time is over, not at once: what fails
		// fast fails often.
		l.node.log.Debug("attempt ended", "peer", l.peer, "attempt", l.state.attempt, "err", e.Err)
		l.endSlot()
	}
}

func (l *link) deadlineError() *DeadlineError {
	p := transport.Progress{Detail: "no signal from the other end: it may not run rtcpeer, or it may have lost its signaling server"}
	if l.next != nil {
		p = l.next.raw.Progress()
	}
	if l.furthest.Detail != "" && l.furthest.Stage >= p.Stage { // it had all its time, so it knows what servers answered
		p = l.furthest
	}
	return &DeadlineError{After: l.node.config.ConnectTimeout, Stage: p.Stage, Detail: p.Detail}
}

func (l *link) fail(op string, err error) error {
	return &PeerError{Peer: l.peer, Op: op, Err: err}
}

// do takes the steps of a negotiation. A description from the other end that this one cannot use fails the link with a
// reason; a candidate that cannot be used only means one route less.
func (l *link) do(steps []step) error {
	for _, s := range steps {
		switch s.kind {
		case stepOffer:
			if err := l.begin(l.offersForwarded()); err != nil {
				return err
			}
			sdp, err := l.next.raw.Offer()
			if err != nil {
				return l.fail("offer", err)
			}
			l.entry.tempo.offered(l.state.attempt, time.Now())
			l.signal(signaling.SignalData{Type: signaling.Offer, SDP: sdp, Link: l.id, Repair: l.published})
		case stepAnswer:
			if !l.published {
				l.id = ""
				if l.capable { // it has listed that it takes part in repairs
					l.id = s.data.Link
				}
			}
			forward, err := l.answersForwarded(s.data.SDP)
			if err != nil {
				return l.fail("answer", err)
			}
			if !forward {
				l.takeSlot()
			}
			if err := l.begin(forward); err != nil {
				return err
			}
			sdp, err := l.next.raw.Answer(s.data.SDP)
			if err != nil {
				return l.fail("answer", err)
			}
			l.signal(signaling.SignalData{Type: signaling.Answer, SDP: sdp, Link: l.id})
		case stepAccept:
			if l.next == nil {
				continue // its path was dropped when the present one was heard again
			}
			if !l.published && s.data.Link == "" {
				l.id = "" // it does not take part in repairs, whatever its features say
			}
			if err := l.next.raw.Accept(s.data.SDP); err != nil {
				return l.fail("accept", err)
			}
		case stepAddCandidate:
			p := cmp.Or(l.next, l.path.Load())
			c := transport.Candidate{Line: s.data.Candidate, Mid: s.data.SDPMid, Index: s.data.SDPMLineIndex}
			if p == nil || p.attempt != l.state.attempt || p.lanes != nil {
				continue // of a path that was dropped, or is open and has its route
			}
			if err := p.raw.AddCandidate(c); err != nil {
				l.node.log.Debug("candidate ignored", "peer", l.peer, "err", err)
			}
		}
	}
	return nil
}

// begin replaces the path that is being made by a new one. With forward, that one goes through the signaling server.
func (l *link) begin(forward bool) error {
	l.dropAttempt()
	config := transport.PathConfig{
		Lanes:      l.node.channels.lanes(l.node.config.MaxRetransmits, l.node.config.Bulk),
		ICEServers: l.node.room.iceServers(),
	}
	if l.id != "" {
		config.Lanes = append(config.Lanes, controlLane)
		config.LostAfter = l.node.config.pathLostAfter()
		config.Unchecked = true
	}
	config.Direct = l.repair.needs == needDirect && !l.path.Load().forwarded
	raw, err := l.transportFor(forward).NewPath(config)
	if err != nil {
		return l.fail("connect", err)
	}
	_, acks := raw.(transport.Acknowledger)
	checked, _ := raw.(transport.Checked)
	l.next = &path{
		link: l, raw: raw, attempt: l.state.attempt, began: time.Now(), offers: l.state.offers,
		acks: acks, checked: checked, forwarded: forward,
	}
	l.next.checksHere.Store(checked != nil)
	return nil
}

// dropAttempt drops the path that is being made, before the next one.
func (l *link) dropAttempt() {
	if l.next != nil && !l.published {
		if p := l.next.raw.Progress(); p.Stage > l.furthest.Stage {
			l.furthest = p
		}
	}
	l.retire(l.next)
	l.next, l.unsent = nil, false
}

// signal sends a signal to the other end. One that cannot be sent is lost, as it would be with the server: the next
// attempt makes up for it. While the server is away, no signals are kept for later: there is a new attempt when it is
// back, and the other end would have to deal with all the old ones.
func (l *link) signal(s signaling.SignalData) {
	if l.id != "" && l.node.room.isLost() {
		l.unsent = true
		return
	}
	s.Attempt = l.state.attempt
	if err := l.node.room.signal(context.WithoutCancel(l.node.ctx), l.peer, s); err != nil { // the node may be closing
		l.node.log.Debug("signal not sent", "peer", l.peer, "type", s.Type, "err", err)
	}
}

// request asks the offering end for an offer: for a path of the link with that id or, if it is empty, for a new link.
func (l *link) request(link string) {
	l.signal(signaling.SignalData{Type: signaling.Repair, Link: link})
}

// timer returns a channel that fires after d, and a function that stops it. If d <= 0 it never fires.
func timer(d time.Duration) (<-chan time.Time, func()) {
	if d <= 0 {
		return nil, func() {}
	}
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}
