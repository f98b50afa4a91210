package rtcpeer

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// This file has the star's relay, in the frames of frames.go. The rules of routing are those of SceneMultiplayer
// (_process_sys and send_command); scene_test.go has them as tables, and room_test.go has the room in memory that the
// tests use. relay passes on what guests send; send is for the packets of the host itself. guest.go has the other end.
//
//	guest 5 ---- 07 03 to 0 "hi" ---> host ---- 07 03 from 5 "hi" ---> guest 7
//	             (one packet)          |                               guest 9 ...
//	                                   +-> its own inbox: packet from 5
//
// A node that has just become the host (migration.go) has peers that are connected, as its program knows them, but to
// which it has no link yet. A reliable packet for such a peer waits until the link is there. A broadcast goes first to
// the linked guests, and then to each of the others. The functions that distinguish the two are unlinked and guests.

// host is the route of a star's host: it has a link with every guest, and relays among them.
type host struct {
	node *Node
	// before has the peers that are not linked yet, if this node was a guest before it became the host; else nil.
	before  *guest
	settled *wakeup // wakes when one of those is linked or gone
	// complete is true when none of those is left; safe for concurrent use.
	complete atomic.Bool
	// mu makes the announcement of a guest and its connection one step, in the same order for all. It guards the fields
	// below. Guests may know a member that this node does not know: the previous host was gone before it told this one.
	mu       sync.Mutex
	expected map[PeerID]bool // members of the room when this node became the host, and not linked since
	gone     []PeerID        // those of them that could not be linked
	// untold has the departures that a guest is not told of yet. tellLater runs for each guest that has an entry.
	untold map[*link][]*departure
}

// newHost returns the route of a host. before is its route as a guest, or nil.
func newHost(n *Node, before *guest, expected map[PeerID]bool) *host {
	return &host{node: n, before: before, settled: newWakeup(), expected: expected, untold: make(map[*link][]*departure)}
}

// A departure is the end of a guest that another one is not told of yet.
type departure struct {
	peer   PeerID
	reason DisconnectReason
	rest   flush     // what the other one has to take before
	until  time.Time // it is told then at the latest
}

func (r *host) send(ctx context.Context, wait bool, p Packet, i int) error {
	p.Peer = r.node.room.lead.Load().resolve(p.Peer)
	if p.Peer == r.node.id {
		return selfError(p.Peer)
	}
	for {
		settled := r.settled.next()
		waiting := r.unlinked(p.Peer)
		switch {
		case len(waiting) == 0:
			return framed(p, nil, func(frame []byte) error { return r.node.roster.send(ctx, wait, p.Peer, i, frame) })
		case p.Peer <= 0:
			return r.broadcast(p, waiting, i)
		}
		if r.node.channels[i] != Reliable {
			r.node.inbox.counters.drop(DropInterrupted)
			return nil
		}
		if err := r.node.await(ctx, wait, settled); err != nil {
			return err
		}
	}
}

// unlinked returns those targets of a packet that are connected and not linked yet.
func (r *host) unlinked(target PeerID) (ids []PeerID) {
	if r.before == nil || r.complete.Load() {
		return nil
	}
	here := r.before.here()
	if len(here) == 0 && r.node.room.lead.Load().hasMoved() {
		r.complete.Store(true)
	}
	for _, id := range here {
		if id == target || target <= 0 && id != -target {
			ids = append(ids, id)
		}
	}
	return ids
}

// broadcast sends a packet of this node to those of its targets that are linked. The others cannot get it yet.
func (r *host) broadcast(p Packet, unlinked []PeerID, i int) error {
	var full []PeerID
	err := framed(p, nil, func(frame []byte) (tooLarge error) {
		full, tooLarge = r.node.roster.broadcast(-p.Peer, unlinked, i, frame)
		return tooLarge
	})
	if r.node.channels[i] != Reliable {
		r.node.inbox.counters.drop(DropInterrupted)
		return err
	}
	return broadcastError(append(full, unlinked...), err)
}

func (r *host) receive(l *lane, data []byte) {
	f, err := decodeFrame(data)
	switch {
	case err != nil || f.kind == frameAddPeer || f.kind == frameDelPeer:
		r.node.inbox.counters.drop(DropMalformed)
	case f.kind == frameRelay:
		r.relay(l, f)
	case f.kind == frameAuth && r.node.config.Auth == nil:
		r.offered(l.link, f)
	case f.kind == frameAuth:
		r.node.authAgain(f)
	default:
		r.node.inbox.deliver(l.link.presence, l, f.command, f.body)
	}
}

// offered answers a guest that authenticates although this host does not ask for it. In Godot such a guest waits until
// its time is over, unless the host happens to send something. The answer lets it in, and a guest that is already in
// ignores it.
func (r *host) offered(l *link, f frame) {
	if len(f.body) > 0 {
		r.node.inbox.counters.drop(DropMalformed)
		return
	}
	_ = l.lanes[0].trySend(appendAuth(nil, nil))
}

// relay passes a guest's packet on, with the guest's id in place of the target. "Everybody" includes the host, which
// cannot be a relay target otherwise: to reach it alone a guest sends to it directly. A guest that names itself gets
// its packet back, as from Godot's host.
func (r *host) relay(from *lane, f frame) {
	source := from.link.peer
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	*buf = append(appendSys((*buf)[:0], sysRelay, source), f.whole...)
	if f.peer > 0 {
		r.forwardTo(from, f, f.peer, *buf)
		return
	}
	var full []*link
	waiting := r.unlinked(f.peer)
	for _, target := range r.guests() {
		if target.peer == source || target.peer == -f.peer || slices.Contains(waiting, target.peer) || !r.allows(from, target.peer, f) {
			continue
		}
		if err := target.lanes[from.index].trySend(*buf); err == ErrBufferFull {
			full = append(full, target)
		} else {
			r.noteTooLarge(err)
		}
	}
	if f.peer != -Server && f.peer != -r.node.id {
		r.node.inbox.deliver(from.link.presence, from, f.command, f.body)
	}
	for _, target := range full { // those who have room do not wait for those who have none
		r.forward(from, target, *buf)
	}
	for _, id := range waiting { // not the source, which has a link
		r.forwardTo(from, f, id, *buf)
	}
}

// forwardTo passes a packet on to one target, if it may. If the target has to be linked first, a reliable packet waits
// for that.
func (r *host) forwardTo(from *lane, f frame, id PeerID, frame []byte) {
	for settled := r.settled.next(); from.mode == Reliable && len(r.unlinked(id)) > 0; settled = r.settled.next() {
		select {
		case <-settled:
		case <-from.link.halt:
			return
		}
	}
	target, err := r.node.roster.to(id)
	switch {
	case err != nil && !r.node.config.NoRelay:
		r.node.inbox.counters.drop(DropNoTarget)
	case r.allows(from, id, f):
		r.forward(from, target, frame)
	}
}

// guests returns the linked guests among which this host relays: all of them, or none with Config.NoRelay.
func (r *host) guests() []*link {
	if r.node.config.NoRelay {
		return nil
	}
	return r.node.roster.open.Load().all
}

// allows reports whether the program lets a packet be relayed to a guest, and counts it if not.
func (r *host) allows(from *lane, to PeerID, f frame) bool {
	c, source := &r.node.config, from.link.peer
	if !c.NoRelay && (c.Relay == nil || c.Relay(source, to, Packet{Peer: source, Channel: from.channel, Mode: from.mode, Data: f.body, Command: f.command})) {
		return true
	}
	r.node.inbox.counters.drop(DropNotRelayed)
	return false
}

// forward sends on the same channel and mode. In the reliable mode it waits for the target's lane, which holds up only
// the source's lane. A target that takes nothing is disconnected, because a reliable packet cannot be skipped. If its
// link is interrupted, it may come back.
func (r *host) forward(from *lane, target *link, frame []byte) {
	to := target.lanes[from.index]
	err := to.sendUntil(from.link.halt, r.node.config.SlowAfter, frame)
	if err == ErrBufferFull {
		interrupted := target.interrupted.Load()
		r.node.log.Warn("guest disconnected: it reads no packets", "peer", target.peer, "after", r.node.config.SlowAfter, "interrupted", interrupted)
		if interrupted {
			target.end(Lost)
		} else {
			target.end(Slow)
		}
		return
	}
	r.noteTooLarge(err)
}

// noteTooLarge counts a packet that its target does not accept. The source cannot be told.
func (r *host) noteTooLarge(err error) {
	if errors.Is(err, ErrPacketTooLarge) {
		r.node.inbox.counters.drop(DropTooLarge)
		r.node.log.Warn("packet not relayed", "err", err)
	}
}

// up tells a newcomer about the others before anything is relayed to it, because a game drops packets of a peer that it
// has not heard of. The others hear of the newcomer when it can be reached: they may answer at once.
func (r *host) up(l *link) {
	r.mu.Lock()
	others := r.guests()
	for _, other := range others {
		announce(l, sysAddPeer, other.peer)
	}
	delete(r.expected, l.peer)
	r.gone = slices.DeleteFunc(r.gone, func(id PeerID) bool { return id == l.peer })
	for _, id := range r.gone {
		announceGone(l, id, Lost)
	}
	r.node.roster.opened(l)
	if r.before != nil {
		r.before.linked(l)
	}
	for _, other := range others {
		r.tellAtOnce(other, l.peer)
		announce(other, sysAddPeer, l.peer)
	}
	r.mu.Unlock()
	r.node.inbox.connected(l.presence, nil)
	r.settled.wake()
}

// abandon ends a peer that was or may have been connected through the previous host, and tells the others.
func (r *host) abandon(id PeerID, reason DisconnectReason) {
	if r.before == nil {
		return
	}
	r.before.end(id, reason)
	r.mu.Lock()
	if !r.expected[id] {
		r.mu.Unlock()
		return
	}
	delete(r.expected, id)
	r.gone = append(r.gone, id)
	for _, other := range r.node.roster.open.Load().all {
		announceGone(other, id, reason)
	}
	r.mu.Unlock()
	r.settled.wake()
}

func (r *host) over() {
	if r.before != nil {
		r.before.over()
	}
}

func (r *host) down(l *link, reason DisconnectReason) {
	r.mu.Lock()
	r.node.roster.closed(l)
	for _, other := range r.guests() {
		if r.node.ctx.Err() == nil { // else the host is going, and every link with it
			r.part(other, l.peer, reason)
		}
	}
	r.mu.Unlock()
	r.node.inbox.disconnected(l.presence, l.parting(reason), nil)
}

// part tells a guest that another one is gone, when it has taken what was passed on before: what comes on another lane
// after the announcement is dropped. It waits at most Config.SlowAfter. A game does not say what it has taken. mu is held.
func (r *host) part(to *link, peer PeerID, reason DisconnectReason) {
	d := &departure{peer: peer, reason: reason, until: time.Now().Add(r.node.config.SlowAfter)}
	if to.id != "" {
		d.rest = newFlush([]*link{to})[1:] // lane 0 brings the announcement itself
	}
	untold, running := r.untold[to]
	rest := r.tell(to, append(untold, d))
	if running || len(rest) > 0 {
		r.untold[to] = rest
	}
	if !running && len(rest) > 0 {
		to.goroutines.Go(func() { r.tellLater(to) })
	}
}

// tellLater tells a guest of the departures that wait, until none is left.
func (r *host) tellLater(to *link) {
	ticker := time.NewTicker(flushEach)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-to.over:
		case <-r.node.ctx.Done():
		}
		r.mu.Lock()
		r.untold[to] = r.tell(to, r.untold[to])
		if len(r.untold[to]) == 0 {
			delete(r.untold, to)
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
	}
}

// tell announces those of a guest's departures that are due, in their order: the guest takes first what was sent first. It
// returns the others; mu is held.
func (r *host) tell(to *link, untold []*departure) []*departure {
	over := to.why() != 0 || r.node.ctx.Err() != nil
	for len(untold) > 0 {
		d := untold[0]
		d.rest = d.rest.next(&UndeliveredError{Bytes: make(map[PeerID]int)})
		if len(d.rest) > 0 && !over && time.Now().Before(d.until) {
			break
		}
		announceGone(to, d.peer, d.reason)
		untold = untold[1:]
	}
	return untold
}

// tellAtOnce announces the departure of a peer that is back, if that waits; mu is held.
func (r *host) tellAtOnce(to *link, peer PeerID) {
	if untold, waits := r.untold[to]; waits {
		r.untold[to] = slices.DeleteFunc(untold, func(d *departure) bool {
			if d.peer == peer {
				announceGone(to, peer, d.reason)
			}
			return d.peer == peer
		})
	}
}

// announce tells a guest about another one. Announcements are few and small, so the lane's room does not bound them; a
// guest that is gone needs none.
func announce(to *link, sub byte, peer PeerID) {
	_ = to.lanes[0].write(appendSys(make([]byte, 0, sysSize), sub, peer))
}

// announceGone tells a guest that another one is gone. It adds the reason unless the guest is a game, which gets
// Godot's bytes.
func announceGone(to *link, peer PeerID, reason DisconnectReason) {
	frame := appendSys(make([]byte, 0, sysSize+1), sysDelPeer, peer)
	if to.id != "" {
		frame = append(frame, byeOf(reason))
	}
	_ = to.lanes[0].write(frame)
}

func (r *host) peers() []PeerID {
	ids := r.node.roster.ids()
	if r.before != nil {
		ids = append(ids, r.before.here()...)
	}
	return ids
}

// framed calls send with a packet's frame, in a buffer that is reused. If target is not nil, the frame asks the host to
// relay the packet to it.
func framed(p Packet, target *PeerID, send func(frame []byte) error) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	*buf = (*buf)[:0]
	if target != nil {
		*buf = appendSys(*buf, sysRelay, *target)
	}
	*buf = appendInner(*buf, p)
	return send(*buf)
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}
