package rtcpeer

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"example.org/rtcpeer/signaling"
)

// This file turns the states of links into what they mean for the node.

// linkUp publishes an open link.
func (n *Node) linkUp(l *link) {
	l.entry.told, l.entry.since = false, time.Time{}
	l.entry.tempo.connected()
	n.roster.stands(l, standingUp)
	if l.peer == n.Host() { // before the program can receive that it is connected
		n.status.CompareAndSwap(int32(ConnectionConnecting), int32(ConnectionConnected))
		n.hostBack(l.lead)
	}
	l.route.up(l)
	n.log.Info("peer connected", "peer", l.peer, "after", l.connectTime)
}

// linkInterrupted tells the program that nothing is heard of a connected peer. The reason may be that nothing is heard
// of anybody, so the signaler is asked to check its own connection.
func (n *Node) linkInterrupted(l *link) {
	n.roster.stands(l, standingInterrupted)
	n.inbox.interrupted(l.presence)
	n.log.Info("peer interrupted", "peer", l.peer)
	n.checkSignaling()
}

func (n *Node) linkResumed(l *link) {
	n.roster.stands(l, standingUp)
	n.inbox.resumed(l.presence)
	n.log.Info("peer resumed", "peer", l.peer, "paths", l.figures.paths.Load())
}

// linkOver forgets a link, published or not. It ends the node of a star's guest that cannot get its host back, and a
// node without links that nobody can reach any more.
func (n *Node) linkOver(l *link) {
	reason := l.why()
	if l.published {
		n.log.Info("peer disconnected", "peer", l.peer, "reason", reason)
		if n.isGuest() && l.peer == n.Host() { // before the program can receive that it is disconnected
			n.status.CompareAndSwap(int32(ConnectionConnected), int32(ConnectionConnecting))
		}
		l.route.down(l, reason)
	} else {
		l.route.abandon(l.peer, cmp.Or(reason, Lost))
	}
	again := l.mayPass() || l.successor != nil && !l.isWanted() || n.roster.joinedAnew(l)
	l.entry.told = l.entry.told || l.published
	if l.failure != nil {
		n.log.Warn("cannot connect to a peer", "peer", l.peer, "err", l.failure.Err, "retry", again)
		// A program that knows that the peer is gone is not told that the peer refuses another link.
		if !l.entry.told || !again && !errors.Is(l.failure, ErrRefused) {
			n.inbox.failed(l.failure)
		}
		l.entry.told = true
	}
	last := n.roster.over(l, again)
	guest := n.isGuest() && l.peer == n.Host() // else it has parted from another host
	switch signalingErr := n.room.why(); {
	case guest && reason == Kicked && signalingErr == nil:
		n.wg.Go(func() {
			n.awaitHost(l.lead, ofSignaling(&signaling.Error{Code: signaling.CodeKicked, Text: "the host kicked this member"}))
		})
	case guest && reason == Kicked && isKicked(signalingErr): // before signalerEnded has ended the node for the same reason
		n.endLater(n.withoutSignaling(signalingErr))
	case guest && again && signalingErr == nil:
		if l.lead.term > 0 && l.published && reason == Lost {
			n.hostLost(l.lead)
		}
	case guest && again && last:
		n.endLater(n.withoutSignaling(signalingErr))
	case guest && l.failure != nil:
		n.endLater(l.failure)
	case guest && reason == Unauthorized && n.config.Auth != nil: // it was accepted, and the host's time was over
		n.endLater(fmt.Errorf("%w: the acceptance of this end did not reach the host within its Config.AuthTimeout", ErrUnauthorized))
	case guest && reason == Unauthorized:
		n.endLater(ErrAuthRequired)
	case guest && l.lead.term > 0 && reason == ByPeer && signalingErr == nil:
		if l.departed {
			n.hostLost(l.lead) // the server may not have heard this from the host
		} else {
			n.wg.Go(func() { n.awaitHost(l.lead, fmt.Errorf("%w: %s", ErrHostGone, l.farewell())) })
		}
	case guest && last && isHostLeft(signalingErr):
		n.endLater(n.withoutSignaling(signalingErr))
	case guest && last:
		n.endLater(fmt.Errorf("%w: %s", ErrHostGone, l.farewell()))
	case last && signalingErr != nil:
		n.endLater(n.withoutSignaling(signalingErr))
	}
}

// withoutSignaling returns why a node whose signaler has ended ends too. A guest whose room has ended has lost its
// host, whichever of the two it hears of first.
func (n *Node) withoutSignaling(why error) error {
	switch {
	case n.isGuest() && isHostLeft(why):
		return fmt.Errorf("%w: %w", ErrHostGone, why)
	case isReplaced(why):
		return fmt.Errorf("%w: %w", ErrHostReplaced, why)
	}
	return ofSignaling(why)
}

// ofSignaling marks an error as one of signaling. A *signaling.Error says so itself.
func ofSignaling(why error) error {
	if _, says := errors.AsType[*signaling.Error](why); says {
		return fmt.Errorf("rtcpeer: %w", why)
	}
	return fmt.Errorf("rtcpeer: signaling: %w", why)
}

func isKicked(err error) bool {
	return errors.Is(err, &signaling.Error{Code: signaling.CodeKicked})
}

func isHostLeft(err error) bool {
	return errors.Is(err, &signaling.Error{Code: signaling.CodeHostLeft})
}

// parting returns what the program is told when the link was connected and has ended.
func (l *link) parting(reason DisconnectReason) Event {
	ev := Event{Reason: reason, Err: l.detail()}
	if bye := l.heard(); bye != nil {
		ev.Code, ev.Text = bye.Code, bye.Text
	}
	return ev
}

// detail returns what there is to say about the end of a connected peer besides the reason, or nil.
func (l *link) detail() error {
	switch {
	case l.why() == Misbehaved && l.fault != nil:
		return l.fail("receive", l.fault)
	case l.why() == Misbehaved && l.oversized.Load():
		return l.fail("receive", fmt.Errorf("%w: the other end sent one of more than %d bytes (Config.MaxPacket)", ErrPacketTooLarge, l.node.config.MaxPacket))
	case l.unflushed != nil:
		return l.unflushed
	}
	return nil
}

// endLater ends the node from inside. The program can still receive the events, including those of the end of its
// links, and then the reason.
func (n *Node) endLater(why error) { n.endLinks(why, ByUs) }

// endLinks is endLater with a reason for the links.
func (n *Node) endLinks(why error, reason DisconnectReason) {
	n.status.Store(int32(ConnectionDisconnected))
	n.end(why, reason)
}
