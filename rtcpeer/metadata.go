package rtcpeer

import (
	"context"
	"encoding/json"
	"slices"

	"example.org/rtcpeer/signaling"
)

// Metadata returns what a member of the room shows of itself, or nil: its Config.Metadata, or what it has passed to
// SetMetadata since. For this node's own id it is what the server has shown last, if that is known to differ from
// Config.Metadata. A star's guest knows only the host's metadata and its own. The caller must not change it.
func (n *Node) Metadata(id PeerID) json.RawMessage {
	if id == n.id {
		return n.room.ownMetadata()
	}
	m, _ := n.roster.member(id)
	return m.Metadata
}

// SetMetadata asks the server to show other metadata of this node from now on: any JSON, at most 1 KiB; nil means none.
// It does not wait and does not keep metadata. Without a connection the request waits for one. The answer is a
// PeerUpdated with this node's id, after which Metadata returns what is shown: what an access token grants stays, and
// the server refuses what the room has no space for. The server tells the others of ten changes at once, and over time
// of one a second, including the last one. A server of an earlier version does not answer.
//
// Errors: one for metadata that is not JSON or too large; ErrClosed, or why the node has ended; one for a server of
// Godot's demo, which cannot be asked.
func (n *Node) SetMetadata(ctx context.Context, metadata json.RawMessage) error {
	err := checkMetadata("metadata", metadata)
	switch {
	case n.ctx.Err() != nil:
		return context.Cause(n.ctx)
	case err != nil:
		return err
	}
	if _, err := n.room.ask(ctx, signaling.Metadata{Metadata: slices.Clone(metadata)}); err != nil {
		return n.askError("set metadata", err)
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
