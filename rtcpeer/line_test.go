package rtcpeer_test

import (
	"cmp"
	"errors"
	"time"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
)

// A line is the way between a member and its signaling server. It behaves as that of signalclient and
// signalserver does. Guarded by room.mu.
//
//	up        messages pass
//	stalled   the member is asleep: they wait
//	cut       the connection is lost, and neither end has noticed: what is said is lost
//	down      both know: the server keeps the place, and signals; the client keeps what its node says
//	evicted   the grace time is over: the others are told, and nothing is kept at the server
type line struct {
	state  lineState
	coming []message           // to the member; each has a timer, but while the line is stalled
	going  []signaling.Message // from the member, kept by its client
	kept   []signaling.Message // signals for the member, kept by the server
	losses int                 // tells one grace time from the next
	kicked bool                // the place is gone for good

	replaced bool // likewise, as it was the host's
}

type lineState uint8

const (
	lineUp lineState = iota
	lineStalled
	lineCut
	lineDown
	lineEvicted
)

// A message is one on its way to a member.
type message struct {
	at time.Time
	signaling.Message
}

// A roomEnd is the message after which a Signaler brings nothing more.
type roomEnd struct {
	signaling.Message
	err error
}

// errLine is the reason of every lost line.
var errLine = errors.New("the line is cut")

// deliver has the server send to the member. mu is held, here and below.
func (s *session) deliver(m signaling.Message) {
	l := &s.line
	switch _, isSignal := m.(signaling.Signal); {
	case l.state == lineUp && s.room.lag == 0:
		s.inbox <- m
	case l.state == lineUp:
		l.coming = append(l.coming, message{time.Now().Add(s.room.lag), m})
		time.AfterFunc(s.room.lag, s.arrive)
	case l.state == lineStalled:
		l.coming = append(l.coming, message{time.Now(), m})
	case l.state == lineDown && isSignal: // any other the next welcome tells
		l.kept = append(l.kept, m)
	}
}

// arrive brings to the member what has come by now.
func (s *session) arrive() {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	l := &s.line
	for l.state != lineStalled && len(l.coming) > 0 && !l.coming[0].at.After(time.Now()) {
		s.inbox <- l.coming[0].Message
		l.coming = l.coming[1:]
	}
}

// send has the member say something.
func (s *session) send(m signaling.Message) error {
	switch l := &s.line; l.state {
	case lineUp:
		return s.said(m)
	case lineCut:
	default:
		l.going = append(l.going, m)
	}
	return nil
}

// leave gives the place up, if the server hears it.
func (s *session) leave() {
	switch {
	case s.room.members[s.member.ID] != s:
	case s.line.state == lineUp:
		s.room.remove(s, signaling.LeftByItself)
	case s.line.state != lineDown:
		s.down()
	}
}

// remove takes a session's place away.
func (r *room) remove(s *session, reason signaling.LeftReason) {
	delete(r.members, s.member.ID)
	if r.term > 0 && s.member.ID == r.hostID() {
		s.line.replaced = true
		r.succeed()
		return
	}
	r.announce(s, signaling.Left{ID: s.member.ID, Reason: reason})
}

// The methods below are for tests.

// stall has all messages of a member wait until wake.
func (r *room) stall(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.line.state = lineStalled
}

// wake ends a stall. The messages that wait arrive at once.
func (r *room) wake(s *session) {
	r.mu.Lock()
	s.line.state = lineUp
	going := s.line.going
	s.line.going = nil
	for _, m := range going {
		_ = s.said(m)
	}
	for i := range s.line.coming {
		s.line.coming[i].at = time.Now()
	}
	r.mu.Unlock()
	s.arrive()
}

// cut takes a member's connection away. Nobody notices before notice.
func (r *room) cut(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.line.state, s.line.coming = lineCut, nil
}

// notice tells both ends that the connection is lost, and begins the grace time.
func (r *room) notice(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.down()
	s.inbox <- signaling.Disconnected{Err: errLine}
}

func (s *session) down() {
	s.line.state, s.line.coming = lineDown, nil
	s.line.losses++
	s.room.expireLater(s)
}

func (r *room) expireLater(s *session) {
	loss, grace := s.line.losses, cmp.Or(r.grace, 30*time.Second)
	if r.hosts.timeout > 0 && s.member.ID == r.hostID() {
		grace = min(grace, r.hosts.timeout)
	}
	time.AfterFunc(grace, func() { r.expire(s, loss) })
}

func (r *room) expire(s *session, loss int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.line.state == lineDown && s.line.losses == loss && r.members[s.member.ID] == s {
		s.line.state, s.line.kept = lineEvicted, nil
		r.remove(s, signaling.LeftLost)
	}
}

// restore gives a member a connection again, as cut has taken it away.
func (r *room) restore(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.line.kicked {
		s.inbox <- roomEnd{err: &signaling.Error{Code: signaling.CodeResumeRefused, Text: "the member has left"}}
		return
	}
	if s.line.replaced || s.room.hosts.isOver(s) {
		s.inbox <- roomEnd{err: &signaling.Error{Code: signaling.CodeHostReplaced, Text: "join anew"}}
		return
	}
	kept, going := s.line.kept, s.line.going
	s.line = line{losses: s.line.losses + 1}
	if r.members[s.member.ID] != s {
		r.admit(s)
	}
	w := r.welcome(s)
	w.Resumed = true
	s.deliver(w)
	for _, m := range kept {
		if r.members[m.(signaling.Signal).From] != nil {
			s.deliver(m)
		}
	}
	for _, m := range going {
		_ = s.said(m)
	}
}

// restart has the server forget everything, as when its process ends. Every member notices; restore brings
// each back.
func (r *room) restart() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.inOrder() {
		s.line.state, s.line.coming, s.line.kept = lineEvicted, nil, nil
		s.inbox <- signaling.Disconnected{Err: errLine}
	}
	clear(r.members)
}

// expel takes a member out of the room. mu is held.
func (r *room) expel(s *session) {
	if r.members[s.member.ID] != s {
		return
	}
	if s.line.state == lineUp {
		s.inbox <- roomEnd{err: &signaling.Error{Code: signaling.CodeKicked, Text: "by the host"}}
	}
	s.line.state, s.line.kicked = lineEvicted, true
	r.remove(s, signaling.LeftKicked)
}

// end ends the room, as a star's host does that is gone.
func (r *room) end(why *signaling.Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.inOrder() {
		s.inbox <- roomEnd{err: why}
	}
	clear(r.members)
}

// sessionOf returns the session of a member.
func (r *room) sessionOf(id rtcpeer.PeerID) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.members[id]
}

func (s *session) lineState() lineState {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	return s.line.state
}

func (s *session) wasKicked() bool {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	return s.line.kicked
}
