package rtcpeer

import (
	"errors"
	"fmt"
	"time"

	"example.org/rtcpeer/signaling"
)

// What the states of links mean for the node.

// linkUp publishes an open link.
func (n *Node) linkUp(l *link) {
	l.entry.told, l.entry.since = false, time.Time{}
	l.entry.tempo.connected()
	n.roster.stands(l, standingUp)
	if l.peer == n.room.host { // before the program can receive that it is connected
		n.status.CompareAndSwap(int32(ConnectionConnecting), int32(ConnectionConnected))
	}
	n.route.up(l)
	n.log.Info("connected", "peer", l.peer, "after", l.connectTime)
}

// linkInterrupted tells that nothing is heard of a connected peer. The reason may be that nothing is heard
// of anybody: then the signaler is asked to find out.
func (n *Node) linkInterrupted(l *link) {
	n.roster.stands(l, standingInterrupted)
	n.inbox.interrupted(l.presence)
	n.log.Info("interrupted", "peer", l.peer)
	n.checkSignaling()
}

func (n *Node) linkResumed(l *link) {
	n.roster.stands(l, standingUp)
	n.inbox.resumed(l.presence)
	n.log.Info("resumed", "peer", l.peer, "paths", l.figures.paths.Load())
}

// linkOver forgets a link, published or not. A star's guest that cannot get its host back is at its end, and
// so is a node without links that nobody can reach any more.
func (n *Node) linkOver(l *link) {
	reason := l.why()
	if l.published {
		n.log.Info("disconnected", "peer", l.peer, "reason", reason)
		n.route.down(l, reason)
	}
	again := l.mayPass() || l.successor != nil && !l.isWanted() || n.roster.joinedAnew(l)
	l.entry.told = l.entry.told || l.published
	if l.failure != nil {
		n.log.Warn("no link", "peer", l.peer, "err", l.failure.Err, "tried again", again)
		// That a peer which the program has as gone does not want this end back is no news.
		if !l.entry.told || !again && !errors.Is(l.failure, ErrRefused) {
			n.inbox.failed(l.failure)
		}
		l.entry.told = true
	}
	last := n.roster.over(l)
	switch signalingErr := n.room.why(); {
	case n.isGuest() && reason == Kicked && signalingErr == nil:
		n.wg.Go(n.awaitKick)
	case n.isGuest() && again && signalingErr == nil:
		n.status.CompareAndSwap(int32(ConnectionConnected), int32(ConnectionConnecting))
	case n.isGuest() && again && last:
		n.endLater(n.withoutSignaling(signalingErr))
	case n.isGuest() && l.failure != nil:
		n.endLater(l.failure)
	case n.isGuest() && reason == Unauthorized:
		n.endLater(ErrAuthRequired)
	case n.isGuest() && last:
		n.endLater(fmt.Errorf("%w: %s", ErrHostGone, l.farewell()))
	case last && signalingErr != nil:
		n.endLater(n.withoutSignaling(signalingErr))
	}
}

// withoutSignaling is why a node ends whose signaler has ended. A guest whose room has ended has lost its host,
// whichever of the two it hears of first.
func (n *Node) withoutSignaling(why error) error {
	if n.isGuest() && errors.Is(why, &signaling.Error{Code: signaling.CodeHostLeft}) {
		return fmt.Errorf("%w: %w", ErrHostGone, why)
	}
	return ofSignaling(why)
}

// ofSignaling says that an error is of signaling, which a *signaling.Error says itself.
func ofSignaling(why error) error {
	if _, says := errors.AsType[*signaling.Error](why); says {
		return fmt.Errorf("rtcpeer: %w", why)
	}
	return fmt.Errorf("rtcpeer: signaling: %w", why)
}

// detail says what the reason of the end of a connected peer does not, or is nil.
func (l *link) detail() error {
	switch {
	case l.why() == Misbehaved && l.fault != nil:
		return l.fail("receive", l.fault)
	case l.why() == Misbehaved && l.oversized.Load():
		return l.fail("receive", fmt.Errorf("%w: it has sent one of more than %d bytes (Config.MaxPacket)", ErrPacketTooLarge, l.node.config.MaxPacket))
	case l.unflushed != nil:
		return l.unflushed
	}
	return nil
}

// awaitKick ends a guest whose host says that it was kicked. The server's word has the reason; if the connection to the
// server is lost it does not come.
func (n *Node) awaitKick() {
	select {
	case <-n.ctx.Done():
	case <-time.After(kickTime):
		n.endLater(ofSignaling(&signaling.Error{Code: signaling.CodeKicked, Text: "the host has taken this member out"}))
	}
}

// kickTime is how long the server's word that this node is kicked may take after the host's.
const kickTime = 5 * time.Second

// endLater ends the node from inside. Its events can still be received, those of the end of its links too, and then
// the reason.
func (n *Node) endLater(why error) { n.endLinks(why, ByUs) }

// endLinks is endLater for a reason that the links have as well.
func (n *Node) endLinks(why error, reason DisconnectReason) {
	n.status.Store(int32(ConnectionDisconnected))
	n.end(why, reason)
}
