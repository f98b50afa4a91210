//go:build linux

package lab

import (
	"fmt"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// A limit is what a fault may do to those that it reaches.
type limit struct {
	pause time.Duration // between two packets of a stream, beyond the fault's own time; 0: any
	back  time.Duration // from the end of the fault to the first packet of each stream; 0: any
}

// The limits. Whatever the fault, no reliable packet is lost, repeated or out of order while two are
// connected; a link that is given up is given up at both ends; what is interrupted is told, and so is its end;
// and who is not concerned sees no event.
var (
	pathReturns = limit{back: time.Second}
	seesChange  = limit{pause: 2 * time.Second} // the node can see that its addresses have changed
	natForgets  = limit{pause: 3 * time.Second}
	wakes       = limit{back: 2 * time.Second}
	restarts    = limit{back: 3 * time.Second} // the signaling server comes first
	untouched   = limit{pause: time.Second}
	anyTime     = limit{}
)

const (
	// slack is for a machine with two processors, on which eight rooms and perhaps others are at work. For how long such a
	// machine stops, as a virtual one does now and then, is measured (standstill) and comes on top of it.
	slack = 2 * time.Second
	// unackedFor is how long a Chromium may wait until it sends again what was not acknowledged: its SCTP doubles that
	// time while a path is silent, and nobody outside can tell it that the path is back.
	unackedFor = 3 * time.Second
	// unseenFor is how much later a browser knows that its address has changed, of which it tells pages nothing if it
	// has another one: its links are silent first, and then it has to be seen that the signaling server is.
	unseenFor = 4 * time.Second
	// lateTimers is how late timers of a hidden tab are.
	lateTimers = time.Second
	// givenUpAfter is how long a fault may last without the end of a link (Config.LostAfter).
	givenUpAfter = 30 * time.Second
	// interruptedAfter is how long nothing may be heard of a peer until that is told.
	interruptedAfter = 2 * time.Second
)

// in returns what the limit is where browsers are.
func (l limit) in(c cast) limit {
	if !c.browsers() {
		return l
	}
	if l.back > 0 {
		l.back += unackedFor
	}
	switch l {
	case seesChange:
		l.pause += unseenFor
	case untouched:
		l.pause += lateTimers
	}
	return l
}

// exceeded returns what is not as it should be.
func (f *finding) exceeded() (all []string) {
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	limit := f.fault.limit.in(f.cast)
	if f.never > 0 {
		say("%d streams never came back", f.never)
	}
	if limit.back > 0 && f.back > limit.back+slack+f.stood {
		say("back after %v, not %v", f.back.Round(time.Millisecond), limit.back)
	}
	most := limit.pause
	if f.fault.concerns != nobody {
		most += f.fault.lasts
	}
	if limit.pause > 0 && max(f.pause[0], f.pause[1]) > most+slack+f.stood {
		say("a pause longer than %v", most)
	}
	if f.lost+f.repeated+f.swapped > 0 {
		say("reliable: %d lost, %d repeated, %d out of order", f.lost, f.repeated, f.swapped)
	}
	if f.backwards > 0 {
		say("unreliable ordered: %d repeated or out of order", f.backwards)
	}
	if len(f.untold) > 0 {
		say("not told: %s", listed(f.untold))
	}
	if len(f.strange) > 0 {
		say("unexpected: %s", listed(f.strange))
	}
	return all
}

// expected reports whether the fault may cause this event at a member. In a star the guests know of each
// other from the host alone, which does not say why one is gone.
func (f *fault) expected(s *scene, at rtcpeer.PeerID, h happening) bool {
	switch h.Kind {
	case rtcpeer.SignalingLost, rtcpeer.SignalingResumed:
		return f.signaling.reachesMember(s, at)
	case rtcpeer.PeerInterrupted, rtcpeer.PeerResumed:
		return f.concerns.reachesPair(s, at, h.Peer)
	case rtcpeer.PeerDisconnected:
		viaHost := s.topology == rtcpeer.Star && at != rtcpeer.Server && h.Peer != rtcpeer.Server
		reason := h.Reason == rtcpeer.Lost || viaHost && (h.Reason == rtcpeer.ByPeer || h.Reason == rtcpeer.HostGone)
		return f.concerns.reachesPair(s, at, h.Peer) && f.lasts >= givenUpAfter && reason
	case rtcpeer.PeerConnected, rtcpeer.PeerFailed:
		return f.concerns.reachesPair(s, at, h.Peer) && (f.lasts >= givenUpAfter || f.joining)
	}
	return false
}

// interrupts reports whether a member has to be told that nothing is heard of that peer. The member that the fault
// is at may be asleep, a guest of a star knows of another one what the host says, and with a TURN server there may
// be another path soon enough.
func (s *scene) interrupts(at, peer rtcpeer.PeerID) bool {
	direct := s.topology == rtcpeer.Mesh || at == rtcpeer.Server || peer == rtcpeer.Server
	return at != peer && at != s.id(s.hit) && direct && !s.fault.joining && !s.fault.turn &&
		s.fault.lasts > interruptedAfter+time.Second && s.fault.concerns.reachesPair(s, at, peer)
}
