package rtcpeer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/rtcpeer/internal/ring"
)

// guest is the route of every other member of a star: it has one link, with the host, through which it reaches the
// rest.
//
// In a room that migrates the relayed peers outlive the link: they stay until the next host says that they are gone.
type guest struct {
	node     *Node
	opened   *wakeup      // wakes when the host is linked, or another one
	sent     atomic.Int64 // when a reliable packet was last sent to several, in Unix nanoseconds; safe for concurrent use
	reported atomic.Int64 // the term whose host this guest has reported as lost; safe for concurrent use

	mu      sync.RWMutex // guards the fields below
	parted  PeerID       // the host whose link is over while the relayed peers wait for the next one; 0: none
	heard   time.Time    // when that host was last heard
	relayed map[PeerID]*presence
	times   map[PeerID]peerTime // of the relayed peers, as the host has measured them
	goneIDs ring.Ring[PeerID]   // the last maxGone relayed peers that are gone; they are also in relayed, as gone
}

// maxRelayed is the most peers that a guest keeps track of, including those that are gone.
const maxRelayed = 1 << 15

// maxGone is how many gone peers a guest remembers, so that a packet which another channel delivers late does not bring
// one back.
const maxGone = 1024

func (r *guest) send(ctx context.Context, wait bool, p Packet, i int) error {
	for {
		opened, at := r.opened.next(), r.node.room.lead.Load()
		if at.host == r.node.id { // it has become the host meanwhile
			return r.node.route().send(ctx, wait, p, i)
		}
		l, none := r.node.roster.to(at.host)
		err := r.sendOver(ctx, wait, p, at, l, i)
		if none != nil {
			if _, none = r.node.roster.to(at.host); none == nil {
				continue // it was linked meanwhile
			}
		}
		switch {
		case !errors.Is(err, ErrUnknownPeer) || !r.waits(p.Peer, at):
			return err
		case r.node.channels[i] != Reliable:
			r.node.inbox.counters.drop(DropInterrupted)
			return nil
		}
		if err := r.node.await(ctx, wait, opened); err != nil {
			return err
		}
	}
}

// sendOver sends a packet over l, the link with the host, which may be nil.
func (r *guest) sendOver(ctx context.Context, wait bool, p Packet, at *lead, l *link, i int) error {
	target := at.resolve(p.Peer)
	switch {
	case l == nil && (p.Peer > 0 || r.moves()):
		return fmt.Errorf("%w: %d", ErrUnknownPeer, p.Peer)
	case l == nil:
		return nil // a broadcast to nobody yet
	case target == at.host:
		return framed(p, nil, func(frame []byte) error { return l.lanes[i].put(ctx, wait, frame) })
	case target > 0 && !r.has(target):
		return fmt.Errorf("%w: %d", ErrUnknownPeer, target)
	}
	if at.term > 0 && l.lanes[i].mode == Reliable {
		r.note(target)
	}
	return framed(p, &target, func(frame []byte) error { return l.lanes[i].put(ctx, wait, frame) })
}

// moves reports whether the relayed peers wait for the next host.
func (r *guest) moves() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.parted != 0
}

// waits reports whether a packet for a target has to wait for the next host.
func (r *guest) waits(target PeerID, at *lead) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	moves := r.parted != 0 || r.leaves(at)
	return moves && r.node.ctx.Err() == nil && at.term > 0 && (target <= 0 || target == Server || r.stays(target))
}

// stays reports whether a peer is still connected: a relayed one, or the next host itself; mu is held.
func (r *guest) stays(id PeerID) bool {
	if p := r.relayed[id]; p != nil {
		return r.node.inbox.here(p)
	}
	l, err := r.node.roster.to(id)
	return err == nil && l.why() == 0
}

// leaves reports whether the node is about to part from a host; mu is held.
func (r *guest) leaves(at *lead) bool {
	l, err := r.node.roster.to(at.host)
	return r.node.room.lead.Load() != at || !at.hasMoved() || err == nil && l.why() != 0
}

// note notes that a reliable packet is sent to a target behind the host.
func (r *guest) note(target PeerID) {
	sent := &r.sent
	if target > 0 {
		r.mu.RLock()
		p := r.relayed[target]
		r.mu.RUnlock()
		if p == nil {
			return
		}
		sent = &p.sent
	}
	sent.Store(time.Now().UnixNano())
}

func (r *guest) receive(l *lane, data []byte) {
	f, err := decodeFrame(data)
	if err != nil {
		r.node.inbox.counters.drop(DropMalformed)
		return
	}
	switch f.kind {
	case framePacket:
		r.node.inbox.deliver(l.link.presence, l, f.command, f.body)
		return
	case frameAuth:
		r.node.authAsked(l.link, f)
		return
	}
	if !f.peer.Valid() || f.peer == r.node.id || f.peer == l.link.peer {
		r.node.inbox.counters.drop(DropMalformed)
		return
	}
	// The announcement and the packet may come on different channels, in either order, so a packet also tells that its
	// source is there. Either may have to wait for credit: a host that announces without end is held up by its lane.
	if f.kind != frameRelay || !r.knows(f.peer) {
		if !r.node.inbox.affords(l.credit, l.mode, l.link.halt) {
			r.node.inbox.counters.drop(DropNoCredit)
			return
		}
	}
	switch f.kind {
	case frameAddPeer:
		r.meet(f.peer, true, l)
	case frameDelPeer:
		r.part(f.peer, goneFor(f.reason), l)
	case frameRelay:
		if p := r.meet(f.peer, false, l); p != nil {
			r.node.inbox.deliver(p, l, f.command, f.body)
		}
	}
}

// knows reports whether a relayed peer is or was there.
func (r *guest) knows(id PeerID) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.relayed[id] != nil
}

func (r *guest) has(id PeerID) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	p := r.relayed[id]
	return p != nil && r.node.inbox.here(p)
}

// meet returns the presence of a relayed peer, and shows it to the program the first time. A peer that is gone stays
// gone until it is announced again. It returns nil if the host has announced more peers than possible.
func (r *guest) meet(id PeerID, announced bool, l *lane) *presence {
	r.mu.RLock()
	p := r.relayed[id]
	r.mu.RUnlock()
	if p != nil && !announced {
		return p
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p = r.relayed[id]
	switch {
	case p != nil && (!announced || r.node.inbox.here(p)):
		return p
	case p == nil && len(r.relayed) >= maxRelayed:
		r.node.log.Warn("the host announced too many guests", "limit", maxRelayed)
		l.link.end(Misbehaved)
		return nil
	}
	p = &presence{id: id}
	r.relayed[id] = p
	r.node.inbox.connected(p, l.credit)
	return p
}

func (r *guest) part(id PeerID, reason DisconnectReason, l *lane) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.relayed[id]
	delete(r.times, id)
	if p == nil || !r.node.inbox.disconnected(p, Event{Reason: reason}, l.credit) {
		return
	}
	if r.goneIDs.Push(id); r.goneIDs.Len() > maxGone {
		if oldest := r.goneIDs.Pop(); !r.node.inbox.here(r.relayed[oldest]) {
			delete(r.relayed, oldest)
		}
	}
}

// up is called when the link with a host is open. If the host was a relayed peer before, it stays connected. If it is the
// same host as before, back after its link was over, all relayed peers end: it announces again who is there.
func (r *guest) up(l *link) {
	r.mu.Lock()
	back := r.parted == l.peer
	r.mu.Unlock()
	if back {
		r.over()
	}
	r.node.roster.opened(l)
	r.linked(l)
	r.mu.Lock()
	r.parted = 0
	r.mu.Unlock()
	r.node.inbox.connected(l.presence, nil)
	r.opened.wake()
}

// linked gives the link the presence of its peer, if that was relayed before, so that the peer stays connected.
func (r *guest) linked(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.node.inbox.inherits(l, r.relayed[l.peer]) {
		delete(r.relayed, l.peer)
	}
}

// down ends everything that was reached through the host, and then the host. In a room that migrates, the relayed peers
// stay.
func (r *guest) down(l *link, reason DisconnectReason) {
	stay := l.lead.term > 0 && r.node.ctx.Err() == nil && r.node.room.why() == nil
	r.mu.Lock()
	if r.heard = time.Unix(0, l.figures.heard.Load()); stay {
		r.parted = l.peer
	}
	r.mu.Unlock()
	r.node.roster.closed(l)
	if !stay {
		r.over()
	}
	r.node.inbox.disconnected(l.presence, l.parting(reason), nil)
}

// over ends all relayed peers, and forgets them: nothing more comes over the link with the host, and over the next one a
// packet may come before the announcement of its source.
func (r *guest) over() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.relayed {
		r.node.inbox.disconnected(p, Event{Reason: HostGone}, nil)
	}
	clear(r.relayed)
	clear(r.times)
	r.goneIDs = ring.Ring[PeerID]{}
}

// regroup handles a change of the host, when nothing more comes from the old one: it ends the relayed peers that are not in
// the list there, and forgets those that are gone. It returns those of the others that may have missed reliable packets.
func (r *guest) regroup(there []PeerID) (missed []PeerID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	since := int64(math.MinInt64)
	if c := r.node.config; c.LostAfter > 0 && !r.heard.IsZero() {
		since = r.heard.Add(-c.LostAfter - c.SlowAfter).UnixNano() // what is older was passed on, or its target is gone
	}
	for id, p := range r.relayed {
		switch sent := max(p.sent.Swap(0), r.sent.Load()); {
		case !slices.Contains(there, id):
			r.node.inbox.disconnected(p, Event{Reason: HostGone}, nil)
			delete(r.relayed, id)
		case !r.node.inbox.here(p):
			delete(r.relayed, id)
		case sent != 0 && sent > since:
			missed = append(missed, id)
		}
	}
	r.sent.Store(0)
	clear(r.times)
	r.goneIDs = ring.Ring[PeerID]{}
	slices.Sort(missed)
	return missed
}

// end ends one relayed peer. It returns false if that peer is not connected.
func (r *guest) end(id PeerID, reason DisconnectReason) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.relayed[id]
	return p != nil && r.node.inbox.disconnected(p, Event{Reason: reason}, nil)
}

// abandon ends the presence of a next host that could not be linked, if that was a relayed peer before. Of all other
// peers the host says who is gone.
func (r *guest) abandon(id PeerID, reason DisconnectReason) {
	if r.end(id, reason) {
		r.opened.wake() // packets for that peer wait in vain
	}
}

// here returns the relayed peers that are connected.
func (r *guest) here() (ids []PeerID) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for id, p := range r.relayed {
		if r.node.inbox.here(p) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (r *guest) peers() []PeerID { return append(r.node.roster.ids(), r.here()...) }
