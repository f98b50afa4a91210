package webrtc

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"example.org/rtcpeer/rtcpeer/transport"
)

// pathState is what a path knows of how far it has come and why it ended, whether over Pion or over a
// browser's connection.
type pathState struct {
	// Fixed at construction.
	events chan transport.Event
	done   chan struct{} // closed by Close

	closing   sync.Once
	closedEnd sync.Once    // for EventClosed
	described atomic.Bool  // the other end's description is here
	lost      atomic.Bool  // nothing got through any more
	over      atomic.Bool  // with EventClosed
	open      atomic.Int32 // lanes that have opened
	local     kinds
	remote    kinds
}

func newPathState(backlog int) pathState {
	return pathState{events: make(chan transport.Event, backlog), done: make(chan struct{})}
}

func (l *pathState) Events() <-chan transport.Event { return l.events }

// accepted notes the other end's description, with the candidates that it had before it sent it.
func (l *pathState) accepted(sdp string) {
	l.described.Store(true)
	for line := range strings.Lines(sdp) {
		if c, ok := strings.CutPrefix(line, "a=candidate:"); ok {
			l.remote.add(kindOf(c))
		}
	}
}

// maxDescribed is how many candidates of a description are used. Each is tried with each address of this end.
const maxDescribed = 64

// fewerCandidates returns a description without the candidates that are too many.
func fewerCandidates(sdp string) string {
	const head = "a=candidate:"
	if strings.Count(sdp, head) <= maxDescribed {
		return sdp
	}
	var b strings.Builder
	n := 0
	for line := range strings.Lines(sdp) {
		if strings.HasPrefix(line, head) {
			n++
		}
		if n <= maxDescribed || !strings.HasPrefix(line, head) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// candidate hands a candidate of the other end to add, and notes it.
func (l *pathState) candidate(c transport.Candidate, add func() error) error {
	if c.Line == "" {
		return nil // end of candidates: ICE goes on with those it has
	}
	kind := kindOf(c.Line)
	if kind == "" { // Pion passes over what it does not understand; our caller wants to know
		return fmt.Errorf("webrtc: candidate %q: no type", c.Line)
	}
	if err := add(); err != nil {
		return fmt.Errorf("webrtc: candidate: %w", err)
	}
	l.remote.add(kind)
	return nil
}

func (l *pathState) closed(why error) {
	l.over.Store(true)
	l.closedEnd.Do(func() { l.emit(transport.Event{Kind: transport.EventClosed, Err: why}) })
}

// emit waits for the owner when the backlog is full. A browser's path sees to it that it never is.
func (l *pathState) emit(e transport.Event) {
	select {
	case l.events <- e:
	case <-l.done:
	}
}

// lostBeforeOpen is the reason of a path that was lost while it was being made.
func lostBeforeOpen(p transport.Progress) error {
	return fmt.Errorf("%w while waiting for %s (%s)", transport.ErrLost, p.Stage, p.Detail)
}

// ended returns why the path's lanes have failed.
func (l *pathState) ended() error {
	select {
	case <-l.done:
		return transport.ErrClosed
	default:
	}
	if l.lost.Load() {
		return transport.ErrLost
	}
	return transport.ErrRemoteClosed
}
