package rtcpeer

import (
	"context"
	"fmt"
	"slices"

	"example.org/rtcpeer/signaling"
)

// This file has what the host of a room may do besides Seal. A server of Godot's demo supports none of it: the calls
// return an error.

// SetLocked closes the room to newcomers, or opens it again. It returns when the server has done so or ctx is done; in the
// latter case the server may still do it. Of calls at the same time, the last one counts. Members that lost their
// connection may still come back. Errors: ErrNotHost, ErrClosed, the cause of ctx, why the connection to the server has
// ended for good.
func (n *Node) SetLocked(ctx context.Context, locked bool) error {
	return n.ask(ctx, signaling.Lock{Open: !locked})
}

// Locked reports whether the room is closed to newcomers until its host opens it.
func (n *Node) Locked() bool { return n.room.isLocked() }

// Kick asks the server to remove a member from the room, and does not wait. The member's node ends with an error of
// code kicked that has the reason, at most 256 bytes. All links with it end as Kicked, at both ends (a Godot game may
// be faster, and is then disconnected as ByPeer). It may join again wherever a newcomer may; SetLocked prevents that.
// Errors: ErrNotHost, ErrUnknownPeer for an id that is no other member, a *signaling.Error for a reason that is too long,
// ErrClosed.
func (n *Node) Kick(ctx context.Context, id PeerID, reason string) error {
	_, member := n.roster.member(id)
	switch {
	case !n.hosts():
		return ErrNotHost
	case !member:
		return fmt.Errorf("%w: kick %d, which is not in the room", ErrUnknownPeer, id)
	}
	if err := n.room.send(ctx, signaling.Kick{ID: id, Text: reason}); err != nil {
		return fmt.Errorf("rtcpeer: kick %d: %w", id, err)
	}
	return nil
}

// An ask is what the host wants of the server, until the server has done it. After the connection to the server was lost it
// is sent again, since it may have been lost with the connection.
type ask struct {
	message signaling.Message // a Seal or a Lock; guarded by room.mu
	done    chan struct{}     // closed when the server has done it, or cannot be asked any more
	err     error             // why it cannot; set before done is closed
}

// ask sends a message, and waits until the server has done what it says.
func (n *Node) ask(ctx context.Context, m signaling.Message) error {
	switch {
	case !n.hosts():
		return ErrNotHost
	case n.ctx.Err() != nil:
		return context.Cause(n.ctx)
	}
	a, err := n.room.ask(ctx, m)
	if err != nil {
		return fmt.Errorf("rtcpeer: %s: %w", m.Kind(), err)
	}
	select {
	case <-a.done:
		switch {
		case a.err == nil:
			return nil
		case n.ctx.Err() == nil:
			return fmt.Errorf("rtcpeer: %s: %w", m.Kind(), n.withoutSignaling(a.err))
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-n.ctx.Done():
	}
	return context.Cause(n.ctx)
}

// ask sends a message, and keeps it until the server has done what it says.
func (r *room) ask(ctx context.Context, m signaling.Message) (*ask, error) {
	r.sending.Lock() // sendAgain must not send an earlier message after this one
	defer r.sending.Unlock()
	r.mu.Lock()
	if r.ended != nil {
		defer r.mu.Unlock()
		return nil, r.ended
	}
	var before signaling.Message
	if a := r.asked(m.Kind()); a != nil {
		before = a.message
	}
	a := r.keep(m)
	if m.Kind() == signaling.KindSeal && r.isSealed() {
		r.settle(m) // the server does not answer a second seal
	}
	r.mu.Unlock()
	err := r.signaler.Send(ctx, m)
	if err == nil {
		return a, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if a.message = before; before == nil {
		r.asking = slices.DeleteFunc(r.asking, func(other *ask) bool { return other == a })
	}
	return nil, err
}

// sendAgain sends what the server has not done.
func (r *room) sendAgain(ctx context.Context) error {
	r.sending.Lock()
	defer r.sending.Unlock()
	r.mu.Lock()
	var messages []signaling.Message
	for _, a := range r.asking {
		messages = append(messages, a.message)
	}
	r.mu.Unlock()
	for _, m := range messages {
		if err := r.signaler.Send(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// asked returns the ask of a kind, or nil. The caller holds mu, here and below.
func (r *room) asked(kind signaling.Kind) *ask {
	for _, a := range r.asking {
		if a.message.Kind() == kind {
			return a
		}
	}
	return nil
}

// keep keeps a message. It takes the place of an earlier one of its kind, whose call then waits for this one.
func (r *room) keep(m signaling.Message) *ask {
	a := r.asked(m.Kind())
	if a == nil {
		a = &ask{done: make(chan struct{})}
		r.asking = append(r.asking, a)
	}
	a.message = m
	return a
}

// settle ends the calls that wait for what the server has done.
func (r *room) settle(done signaling.Message) {
	r.asking = slices.DeleteFunc(r.asking, func(a *ask) bool {
		if a.message != done {
			return false
		}
		close(a.done)
		return true
	})
}
