package rooms

import (
	"fmt"

	"example.org/rtcpeer/signaling"
)

// Seal closes the room to newcomers for good. m must be its host.
func (m *Member) Seal(s Session) error {
	return m.room.asHost(s, m, signaling.KindSeal, func() error { return m.room.seal(m) })
}

// Lock closes the room to newcomers, or opens it again. m must be its host.
func (m *Member) Lock(s Session, l signaling.Lock) error {
	return m.room.asHost(s, m, l.Kind(), func() error { return m.room.lock(l, m, nil) })
}

// Kick removes another member at the request of m, which must be the host.
func (m *Member) Kick(s Session, k signaling.Kick) error {
	return m.room.asHost(s, m, k.Kind(), func() error { return m.room.kick(k) })
}

// asHost calls do if m is the host and s is still its session, with the room locked.
func (r *room) asHost(s Session, m *Member, kind signaling.Kind, do func() error) error {
	r.mu.Lock()
	defer r.unlock()
	switch {
	case r.moves():
		return ErrElsewhere
	case m.session != s:
		return nil
	case m.id != r.host:
		return &signaling.Error{Code: signaling.CodeNotHost, Text: fmt.Sprintf("%s: only the host, %d, may do that", kind, r.host)}
	}
	return do()
}

// tellAll sends a message to every member except one, which may be nil.
func (r *room) tellAll(message signaling.Message, except *Member) {
	p := Prepare(message)
	for _, m := range r.members {
		if m != except {
			m.deliver(p)
		}
	}
}

// seal closes the room to newcomers for good. by is the host; nil: nobody waits.
func (r *room) seal(by *Member) error {
	if r.sealed {
		return nil
	}
	if err := r.mayWait(); err != nil {
		return err
	}
	r.sealed = true
	r.tellWhenRecorded(signaling.Sealed{}, by, nil)
	r.endAfterSeal()
	return nil
}

// lock closes the room to newcomers, or opens it again. All members are told even if nothing changes, because the
// host waits for that. by and done are those who wait, as in pendingAnswer.
func (r *room) lock(l signaling.Lock, by *Member, done chan<- bool) error {
	if err := r.mayWait(); err != nil {
		return err
	}
	r.locked = !l.Open
	r.tellWhenRecorded(l, by, done)
	return nil
}

// kick removes a member at the request of the host.
func (r *room) kick(k signaling.Kick) error {
	m := r.members[k.ID]
	if m == nil || k.ID == r.host {
		return &signaling.Error{Code: signaling.CodeUnknownPeer, Text: fmt.Sprintf("kick: no peer %d here", k.ID)}
	}
	r.expel(m, kicked(k.Text), signaling.LeftKicked)
	r.store.counters.kicks.Add(1)
	return nil
}

func kicked(text string) *signaling.Error {
	if text == "" {
		text = "removed from the room"
	}
	return &signaling.Error{Code: signaling.CodeKicked, Text: text}
}
