package signalserver

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
	n := &note{message: message}
	for _, m := range r.members {
		if r.linked(id, m.id) {
			m.deliver(n)
		}
	}
}

// relay hands a signal of m, which came over s, to its target.
func (r *room) relay(s *session, m *member, signal signaling.Signal) error {
	r.mu.Lock()
	defer r.unlock()
	if m.session != s {
		return nil // another session took over, or the room has ended: this one is being told
	}
	target := r.members[signal.To]
	if target == nil || !r.linked(m.id, target.id) {
		return &signaling.Error{Code: signaling.CodeUnknownPeer, Text: fmt.Sprintf("no peer %d here", signal.To)}
	}
	if full := target.deliver(&note{message: signaling.Signal{From: m.id, Data: signal.Data}}); full != "" {
		target.giveUp(full)
	}
	return nil
}
