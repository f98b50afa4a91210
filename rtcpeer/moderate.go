package rtcpeer

import (
	"context"
	"fmt"

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
	if err := n.hostError(); err != nil {
		return err
	}
	if _, member := n.roster.member(id); !member {
		return fmt.Errorf("%w: kick %d, which is not in the room", ErrUnknownPeer, id)
	}
	if _, err := n.room.ask(ctx, signaling.Kick{ID: id, Text: reason}); err != nil {
		return n.askError(fmt.Sprintf("kick %d", id), err)
	}
	if _, member := n.roster.member(id); !member { // it has just left
		n.room.hasLeft(id)
	}
	return nil
}
