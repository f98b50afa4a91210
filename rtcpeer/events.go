package rtcpeer

import (
	"context"
	"iter"
)

// Events returns what Receive returns, one event after the other:
//
//	for ev, err := range node.Events(ctx) {
//		if err != nil {
//			return err
//		}
//		...
//	}
//
// The loop ends after the first error, which says why no more events come: ctx is done, the node was closed, or its
// room has ended. A loop may be left early and started again; no event is lost. Several loops share the events, as
// several calls of Receive do.
func (n *Node) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			ev, err := n.Receive(ctx)
			if !yield(ev, err) || err != nil {
				return
			}
		}
	}
}

// Done returns a channel that is closed when the node has ended: it was closed, or its room has ended. Earlier events
// may still wait for Receive. Err then says why.
func (n *Node) Done() <-chan struct{} { return n.ctx.Done() }

// Err returns why the node has ended, as Receive does after the last event: ErrClosed after Close; a *signaling.Error,
// ErrHostGone or another error if the room has ended for it. Until then it is nil.
func (n *Node) Err() error {
	if n.ctx.Err() == nil {
		return nil
	}
	return context.Cause(n.ctx)
}
