package rtcpeer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"example.org/rtcpeer/signaling"
)

// This file has the loop that reads what the signaler brings, and what each message does.

// run handles what the signaler brings until it or the node ends, and then closes what the node owns.
func (n *Node) run(welcome signaling.Welcome) {
	defer n.cleanUp()
	err := n.welcomed(welcome)
	for err == nil {
		var m signaling.Message
		if m, err = n.room.signaler.Receive(n.ctx); err != nil {
			break
		}
		switch m := m.(type) {
		case signaling.Welcome:
			err = n.welcomed(m)
			n.signalingBack()
		case signaling.Disconnected:
			n.loseForwarded()
			n.signalingLost(m.Err)
		case signaling.Forwarded:
			n.receiveForwarded(m)
		case signaling.HostChanged:
			n.hostChanged(m)
		case signaling.Joined:
			n.joined(m.Member)
			n.askAgain(m.Member.ID)
		case signaling.Left:
			n.left(m.ID, m.Reason)
			n.room.hasLeft(m.ID) // Kick relies on this order
		case signaling.Signal:
			n.signaled(m)
		case signaling.Metadata:
			n.updated(m.ID, m.Metadata)
		case signaling.Sealed:
			n.room.becameSealed()
		case signaling.Lock:
			n.room.becameLocked(!m.Open)
		case signaling.Resume:
			n.room.renewToken(m.Token)
		case signaling.ICEServers:
			n.room.renewICEServers(m.Servers)
		case *signaling.Error:
			n.log.Debug("error from the signaling server", "err", m)
		}
	}
	n.signalerEnded(err)
	<-n.ctx.Done()
}

// cleanUp waits for the links, and then leaves the room: the others see the links end, and then the member leave. The
// program receives how each link ended, and then why the node did.
func (n *Node) cleanUp() {
	n.roster.running.Wait()
	<-n.room.lead.Load().moved
	n.route().over()
	n.inbox.end(context.Cause(n.ctx))
	if s, can := n.room.signaler.(interface{ Suspend() error }); can && n.suspended.Load() {
		s.Suspend()
	} else {
		n.room.signaler.Close()
	}
	if n.ownsTransport {
		n.transport.Close()
	}
}

// welcomed takes the state of the room, at first and each time that the connection was resumed.
func (n *Node) welcomed(w signaling.Welcome) error {
	if w.ID != n.id {
		return fmt.Errorf("the server changed this node's id from %d to %d", n.id, w.ID)
	}
	switch at := n.room.lead.Load(); {
	case w.Term == 0 || w.Term == at.term && w.Host == at.host:
	case n.hosts() || n.guest == nil:
		return &signaling.Error{Code: signaling.CodeHostReplaced, Text: fmt.Sprintf("%d hosts the room now", w.Host)}
	default:
		n.follow(signaling.HostChanged{Host: w.Host, Term: w.Term, Members: w.Members, Guests: w.Guests})
	}
	n.room.welcomed(w)
	n.gather(w.Members)
	return n.room.sendAgain(n.ctx)
}

// hostChanged makes this node follow another host.
func (n *Node) hostChanged(c signaling.HostChanged) {
	if at := n.room.lead.Load(); n.guest != nil && at.term > 0 && c.Term > at.term {
		n.follow(c)
		n.gather(c.Members)
	}
}

// gather takes the complete list of the members to connect with.
func (n *Node) gather(members []signaling.Member) {
	gone := n.roster.members()
	for _, m := range members {
		gone = slices.DeleteFunc(gone, func(id PeerID) bool { return id == m.ID })
		n.joined(m)
	}
	for _, id := range gone {
		n.left(id, signaling.LeftLost)
	}
}

// joined makes a link with a member, unless there is one, or there was one that has ended for good.
func (n *Node) joined(m signaling.Member) {
	n.updated(m.ID, m.Metadata)
	if n.roster.joined(n, m) {
		n.connect(m, nil)
	}
}

// connect starts the link with a member; first is the signal that asked for it, or nil.
func (n *Node) connect(m signaling.Member, first *signaling.SignalData) {
	theirs := modesOfWire(m.Channels)
	linked := false
	defer func() {
		if !linked {
			n.route().abandon(m.ID, Lost)
		}
	}()
	switch {
	case n.refuse.Load() && !(n.guest != nil && n.guest.has(m.ID)): // a connected peer stays so when the host changes
		n.turnAway(m, first, "new connections are refused")
	case n.roster.full(n.config.MaxPeers, m.ID):
		n.turnAway(m, first, fmt.Sprintf("no more than %d peers are admitted", n.config.MaxPeers))
	case n.inbox.backlogged():
		n.turnAway(m, first, "the program does not receive its events")
	case theirs != nil && !slices.Equal(theirs, n.config.Channels):
		n.inbox.failed(&PeerError{Peer: m.ID, Op: "connect", Err: &ChannelMismatchError{Ours: n.config.Channels, Theirs: theirs}})
	default:
		linked = true
		n.roster.start(m.ID, first)
	}
}

// turnAway refuses a newcomer, and tells the program. A Godot game does not understand a refusal (OneAttempt) and would
// wait for its host for ever, so a star's host has the server take it out of the room, with the reason.
func (n *Node) turnAway(m signaling.Member, first *signaling.SignalData, why string) {
	n.refuseLink(m.ID, first, why, nil)
	if !n.roster.turnsAway(m.ID) {
		return
	}
	n.log.Info("peer refused", "peer", m.ID, "reason", why)
	n.inbox.bounded(Event{Kind: PeerRefused, Peer: m.ID, Err: &PeerError{Peer: m.ID, Op: "refuse", Err: errors.New(why)}})
	if m.OneAttempt && n.hosts() && n.room.topology == Star {
		if _, err := n.room.ask(n.ctx, signaling.Kick{ID: m.ID, Text: why}); err != nil {
			n.log.Debug("cannot kick the refused peer", "peer", m.ID, "err", err)
		}
	}
}

// refuseLink tells a member that there is no link for it here; s is the signal that asked for one, or nil. bye has the
// code and the text of the program that ended the link, or is nil.
func (n *Node) refuseLink(id PeerID, s *signaling.SignalData, why string, bye *signaling.Bye) {
	refusal := signaling.SignalData{Type: signaling.Refuse, Text: why, Bye: bye}
	if s != nil {
		refusal.Attempt, refusal.Link = s.Attempt, s.Link
	}
	if err := n.room.signal(n.ctx, id, refusal); err != nil {
		n.log.Debug("cannot send the refusal", "peer", id, "err", err)
	}
}

// endedHere is the text of the refusal of a link that the other end believes to be open.
const endedHere = "this end has ended the link"

// resume deals with what the links with a peer have left to do: the peer may have joined anew, or wait for an answer.
func (n *Node) resume(r remainder) {
	if r.joined && n.ctx.Err() == nil {
		n.connect(r.member, nil)
	}
	for _, s := range r.signals {
		n.signal(r.member.ID, s)
	}
}

// left forgets a member. An open link with it is left alone, because the member may only have lost the server, or ends
// the link itself. The link is ended if the member was taken out of the room, or has left it while the link is
// interrupted. A link that is still being made cannot be completed. A star's host that was lost may come back, for
// example if it is slower than its guests when the server was restarted; if it does not, the server ends the room.
func (n *Node) left(id PeerID, reason signaling.LeftReason) {
	l, stands := n.roster.left(id, reason == signaling.LeftByItself || reason == signaling.LeftKicked)
	switch {
	case l == nil:
	case reason == signaling.LeftKicked:
		l.end(Kicked)
	case reason == signaling.LeftLost && stands >= standingAuthenticating: // the link does not need the server any more
	case reason == signaling.LeftLost:
		l.end(Lost)
	case stands < standingUp:
		l.end(ByPeer)
	case reason == signaling.LeftByItself && l.interrupted.Load():
		// As if it had refused the link, after its signals that wait: one may say why.
		n.roster.take(id, &signaling.SignalData{Type: signaling.Refuse, Link: l.id})
	}
	if l == nil {
		n.route().abandon(id, leftReason(reason))
	}
	if n.isGuest() && id == n.Host() && l == nil && reason != signaling.LeftLost {
		n.endLater(ErrHostGone)
	}
}

// leftReason returns the reason for which a peer that has left the room is gone.
func leftReason(r signaling.LeftReason) DisconnectReason {
	switch r {
	case signaling.LeftByItself:
		return ByPeer
	case signaling.LeftKicked:
		return Kicked
	}
	return Lost
}

// signaled handles a signal of a member.
func (n *Node) signaled(s signaling.Signal) {
	data, err := signaling.DecodeSignalData(s.Data)
	switch {
	case err != nil:
	case data.Attempt > maxAttempt:
		err = fmt.Errorf("attempt %d", data.Attempt)
	case data.Type == signaling.Offer && offers(n.id, s.From):
		err = errors.New("an offer to the offering end")
	}
	if err != nil {
		n.log.Debug("invalid signal ignored", "peer", s.From, "err", err)
		return
	}
	n.signal(s.From, &data)
}

// signal hands a signal to its link. An offer may ask for a new link, for example after a restart of the other end. An
// end that does not know yet that its link is over here is told so.
func (n *Node) signal(from PeerID, s *signaling.SignalData) {
	if !n.roster.admits(from, s) {
		n.log.Debug("offer ignored: the peer sends too many", "peer", from)
		return
	}
	taken, flood := n.roster.take(from, s)
	if flood {
		n.log.Warn("signals dropped: the peer sends too many", "peer", from)
	}
	if taken {
		return
	}
	m, member := n.roster.member(from)
	ended, bye := n.roster.hasEnded(from)
	switch {
	case !member:
	case s.Type == signaling.Repair || s.Type == signaling.Offer && (s.Repair || ended):
		n.refuseLink(from, s, endedHere, bye)
	case s.Type == signaling.Offer:
		n.connect(m, s)
	}
}

// signalingLost tells the program that the signaler has lost the server and is trying to come back.
func (n *Node) signalingLost(why error) {
	if n.room.lose(why) {
		n.inbox.bounded(Event{Kind: SignalingLost, Err: why})
	}
}

// signalingBack tells the program that the signaler is back. Signals pass again, and links that wait for them try at
// once.
func (n *Node) signalingBack() {
	if n.room.regain() {
		n.inbox.bounded(Event{Kind: SignalingResumed})
	}
	n.roster.changed()
}

// checkSignaling makes the signaler, if it can, find out at once whether its connection still works.
func (n *Node) checkSignaling() {
	if s, ok := n.room.signaler.(interface{ Check() }); ok {
		s.Check()
	}
}

// signalerEnded notes that no more signals will come. Open links do not need them. A node without links has nothing
// left to wait for; nor has a guest that is still making its link with a host that has left. A node that was taken out
// of the room ends with its links.
func (n *Node) signalerEnded(err error) {
	n.room.end(err)
	n.loseForwarded()
	if n.ctx.Err() != nil {
		return
	}
	kicked := isKicked(err)
	over := n.isGuest() && isHostLeft(err) && len(n.roster.ids()) == 0
	n.log.Warn("signaling ended", "err", err, "links_kept", !kicked && !over)
	links := n.roster.links()
	switch {
	case kicked:
		n.endLinks(n.withoutSignaling(err), Kicked)
	case isReplaced(err):
		n.endLinks(n.withoutSignaling(err), HostGone)
	case over || len(links) == 0:
		n.endLater(n.withoutSignaling(err))
	}
	for _, l := range links {
		if !n.roster.isOpen(l) { // without signals it cannot be made
			l.end(Lost)
		}
	}
}
