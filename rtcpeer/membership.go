package rtcpeer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/signaling"
)

// run takes what the signaler brings until it or the node ends, and closes what the node owns.
func (n *Node) run(welcome signaling.Welcome) {
	defer n.cleanUp()
	err := n.welcomed(welcome)
	for err == nil {
		var m signaling.Message
		if m, err = n.signaler.Receive(n.ctx); err != nil {
			break
		}
		switch m := m.(type) {
		case signaling.Welcome:
			err = n.welcomed(m)
		case signaling.Joined:
			n.joined(m.Member)
		case signaling.Left:
			n.left(m.ID, m.Reason)
		case signaling.Signal:
			n.signaled(m)
		case signaling.Sealed:
			n.becameSealed()
		case signaling.Lock:
			n.becameLocked(!m.Open)
		case signaling.ICEServers:
			n.renewICEServers(m.Servers)
		case *signaling.Error:
			n.log.Debug("signaling", "err", m)
		}
	}
	n.signalerEnded(err)
	<-n.ctx.Done()
}

// cleanUp waits for the links, and then leaves the room: others see the links end, and then the
// member go.
func (n *Node) cleanUp() {
	n.making.Wait()
	n.signaler.Close()
	if n.ownsTransport {
		n.transport.Close()
	}
}

// welcomed takes the state of the room, the first time or anew after the connection was resumed.
func (n *Node) welcomed(w signaling.Welcome) error {
	if w.ID != n.id {
		return fmt.Errorf("the server changed this node's id from %d to %d", n.id, w.ID)
	}
	n.mu.Lock()
	n.welcomes++
	n.ice = w.ICEServers
	known := maps.Clone(n.members)
	n.mu.Unlock()
	for _, m := range w.Members {
		delete(known, m.ID)
		n.joined(m)
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		n.left(id, signaling.LeftLost)
	}
	if n.id == n.host && n.Locked() && !w.Locked { // a server that restarted has forgotten
		if err := n.sendMessage(n.ctx, signaling.Lock{}); err != nil {
			return err
		}
	} else {
		n.becameLocked(w.Locked)
	}
	switch {
	case w.Sealed:
		n.becameSealed()
	case n.Sealed() && n.id == n.host: // as with the lock
		return n.sendMessage(n.ctx, signaling.Seal{})
	}
	return nil
}

// joined makes a link with a member, unless there is one, or there was: a link that ended is over. But when
// this node was away for so long that its links were lost, and comes back, those who had taken it for gone
// wait for its offers.
func (n *Node) joined(m signaling.Member) {
	n.mu.Lock()
	_, known := n.members[m.ID]
	again := n.lost[m.ID] && offers(n.id, m.ID)
	n.members[m.ID] = m
	n.mu.Unlock()
	if !known || again {
		n.connect(m, nil)
	}
}

// connect starts the link with a member; first is the signal that asked for it, if one did.
func (n *Node) connect(m signaling.Member, first *signaling.SignalData) {
	theirs := modesOfWire(m.Channels)
	switch {
	case n.refuse.Load():
		n.refuseLink(m.ID, "new connections are refused")
		return
	case n.full(m.ID):
		n.refuseLink(m.ID, fmt.Sprintf("no more than %d peers are admitted", n.config.MaxPeers))
		return
	case n.inbox.backlogged():
		n.refuseLink(m.ID, "the program there does not receive its events")
		return
	case theirs != nil && !slices.Equal(theirs, n.config.Channels):
		n.linkFailed(&PeerError{Peer: m.ID, Op: "connect", Err: &ChannelMismatchError{Ours: n.config.Channels, Theirs: theirs}})
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ctx.Err() != nil || n.running[m.ID] != nil {
		return
	}
	l := newLink(n, m)
	l.first = first
	n.start(l)
}

// full reports whether there is a link with as many others as there may be. One that is still being
// made or authenticated counts, so that nobody has to wait for a place that is then not there.
func (n *Node) full(newcomer PeerID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.config.MaxPeers > 0 && len(n.running) >= n.config.MaxPeers && n.running[newcomer] == nil
}

// start runs a link; mu is held, so that no link starts after the node has ended.
func (n *Node) start(l *link) {
	n.running[l.peer] = l
	delete(n.lost, l.peer)
	n.making.Go(l.run)
}

func (n *Node) refuseLink(id PeerID, why string) {
	if err := n.signal(id, signaling.SignalData{Type: signaling.Refuse, Text: why}); err != nil {
		n.log.Debug("refusal not sent", "peer", id, "err", err)
	}
}

// left forgets a member. An open link with it ends on its own account: the member may only have lost
// the server, unless it was taken out of the room. One that is still being made cannot be completed.
func (n *Node) left(id PeerID, reason signaling.LeftReason) {
	n.mu.Lock()
	delete(n.members, id)
	delete(n.lost, id)
	l := n.running[id]
	n.mu.Unlock()
	switch _, err := n.links.to(id); {
	case l == nil:
	case reason == signaling.LeftKicked:
		l.end(Kicked)
	case err != nil:
		l.end(ByPeer)
	}
	if n.topology == Star && id == n.host && l == nil {
		n.endLater(ErrHostGone)
	}
}

// signaled hands a signal to its link. An offer may ask for a new one, as after a restart of the
// other end.
func (n *Node) signaled(s signaling.Signal) {
	data, err := signaling.DecodeSignalData(s.Data)
	if err != nil {
		n.log.Debug("signal not understood", "peer", s.From, "err", err)
		return
	}
	n.mu.Lock()
	l := n.running[s.From]
	m, member := n.members[s.From]
	n.mu.Unlock()
	switch {
	case l != nil:
		l.signal(&data)
	case member && data.Type == signaling.Offer:
		n.connect(m, &data)
	}
}

// renewICEServers takes new ones for links that are made from now on.
func (n *Node) renewICEServers(servers []signaling.ICEServer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ice = servers
}

// iceServers returns the latest that the server has told.
func (n *Node) iceServers() []transport.ICEServer {
	n.mu.Lock()
	defer n.mu.Unlock()
	servers := make([]transport.ICEServer, len(n.ice))
	for i, s := range n.ice {
		servers[i] = transport.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential}
	}
	return servers
}

func (n *Node) becameSealed() {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.sealed:
	default:
		close(n.sealed)
	}
}

// signalerEnded notes that no more signals will come. Open links do not need them; a node without
// any has nothing left to wait for, and one that was taken out of the room has no business there.
func (n *Node) signalerEnded(err error) {
	n.mu.Lock()
	if n.signalingErr == nil {
		n.signalingErr = err
	}
	idle := len(n.running) == 0
	n.mu.Unlock()
	if n.ctx.Err() != nil {
		return
	}
	kicked := errors.Is(err, &signaling.Error{Code: signaling.CodeKicked})
	n.log.Warn("signaling ended", "err", err, "links go on", !kicked)
	if idle || kicked {
		n.endLater(fmt.Errorf("rtcpeer: signaling: %w", err))
	}
}

// linkUp publishes an open link.
func (n *Node) linkUp(l *link) {
	n.mu.Lock()
	l.published = true
	n.mu.Unlock()
	if l.peer == n.host { // before the program can receive that it is connected
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
		n.linkFailed(failure)
	}
	switch last, signalingErr := n.forget(l); {
	case n.topology == Star && n.id != n.host && failure != nil:
		n.endLater(failure)
	case n.topology == Star && n.id != n.host && reason == Unauthorized:
		n.endLater(ErrAuthRequired)
	case n.topology == Star && n.id != n.host && last:
		n.endLater(fmt.Errorf("%w: %v%s", ErrHostGone, reason, l.hint()))
	case last && signalingErr != nil:
		n.endLater(fmt.Errorf("rtcpeer: signaling: %w", signalingErr))
	}
}

// forget removes a link that is over, or puts its successor in its place.
func (n *Node) forget(l *link) (last bool, signalingErr error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.running, l.peer)
	if l.published {
		n.ended.add(l)
	}
	_, member := n.members[l.peer]
	if l.published && member && l.why() == Lost {
		n.lost[l.peer] = true
	}
	if l.next != nil && member && n.ctx.Err() == nil && !n.refuse.Load() {
		n.start(l.successor())
	}
	return len(n.running) == 0, n.signalingErr
}

func (n *Node) linkFailed(err *PeerError) {
	n.log.Warn("no link", "peer", err.Peer, "err", err.Err)
	n.inbox.failed(err)
}

// endLater ends the node from inside; its events can still be received, and then the reason.
func (n *Node) endLater(why error) {
	n.status.Store(int32(ConnectionDisconnected))
	n.inbox.end(why)
	n.end(why)
}

// deliver hands a received packet to the inbox.
func (n *Node) deliver(p *presence, l *lane, command Command, data []byte) {
	packet := Packet{Peer: p.id, Channel: l.channel, Mode: l.mode, Command: command}
	if why := n.inbox.packet(p, l.credit, packet, data, l.link.halt); why != "" {
		n.counters.drop(why)
	}
}

// signal sends a signal to a member.
func (n *Node) signal(to PeerID, data signaling.SignalData) error {
	raw, err := data.Encode()
	if err != nil {
		return err
	}
	return n.sendMessage(n.ctx, signaling.Signal{To: to, Data: raw})
}

func (n *Node) sendMessage(ctx context.Context, m signaling.Message) error {
	n.sending.Lock()
	defer n.sending.Unlock()
	return n.signaler.Send(ctx, m)
}
