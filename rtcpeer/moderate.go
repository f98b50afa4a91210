package rtcpeer

import (
	"context"
	"fmt"

	"example.org/rtcpeer/signaling"
)

// What the host of a room may do besides Seal. A server of Godot's demo knows none of it: that is an
// error.

// SetLocked closes the room for newcomers, or opens it again, and returns when the server has done so or
// ctx is done. Members that lost their connection may still come back. Errors: ErrNotHost, ErrClosed,
// ctx's.
func (n *Node) SetLocked(ctx context.Context, locked bool) error {
	if n.id != n.host {
		return ErrNotHost
	}
	told := n.lockNews()
	if err := n.sendMessage(ctx, signaling.Lock{Open: !locked}); err != nil {
		return fmt.Errorf("rtcpeer: lock: %w", err)
	}
	for {
		select {
		case <-told:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-n.ctx.Done():
			return context.Cause(n.ctx)
		}
		told = n.lockNews()
		if n.Locked() == locked {
			return nil
		}
	}
}

// Locked reports whether the room takes nobody new until its host opens it.
func (n *Node) Locked() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.locked
}

func (n *Node) lockNews() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lockTold
}

func (n *Node) becameLocked(locked bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.locked = locked
	close(n.lockTold)
	n.lockTold = make(chan struct{})
}

// Kick asks the server to take a member out of the room, and does not wait. The member's node ends, with
// an error of code kicked that has the reason, at most 256 bytes; all others disconnect it: Kicked, or
// ByPeer where its node was faster. It may join anew where a newcomer may: SetLocked prevents that. Errors:
// ErrNotHost, ErrUnknownPeer for who is no member, ErrClosed.
func (n *Node) Kick(ctx context.Context, id PeerID, reason string) error {
	n.mu.Lock()
	_, member := n.members[id]
	n.mu.Unlock()
	switch {
	case n.id != n.host:
		return ErrNotHost
	case !member:
		return fmt.Errorf("%w: kick %d", ErrUnknownPeer, id)
	}
	if err := n.sendMessage(ctx, signaling.Kick{ID: id, Text: reason}); err != nil {
		return fmt.Errorf("rtcpeer: kick %d: %w", id, err)
	}
	return nil
}
