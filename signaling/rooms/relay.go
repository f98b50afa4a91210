package rooms

import (
	"cmp"
	"fmt"
	"slices"

	"example.org/rtcpeer/signaling"
)

// others returns the members with which id is to connect, in the order of their ids.
func (r *room) others(id signaling.PeerID) []signaling.Member {
	list := []signaling.Member{}
	for _, m := range r.members {
		if r.linked(id, m.id) && !m.awaited {
			list = append(list, m.info)
		}
	}
	slices.SortFunc(list, func(a, b signaling.Member) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// linked reports whether two members have to do with each other: in a mesh all, in a star the host
// with each.
func (r *room) linked(a, b signaling.PeerID) bool {
	return a != b && (r.topology == signaling.Mesh || a == r.host || b == r.host)
}

// announce tells everybody who has a link with id.
func (r *room) announce(id signaling.PeerID, message signaling.Message) {
	n := NewNote(message)
	for _, m := range r.members {
		if r.linked(id, m.id) {
			m.deliver(n)
		}
	}
}

// Relay hands a signal of m, which came over s, to its target.
func (m *Member) Relay(s Session, signal signaling.Signal) error {
	r := m.room
	r.mu.Lock()
	defer r.unlock()
	if r.elsewhere {
		return ErrElsewhere
	}
	if m.session != s {
		return nil // another session took over, or the room has ended: this one is being told
	}
	target := r.members[signal.To]
	if target == nil || !r.linked(m.id, target.id) {
		return &signaling.Error{Code: signaling.CodeUnknownPeer, Text: fmt.Sprintf("no peer %d here", signal.To)}
	}
	if full := target.deliver(NewNote(signaling.Signal{From: m.id, Data: signal.Data})); full != "" {
		target.giveUp(full)
	}
	return nil
}

// ForwardTo returns the session of the member with an id, for a binary frame of m, or nil: that is away or not there, has
// no link with m, or one of the two does not list signaling.FeatureRelayLinks. s is the session of m.
func (m *Member) ForwardTo(s Session, id signaling.PeerID) Session {
	r := m.room
	r.mu.Lock()
	defer r.mu.Unlock()
	other := r.members[id]
	if m.session != s || other == nil || other.welcoming || !r.linked(m.id, id) ||
		!m.info.Can(signaling.FeatureRelayLinks) || !other.info.Can(signaling.FeatureRelayLinks) {
		return nil
	}
	return other.session
}

// Can reports whether the member lists a feature.
func (m *Member) Can(feature string) bool {
	m.room.mu.Lock()
	defer m.room.mu.Unlock()
	return m.info.Can(feature)
}
