package webrtc

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"example.org/rtcpeer/rtcpeer/transport"
)

// pathState is the state of a path: how far it has come and why it ended. Paths over Pion and over a browser's
// connection share it.
type pathState struct {
	// Fixed at construction.
	events chan transport.Event
	done   chan struct{} // closed by Close
	all    int           // number of lanes

	closing   sync.Once
	closedEnd sync.Once    // for EventClosed
	described atomic.Bool  // the other end's description has arrived
	lost      atomic.Bool  // the path was lost
	over      atomic.Bool  // EventClosed was emitted
	open      atomic.Int32 // lanes that have opened
	local     kinds
	remote    kinds
}

func newPathState(backlog, lanes int) pathState {
	return pathState{all: lanes, events: make(chan transport.Event, backlog), done: make(chan struct{})}
}

func (s *pathState) Events() <-chan transport.Event { return s.events }

// accepted records that the other end's description has arrived, and counts the candidates in it.
func (s *pathState) accepted(sdp string) {
	s.described.Store(true)
	for line := range strings.Lines(sdp) {
		if c, ok := strings.CutPrefix(line, "a=candidate:"); ok {
			s.remote.add(kindOf(c))
		}
	}
}

// maxDescribed is how many candidates of a description are used. It is limited because each is tried with each
// address of this end.
const maxDescribed = 64

// fewerCandidates returns a description with at most maxDescribed candidates.
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

// candidate passes a candidate of the other end to add, and counts it.
func (s *pathState) candidate(c transport.Candidate, add func() error) error {
	if c.Line == "" {
		return nil // end of candidates: ICE goes on with those it has
	}
	kind := kindOf(c.Line)
	if kind == "" { // Pion ignores a candidate that it does not understand, but the caller needs an error
		return fmt.Errorf("webrtc: candidate %q: no type", c.Line)
	}
	if err := add(); err != nil {
		return fmt.Errorf("webrtc: candidate: %w", err)
	}
	s.remote.add(kind)
	return nil
}

// countOpen counts a lane that has opened, and reports whether it is the last one.
func (s *pathState) countOpen() (last bool) { return int(s.open.Add(1)) == s.all }

// opened reports whether all lanes have opened.
func (s *pathState) opened() bool { return int(s.open.Load()) == s.all }

func (s *pathState) closed(why error) {
	s.over.Store(true)
	s.closedEnd.Do(func() { s.emit(transport.Event{Kind: transport.EventClosed, Err: why}) })
}

// emit waits for the owner when the backlog is full. A browser's path never lets it fill up.
func (s *pathState) emit(e transport.Event) {
	select {
	case s.events <- e:
	case <-s.done:
	}
}

// lostBeforeOpen returns the error for a path that was lost while it was being made.
func lostBeforeOpen(p transport.Progress) error {
	return fmt.Errorf("%w while waiting for %s (%s)", transport.ErrLost, p.Stage, p.Detail)
}

// ended returns why the path's lanes have failed.
func (s *pathState) ended() error {
	select {
	case <-s.done:
		return transport.ErrClosed
	default:
	}
	if s.lost.Load() {
		return transport.ErrLost
	}
	return transport.ErrRemoteClosed
}
