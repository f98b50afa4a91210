package rtcpeer

import (
	"context"
	"fmt"
	"sync"
)

// Offline is a Peer for a single player, like Godot's OfflineMultiplayerPeer: it is always connected, its id is 1, and
// what it sends goes nowhere. Its zero value is ready.
type Offline struct {
	mu     sync.Mutex // guards the fields below
	refuse bool
	closed chan struct{} // nil until somebody waits or closes
}

// ID returns Server, which is 1.
func (*Offline) ID() PeerID { return Server }

// Status returns ConnectionConnected, also after Close.
func (*Offline) Status() ConnectionStatus { return ConnectionConnected }

// Relays returns false.
func (*Offline) Relays() bool { return false }

// Peers returns nil: there are no other peers.
func (*Offline) Peers() []PeerID { return nil }

// Send is TrySend, but returns the cause of ctx if ctx is done. It does not wait.
func (o *Offline) Send(ctx context.Context, p Packet) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return o.TrySend(p)
}

// TrySend accepts a packet and drops it. A packet to a single peer is an error, ErrUnknownPeer, because there is no
// other peer.
func (o *Offline) TrySend(p Packet) error {
	if p.Peer > 0 {
		return fmt.Errorf("%w: %d", ErrUnknownPeer, p.Peer)
	}
	return nil
}

// Flush returns nil at once.
func (*Offline) Flush(context.Context) error { return nil }

// Receive waits until ctx is done or Close is called: there are no events. It returns the cause of ctx, or ErrClosed.
func (o *Offline) Receive(ctx context.Context) (Event, error) {
	select {
	case <-o.end():
		return Event{}, ErrClosed
	case <-ctx.Done():
		return Event{}, context.Cause(ctx)
	}
}

// TryReceive returns ErrNoEvent, or ErrClosed after Close.
func (o *Offline) TryReceive() (Event, error) {
	select {
	case <-o.end():
		return Event{}, ErrClosed
	default:
		return Event{}, ErrNoEvent
	}
}

// Disconnect returns ErrUnknownPeer: there are no other peers.
func (o *Offline) Disconnect(id PeerID) error { return fmt.Errorf("%w: %d", ErrUnknownPeer, id) }

// SetRefuse sets what Refuses returns, and has no other effect.
func (o *Offline) SetRefuse(refuse bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refuse = refuse
}

// Refuses returns what SetRefuse was last called with; false if it was not.
func (o *Offline) Refuses() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.refuse
}

// Close makes Receive return ErrClosed, and does nothing else. It returns nil. Closing twice is legal.
func (o *Offline) Close() error {
	end := o.end()
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case <-end:
	default:
		close(end)
	}
	return nil
}

func (o *Offline) end() chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed == nil {
		o.closed = make(chan struct{})
	}
	return o.closed
}
