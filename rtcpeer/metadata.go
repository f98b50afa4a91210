package rtcpeer

import (
	"context"
	"encoding/json"
	"fmt"

	"example.org/rtcpeer/signaling"
)

// Metadata returns what a member of the room shows of itself, or nil: its Config.Metadata, or what it has given to
// SetMetadata since. For this node's own id it is what the server has shown last, where that is known to differ from
// Config.Metadata. A star's guest knows the host's and its own alone. The caller must not change it.
func (n *Node) Metadata(id PeerID) json.RawMessage {
	if id == n.id {
		return n.room.ownMetadata()
	}
	m, _ := n.roster.member(id)
	return m.Metadata
}

// SetMetadata asks the server to show other metadata of this node from now on: any JSON, at most 1 KiB; nil is none. It
// does not wait and does not keep metadata. Without a connection the request waits for one. PeerUpdated with this node's
// id is the answer, and Metadata then says what is shown: what an access token grants stays, and the server refuses what
// the room has no space for. It tells the others of ten changes at once, and of one a second over time, the last one
// included. A server of an earlier version does not answer.
//
// Errors: for metadata that is not JSON or too large; ErrClosed or why the node has ended. A server of Godot's demo
// cannot be asked: that is an error.
func (n *Node) SetMetadata(ctx context.Context, metadata json.RawMessage) error {
	err := checkMetadata("metadata", metadata)
	switch {
	case n.ctx.Err() != nil:
		return context.Cause(n.ctx)
	case err != nil:
		return err
	}
	if err := n.room.send(ctx, signaling.Metadata{Metadata: metadata}); err != nil {
		return fmt.Errorf("rtcpeer: set metadata: %w", err)
	}
	return nil
}

// updated takes what a member shows of itself, and tells the program if that is news.
func (n *Node) updated(id PeerID, metadata json.RawMessage) {
	if id == n.id {
		n.room.showOwn(metadata)
		n.inbox.bounded(Event{Kind: PeerUpdated, Peer: id})
	} else if l := n.roster.describe(id, metadata); l != nil {
		n.inbox.updated(l)
	}
}
