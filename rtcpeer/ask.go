package rtcpeer

import (
	"context"
	"fmt"
	"slices"

	"example.org/rtcpeer/signaling"
)

// An ask is what this node wants of the server, until the server has done it. After the connection to the server was lost
// it is sent again, since it may have been lost with the connection. A Successor is never done: a server that is restarted
// forgets it.
type ask struct {
	message signaling.Message // a Seal, Lock, Kick, Successor or Metadata; guarded by room.mu
	done    chan struct{}     // closed when the server has done it, or cannot be asked any more
	err     error             // why it cannot; set before done is closed
}

// maxAsking is how many asks are kept. Beyond it the oldest Kick is forgotten: that of a member which a server that was
// restarted does not know is never done otherwise, unless the member comes back.
const maxAsking = 1024

// hostError returns why this node cannot ask the server for what only the host may do, or nil.
func (n *Node) hostError() error {
	switch {
	case n.ctx.Err() != nil:
		return context.Cause(n.ctx)
	case !n.hosts():
		return ErrNotHost
	}
	return nil
}

// askError returns the error of a call whose message was not sent. When the node has ended, the signaler has an error of
// its own.
func (n *Node) askError(what string, err error) error {
	if n.ctx.Err() != nil {
		return context.Cause(n.ctx)
	}
	return fmt.Errorf("rtcpeer: %s: %w", what, err)
}

// ask sends a message of the host, and waits until the server has done what it says.
func (n *Node) ask(ctx context.Context, m signaling.Message) error {
	if err := n.hostError(); err != nil {
		return err
	}
	a, err := n.room.ask(ctx, m)
	if err != nil {
		return n.askError(string(m.Kind()), err)
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
	if a := r.asked(m); a != nil {
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
	return r.sendKept(ctx, func(signaling.Message) bool { return true })
}

func (r *room) sendKept(ctx context.Context, which func(signaling.Message) bool) error {
	r.sending.Lock()
	defer r.sending.Unlock()
	r.mu.Lock()
	var messages []signaling.Message
	for _, a := range r.asking {
		if which(a.message) {
			messages = append(messages, a.message)
		}
	}
	r.mu.Unlock()
	for _, m := range messages {
		if err := r.signaler.Send(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// sendAbout sends the Successor and the Kick of a member again.
func (r *room) sendAbout(ctx context.Context, id PeerID) error {
	return r.sendKept(ctx, func(m signaling.Message) bool {
		kick, _ := m.(signaling.Kick)
		return kick.ID == id || m.Kind() == signaling.KindSuccessor && m == signaling.Successor{ID: id}
	})
}

// asked returns the ask of which m is another form: that of its kind and, of Kicks, that of the same member. It may be nil.
// The caller holds mu, here and below.
func (r *room) asked(m signaling.Message) *ask {
	for _, a := range r.asking {
		if sameAsk(a.message, m) {
			return a
		}
	}
	return nil
}

func sameAsk(a, b signaling.Message) bool {
	one, _ := a.(signaling.Kick)
	other, _ := b.(signaling.Kick)
	return a.Kind() == b.Kind() && one.ID == other.ID
}

// keep keeps a message. It takes the place of an earlier one, whose call then waits for this one.
func (r *room) keep(m signaling.Message) *ask {
	a := r.asked(m)
	if a == nil {
		if len(r.asking) >= maxAsking {
			oldest := slices.IndexFunc(r.asking, func(a *ask) bool { return a.message.Kind() == signaling.KindKick })
			r.settle(r.asking[oldest].message) // of the other kinds there is one each
		}
		a = &ask{done: make(chan struct{})}
		r.asking = append(r.asking, a)
	}
	a.message = m
	return a
}

// settle ends an ask: the server has done it.
func (r *room) settle(m signaling.Message) {
	r.asking = slices.DeleteFunc(r.asking, func(a *ask) bool {
		if !sameAsk(a.message, m) {
			return false
		}
		close(a.done)
		return true
	})
}
