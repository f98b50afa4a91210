//go:build linux

package lab

import (
	"slices"

	"example.org/rtcpeer/rtcpeer"
)

// A concern says whom a fault, or the loss of signaling, reaches.
type concern int

const (
	nobody  concern = iota
	theHit          // the member that the fault is at
	thePair         // the link of that member with one other
	everybody
)

// reachesMember reports whether it is the member's own matter.
func (c concern) reachesMember(s *scene, id rtcpeer.PeerID) bool {
	return c == everybody || c == theHit && id == s.id(s.hit)
}

// reachesPair reports whether packets between the two may be late or lost. In a star all goes through the
// host.
func (c concern) reachesPair(s *scene, a, b rtcpeer.PeerID) bool {
	pair := []rtcpeer.PeerID{a, b}
	switch c {
	case everybody:
		return true
	case theHit:
		return slices.Contains(pair, s.id(s.hit)) || s.topology == rtcpeer.Star && s.id(s.hit) == rtcpeer.Server
	case thePair:
		return slices.Contains(pair, s.id(s.hit)) && slices.Contains(pair, s.id(s.other))
	}
	return false
}
