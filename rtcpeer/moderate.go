package rtcpeer

import (
	"context"
	"fmt"

	"example.org/rtcpeer/signaling"
)

// This file has what the host of a room may do besides Seal. A server of Godot's demo supports none of it: the calls
// return an error.

// SetLocked closes the room to newcomers, or opens it again. It returns when the server has done so or ctx is done.
// Members that lost their connection may still come back. Errors: ErrNotHost, ErrClosed, the cause of ctx.
func (n *Node) SetLocked(ctx context.Context, locked bool) error {
	if !n.hosts() {
		return ErrNotHost
	}
	told := n.room.lockNews()
	if err := n.room.send(ctx, signaling.Lock{Open: !locked}); err != nil {
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
		told = n.room.lockNews()
		if n.Locked() == locked {
			return nil
		}
	}
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
