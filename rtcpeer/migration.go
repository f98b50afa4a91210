package rtcpeer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/signaling"
)

// This file makes a node follow when the server names another host: Config.NewRoom.Migrates.
//
//	server: host 5, term 2 ---> follow     stores the next lead, and ends the link with the old host
//	                            gather     starts the links with the members of the change
//	                            move       waits until all that came over the old link is in the inbox, then HostChanged
//	                            awaitMove  holds back the new links until then, so nothing of the new host comes before it
//
// The relayed peers stay connected meanwhile. A guest that becomes the host takes over the peers that it had as a
// guest. The server chooses the host: see signaling/rooms/migration.go.

// A lead says who hosts the room. It is immutable: when the host changes, the room gets another lead.
type lead struct {
	host  PeerID
	term  int           // counts the hosts of a room that migrates; 0: the room ends with its host
	moved chan struct{} // closed when this node has parted from the previous host
}

// A HostChange is an Event's description of another host.
type HostChange struct {
	// Old and New are ids. The new host may be this node.
	Old, New PeerID
	// Term counts the hosts of the room: 2 is the first change.
	Term int
	// Missed are connected peers that may have missed reliable packets of this node: it sent some to them so shortly
	// before the old host was last heard that the host may not have passed them on. None is sent again.
	Missed []PeerID
}

// Term counts the hosts of a room that migrates: 1 for the first. It is 0 in all other rooms.
func (n *Node) Term() int { return n.room.lead.Load().term }

// SetSuccessor names the member that is to host the room after this one, and does not wait. It holds until the next
// call, and only if that member can be host when the time comes. 0 means nobody; then the server chooses the member
// that has been there the longest. Errors: ErrNotHost, ErrUnknownPeer for an id that is no member, ErrClosed.
func (n *Node) SetSuccessor(ctx context.Context, id PeerID) error {
	if err := n.hostError(); err != nil {
		return err
	}
	if _, member := n.roster.member(id); id != 0 && !member {
		return fmt.Errorf("%w: successor %d is not in the room", ErrUnknownPeer, id)
	}
	if _, err := n.room.ask(ctx, signaling.Successor{ID: id}); err != nil {
		return n.askError(fmt.Sprintf("successor %d", id), err)
	}
	return nil
}

// askAgain asks again for what is about a member that comes: a server that was restarted did not know it before.
func (n *Node) askAgain(id PeerID) {
	if err := n.room.sendAbout(n.ctx, id); err != nil {
		n.log.Debug("not asked again", "peer", id, "err", err)
	}
}

// follow makes another member the host. The members of the change are still to be joined.
func (n *Node) follow(c signaling.HostChanged) {
	old := n.room.lead.Load()
	next := &lead{host: c.Host, term: c.Term, moved: make(chan struct{})}
	n.log.Info("host changed", "old", old.host, "new", next.host, "term", next.term)
	there := append(slices.Clone(c.Guests), c.Host)
	if n.id == next.host {
		expected := make(map[PeerID]bool)
		for _, m := range c.Members {
			there = append(there, m.ID)
			expected[m.ID] = true
		}
		n.setRoute(newHost(n, n.guest, expected))
	}
	n.room.lead.Store(next) // after the route: senders look at the lead first
	n.status.CompareAndSwap(int32(ConnectionConnected), int32(ConnectionConnecting))
	was, _ := n.roster.left(old.host, true)
	if was != nil {
		was.end(HostGone)
	}
	n.wg.Go(func() { n.move(old, next, was, there) })
}

// move tells the program about another host, when the link with the old one is over.
func (n *Node) move(old, next *lead, was *link, there []PeerID) {
	<-old.moved
	if was != nil {
		<-was.done
	}
	missed := n.guest.regroup(there)
	n.inbox.hostChanged(&HostChange{Old: old.host, New: next.host, Term: next.term, Missed: missed})
	if n.id == next.host {
		n.status.CompareAndSwap(int32(ConnectionConnecting), int32(ConnectionConnected))
	}
	close(next.moved)
	n.guest.opened.wake()
}

// awaitMove waits until this node has parted from the host that came before the one under which the link began.
func (l *link) awaitMove() error {
	select {
	case <-l.lead.moved:
		return nil
	case <-l.over:
		l.sayEarlyBye(l.path.Load())
		return errOver
	}
}

// awaitHost ends the node of a guest, unless the server names another host in time, or the same one is back. It is called
// when the host has ended the link without saying that it leaves the room: if no host follows, it has disconnected or kicked
// only this guest. Of a kick the server tells, too. While the connection to the server is lost, nobody knows whether another
// host follows, except in a room that does not migrate.
func (n *Node) awaitHost(at *lead, why error) {
	timer := time.NewTimer(wordTime)
	defer timer.Stop()
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-timer.C:
		}
		switch {
		case n.room.lead.Load() != at || n.roster.linking(at.host):
			return
		case at.term > 0 && n.room.isLost():
			timer.Reset(wordTime)
		default:
			n.endLater(why)
			return
		}
	}
}

// wordTime is how long the server's word about the host, or about this node, may take after the host has ended the link.
const wordTime = 5 * time.Second

// hostLost tells the server that the link with the host is lost.
func (n *Node) hostLost(at *lead) {
	n.guest.reported.Store(int64(at.term))
	n.report(signaling.HostLost{Term: at.term})
}

// hostBack tells the server that the link with the host is there again, if it was reported as lost.
func (n *Node) hostBack(at *lead) {
	if n.guest != nil && at.term > 0 && n.guest.reported.CompareAndSwap(int64(at.term), 0) {
		n.report(signaling.HostLost{Term: at.term, Back: true})
	}
}

func (n *Node) report(m signaling.HostLost) {
	if err := n.room.send(n.ctx, m); err != nil && n.ctx.Err() == nil {
		n.log.Debug("message not sent", "err", err)
	}
}

// isReplaced reports whether the signaler has ended, with err, because another member hosts the room.
func isReplaced(err error) bool {
	return errors.Is(err, &signaling.Error{Code: signaling.CodeHostReplaced})
}

// hasMoved reports whether the node has parted from the previous host.
func (l *lead) hasMoved() bool {
	select {
	case <-l.moved:
		return true
	default:
		return false
	}
}

// resolve returns the id of a target: Server is the present host.
func (l *lead) resolve(target PeerID) PeerID {
	switch target {
	case Server:
		return l.host
	case -Server:
		return -l.host
	}
	return target
}

// A wakeup wakes all goroutines that wait for it at once.
type wakeup struct{ c atomic.Pointer[chan struct{}] }

func newWakeup() *wakeup {
	w := new(wakeup)
	c := make(chan struct{})
	w.c.Store(&c)
	return w
}

// next returns a channel that is closed by the next wake.
func (w *wakeup) next() <-chan struct{} { return *w.c.Load() }

func (w *wakeup) wake() {
	c := make(chan struct{})
	close(*w.c.Swap(&c))
}

// await waits for a wake, or until ctx or the node is over. If wait is false, it returns ErrBufferFull at once.
func (n *Node) await(ctx context.Context, wait bool, woken <-chan struct{}) error {
	if !wait {
		return ErrBufferFull
	}
	select {
	case <-woken:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-n.ctx.Done():
		return context.Cause(n.ctx)
	}
}
