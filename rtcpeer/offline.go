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

func (*Offline) ID() PeerID               { return Server }
func (*Offline) Status() ConnectionStatus { return ConnectionConnected }
func (*Offline) Relays() bool             { return false }
func (*Offline) Peers() []PeerID          { return nil }

func (o *Offline) Send(ctx context.Context, p Packet) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return o.TrySend(p)
}

// TrySend accepts every packet, except one to a single peer, which cannot exist.
func (o *Offline) TrySend(p Packet) error {
	if p.Peer > 0 {
		return fmt.Errorf("%w: %d", ErrUnknownPeer, p.Peer)
	}
	return nil
}

// Flush has nothing to wait for.
func (*Offline) Flush(context.Context) error { return nil }

// Receive waits until ctx is done or the peer is closed. There are no events.
func (o *Offline) Receive(ctx context.Context) (Event, error) {
	select {
	case <-o.end():
		return Event{}, ErrClosed
	case <-ctx.Done():
		return Event{}, context.Cause(ctx)
	}
}

func (o *Offline) TryReceive() (Event, error) {
	select {
	case <-o.end():
		return Event{}, ErrClosed
	default:
		return Event{}, ErrNoEvent
	}
}

func (o *Offline) Disconnect(id PeerID) error { return fmt.Errorf("%w: %d", ErrUnknownPeer, id) }

func (o *Offline) SetRefuse(refuse bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refuse = refuse
}

func (o *Offline) Refuses() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.refuse
}

// Close makes Receive return, and does nothing else; Godot's class is connected for ever.
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
