package cluster

import (
	"context"

	"example.org/rtcpeer/signaling"
)

// Claim makes this server the owner of a room until done is called. Nil: it is not.
func (n *Node) Claim(ctx context.Context, name signaling.RoomName) (done func()) {
	c, _, err := n.claim(ctx, roomKey(name), false)
	if err != nil || c == nil {
		return nil
	}
	return func() { n.done(c) }
}

// ActsFor reports whether this server does now what others see as the owner of a room.
func (n *Node) ActsFor(name signaling.RoomName) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.good(n.claims[roomKey(name)])
}

// Lease is the name of this server's lease.
func (n *Node) Lease() string { return n.leaseNow() }

// Dead reports whether this server finds a lease to be over.
func (n *Node) Dead(ctx context.Context, lease string) (bool, error) { return n.dead(ctx, lease) }
