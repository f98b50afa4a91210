package rooms

import (
	"cmp"
	"fmt"
	"slices"

	"example.org/rtcpeer/signaling"
)

// others returns the members to which id should connect, ordered by id.
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

// linked reports whether two members may have a link: in a mesh all members, in a star the host with each other
// member.
func (r *room) linked(a, b signaling.PeerID) bool {
	return a != b && (r.topology == signaling.Mesh || a == r.host || b == r.host)
}

// announce sends a message to all members that may have a link with id.
func (r *room) announce(id signaling.PeerID, message signaling.Message) {
	p := Prepare(message)
	for _, m := range r.members {
		if r.linked(id, m.id) {
			m.deliver(p)
		}
	}
}

// Signal delivers a signal of m, which came over s, to its target.
func (m *Member) Signal(s Session, signal signaling.Signal) error {
	r := m.room
	r.mu.Lock()
	defer r.unlock()
	if r.elsewhere {
		return ErrElsewhere
	}
	if m.session != s {
		return nil // another session took over or the room has ended; this session gets an error
	}
	target := r.members[signal.To]
	if target == nil || !r.linked(m.id, target.id) {
		return &signaling.Error{Code: signaling.CodeUnknownPeer, Text: fmt.Sprintf("no peer %d here", signal.To)}
	}
	if full := target.deliver(Prepare(signaling.Signal{From: m.id, Data: signal.Data})); full != "" {
		target.giveUp(full)
	}
	return nil
}

// ForwardTo returns the session of the member id, to which m wants to send a binary frame. s is the session of m.
// ForwardTo returns nil if the member is away or not in the room, if it may not have a link with m, or if one of them
// does not list signaling.FeatureRelayLinks.
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
