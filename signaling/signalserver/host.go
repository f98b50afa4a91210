package signalserver

import (
	"fmt"

	"example.org/rtcpeer/signaling"
)

// asHost does what only the host may, if m is the host and s still its session. The room is locked
// meanwhile.
func (r *room) asHost(s *session, m *member, kind signaling.Kind, do func() error) error {
	r.mu.Lock()
	defer r.unlock()
	switch {
	case m.session != s:
		return nil
	case m.id != r.host:
		return &signaling.Error{Code: signaling.CodeNotHost, Text: fmt.Sprintf("%s: only %d may", kind, r.host)}
	}
	return do()
}

// tellAll tells every member.
func (r *room) tellAll(message signaling.Message) {
	n := &note{message: message}
	for _, m := range r.members {
		m.deliver(n)
	}
}

// seal closes the room for newcomers, for good.
func (r *room) seal() error {
	if r.sealed {
		return nil
	}
	r.sealed = true
	r.tellAll(signaling.Sealed{})
	if after := r.terms.Rules.EndAfterSeal; after > 0 {
		r.closing = r.server.clock.after(after, r.sealComplete)
	}
	return nil
}

// lock closes the room for newcomers, or opens it again. Everybody is told also if nothing changes: the
// host waits for that.
func (r *room) lock(l signaling.Lock) error {
	r.locked = !l.Open
	r.tellAll(l)
	return nil
}

// kick takes a member out at the wish of the host.
func (r *room) kick(k signaling.Kick) error {
	m := r.members[k.ID]
	if m == nil || k.ID == r.host {
		return &signaling.Error{Code: signaling.CodeUnknownPeer, Text: fmt.Sprintf("kick: no peer %d here", k.ID)}
	}
	r.expel(m, kicked(k.Text), signaling.LeftKicked)
	r.server.counters.kicks.Add(1)
	return nil
}

func kicked(text string) *signaling.Error {
	if text == "" {
		text = "taken out of the room"
	}
	return &signaling.Error{Code: signaling.CodeKicked, Text: text}
}
