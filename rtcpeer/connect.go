package rtcpeer

import (
	"errors"
	"fmt"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/signaling"
)

// How a link is made: what link.run does until every lane is open. What is to be done, and when, is
// decided in negotiate.go.

// attemptTimeout is how long the offering end gives an attempt that makes no progress. ICE, DTLS and
// SCTP need four round trips; a description that was lost with its server never comes.
const attemptTimeout = 7 * time.Second

var (
	// errOver is the cause of a link that ended before it opened without a failure: its peer left,
	// or the node closed.
	errOver = errors.New("over")
	// errTooManySignals fails a link whose other end sends signals faster than they can be used.
	errTooManySignals = fmt.Errorf("more than %d signals of the other end wait: it floods", signalBacklog)
	// errAttemptOver ends one attempt of the offering end.
	errAttemptOver = errors.New("attempt over")
)

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
		if e.Kind == transport.EventClosed && l.state.once {
			return false, l.fail("connect", e.Err)
		}
		return e.Kind == transport.EventOpened, nil
	case <-attempt:
		if l.state.retries() {
			return false, errAttemptOver
		}
		return false, nil
	case <-deadline:
		return false, l.fail("connect", l.deadlineError())
	case <-l.over:
		if DisconnectReason(l.reason.Load()) == Misbehaved {
			return false, l.fail("connect", errTooManySignals)
		}
		return false, errOver
	}
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
			l.signal(signaling.SignalData{Type: signaling.Offer, SDP: sdp})
		case stepAnswer:
			if err := l.begin(); err != nil {
				return err
			}
			sdp, err := l.raw.Answer(s.data.SDP)
			if err != nil {
				return l.fail("answer", err)
			}
			l.signal(signaling.SignalData{Type: signaling.Answer, SDP: sdp})
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
	raw, err := l.node.transport.NewPath(transport.PathConfig{
		Lanes:      l.node.channels.lanes(l.node.config.MaxRetransmits),
		ICEServers: l.node.room.iceServers(),
	})
	if err != nil {
		return l.fail("connect", err)
	}
	l.raw = raw
	return nil
}

// signal sends a signal to the other end. One that cannot be sent is lost, as it
// would be with the server: the next attempt makes up for it.
func (l *link) signal(s signaling.SignalData) {
	s.Attempt = l.state.attempt
	if err := l.node.room.signal(l.node.ctx, l.peer, s); err != nil {
		l.node.log.Debug("signal not sent", "peer", l.peer, "type", s.Type, "err", err)
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
