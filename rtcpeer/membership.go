package rtcpeer

import (
	"fmt"
)

// What comes of links for the node.

// linkUp publishes an open link.
func (n *Node) linkUp(l *link) {
	n.roster.stands(l, standingUp)
	if l.peer == n.room.host { // before the program can receive that it is connected
		n.status.CompareAndSwap(int32(ConnectionConnecting), int32(ConnectionConnected))
	}
	n.route.up(l)
	n.log.Info("connected", "peer", l.peer, "after", l.connectTime)
}

// linkOver forgets a link, published or not. A star's guest without its host is at its end, and so is
// a node without links that nobody can reach any more.
func (n *Node) linkOver(l *link, failure *PeerError) {
	reason := l.why()
	if l.published {
		n.log.Info("disconnected", "peer", l.peer, "reason", reason)
		n.route.down(l, reason)
	}
	if failure != nil {
		n.log.Warn("no link", "peer", failure.Peer, "err", failure.Err)
		n.inbox.failed(failure)
	}
	last := n.roster.over(l, n.ctx.Err() == nil && !n.refuse.Load())
	switch signalingErr := n.room.why(); {
	case n.isGuest() && failure != nil:
		n.endLater(failure)
	case n.isGuest() && reason == Unauthorized:
		n.endLater(ErrAuthRequired)
	case n.isGuest() && last:
		n.endLater(fmt.Errorf("%w: %v%s", ErrHostGone, reason, l.hint()))
	case last && signalingErr != nil:
		n.endLater(fmt.Errorf("rtcpeer: signaling: %w", signalingErr))
	}
}

// endLater ends the node from inside; its events can still be received, and then the reason.
func (n *Node) endLater(why error) {
	n.status.Store(int32(ConnectionDisconnected))
	n.inbox.end(why)
	n.end(why)
}
