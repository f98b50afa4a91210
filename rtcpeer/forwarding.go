package rtcpeer

import (
	"errors"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/forwarded"
	"example.org/rtcpeer/signaling"
)

// This file sends links through the signaling server (Config.RelayLinks). The offering end does so in every second
// attempt: the first one goes over WebRTC, and when that has failed, or has not found a route after forwardAfter, the
// next one goes through the server. A link that goes through the server looks for a better path, as does one over a
// TURN server. A repair begins with the kind of path that the link had.

// A Forwarder is a Signaler whose server also forwards binary frames between members that list
// signaling.FeatureRelayLinks, if its Welcome says so. Receive returns each frame that comes as a signaling.Forwarded.
type Forwarder interface {
	Signaler
	// Forward makes the signaler send what next returns. It calls next when it can send a frame and no message waits,
	// until next returns nil, and again after each ForwardReady. One goroutine at a time calls next. A frame begins
	// with the member that it is for, and is valid until the next call.
	Forward(next func() []byte)
	// ForwardReady says that next has a frame. It may be called from any goroutine, and must not block.
	ForwardReady()
}

// forwardAfter is how long an attempt over WebRTC may look for a route before the next one goes through the server, if
// that is possible. A path through a TURN server takes a second or two to find.
const forwardAfter = 4 * time.Second

var errNotForwarded = errors.New("the other end wants a path through the signaling server: set Config.RelayLinks to allow it")

// newMux returns what the forwarded paths of a node share, or nil if the node can have none.
func newMux(c Config, s Signaler) *forwarded.Mux {
	f, ok := s.(Forwarder)
	if !ok || !c.RelayLinks {
		return nil
	}
	m := forwarded.NewMux(f.ForwardReady)
	f.Forward(m.Next)
	return m
}

// receiveForwarded takes a binary frame.
func (n *Node) receiveForwarded(m signaling.Forwarded) {
	if n.mux != nil {
		n.mux.Receive(uint32(m.From), m.Data)
	}
}

// loseForwarded ends all forwarded paths, because their frames may have been lost with the connection to the server.
func (n *Node) loseForwarded() {
	if n.mux != nil {
		n.mux.Lose()
	}
}

// dropped returns how much was dropped, by reason.
func (n *Node) dropped() map[DropReason]uint64 {
	words := n.inbox.counters.words()
	if n.mux != nil {
		for why, count := range n.mux.Dropped() {
			words["forwarded_"+why] = count
		}
	}
	return words
}

// canForward reports whether a path of the link may go through the signaling server: both ends and the server allow it,
// and the link can be repaired, so that the two ends can prove who they are.
func (l *link) canForward() bool { return l.forwards && l.id != "" && l.node.room.forwards() }

// hasFallback reports whether a path through the signaling server can follow the one that is being made.
func (l *link) hasFallback() bool { return l.canForward() && l.next != nil && !l.next.forwarded }

// transportFor returns the transport for the next path.
func (l *link) transportFor(forward bool) transport.Transport {
	if forward {
		return l.node.mux.To(uint32(l.peer))
	}
	return l.node.transport
}

// offersForwarded reports whether this end is to offer a path through the signaling server, and notes that the next
// offer is of the other kind. A search for a better path does not take part in this.
func (l *link) offersForwarded() bool {
	if l.repair.needs == needDirect {
		return false
	}
	forward := l.nextForwarded()
	l.forwardNext = !forward
	return forward
}

// nextForwarded reports whether the next path that this end offers goes through the signaling server.
func (l *link) nextForwarded() bool {
	return l.repair.needs != needDirect && l.canForward() && l.forwardNext
}

// answersForwarded reports whether an offer is for a path through the signaling server.
func (l *link) answersForwarded(offer string) (bool, error) {
	if !forwarded.IsDescription(offer) {
		return false, nil
	}
	if !l.canForward() {
		return false, errNotForwarded
	}
	return true, nil
}

// patience returns how long an attempt that begins now may look for a route.
func (l *link) patience() time.Duration {
	most := l.entry.tempo.attempt()
	if !l.canForward() || l.forwardNext {
		return most
	}
	if limit := l.node.config.ConnectTimeout / 3; limit > 0 {
		most = min(most, limit)
	}
	return min(most, forwardAfter)
}

// A grade says how good a path is.
type grade uint8

const (
	gradeForwarded grade = iota // through the signaling server
	gradeRelayed                // through a TURN server
	gradeDirect
)

func (p *path) grade() grade {
	switch s := p.raw.Stats(); {
	case p.forwarded:
		return gradeForwarded
	case s.Local == "relay" || s.Remote == "relay":
		return gradeRelayed
	}
	return gradeDirect
}
