package rtcpeer

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// The star's relay, in the frames of frames.go. The rules of routing are those of
// SceneMultiplayer (_process_sys and send_command).
//
//	guest 5 ---- 07 03 to 0 "hi" ---> host ---- 07 03 from 5 "hi" ---> guest 7
//	             (one packet)          |                               guest 9 ...
//	                                   +-> its own inbox: packet from 5

// host is the route of a star's host: it has a link with every guest, and relays among them.
type host struct {
	node *Node
	// mu makes the announcing of a guest and its being there one act, in the same order for all.
	mu sync.Mutex
}

func (r *host) send(ctx context.Context, p Packet, i int) error {
	return framed(p, nil, func(frame []byte) error { return r.node.roster.send(ctx, p.Peer, i, frame) })
}

func (r *host) receive(l *lane, data []byte) {
	f, err := decodeFrame(data)
	switch {
	case err != nil || f.kind == frameAddPeer || f.kind == frameDelPeer:
		r.node.inbox.counters.drop(dropMalformed)
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

// offered answers a guest that authenticates although nobody asks here. In Godot such a guest waits
// until its time is over, unless the host happens to send something; the answer is what lets it in, and
// a guest that is in already ignores it.
func (r *host) offered(l *link, f frame) {
	if len(f.body) > 0 {
		r.node.inbox.counters.drop(dropMalformed)
		return
	}
	_ = l.lanes[0].trySend(appendAuth(nil, nil))
}

// relay passes a guest's packet on, with the guest's id in place of the target. The host is one of
// "everybody", and the target of nothing but that: to reach it alone a guest sends to it. A guest that
// names itself gets its packet back, as from Godot's host.
func (r *host) relay(from *lane, f frame) {
	source := from.link.peer
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	*buf = append(appendSys((*buf)[:0], sysRelay, source), f.whole...)
	if f.peer > 0 {
		target, err := r.node.roster.to(f.peer)
		switch {
		case err != nil && !r.node.config.NoRelay:
			r.node.inbox.counters.drop(dropNoTarget)
		case r.allows(from, f.peer, f):
			r.forward(from, target, *buf)
		}
		return
	}
	var full []*link
	for _, target := range r.guests() {
		if target.peer == source || target.peer == -f.peer || !r.allows(from, target.peer, f) {
			continue
		}
		if err := target.lanes[from.index].trySend(*buf); err == ErrBufferFull {
			full = append(full, target)
		} else {
			r.noteTooLarge(err)
		}
	}
	if f.peer != -Server {
		r.node.inbox.deliver(from.link.presence, from, f.command, f.body)
	}
	for _, target := range full { // who has room does not wait for who has none
		r.forward(from, target, *buf)
	}
}

// guests are those that hear of each other.
func (r *host) guests() []*link {
	if r.node.config.NoRelay {
		return nil
	}
	return r.node.roster.open.Load().all
}

// allows reports whether a packet is relayed to a guest, as the program has it.
func (r *host) allows(from *lane, to PeerID, f frame) bool {
	c, source := &r.node.config, from.link.peer
	if !c.NoRelay && (c.Relay == nil || c.Relay(source, to, Packet{Peer: source, Channel: from.channel, Mode: from.mode, Data: f.body, Command: f.command})) {
		return true
	}
	r.node.inbox.counters.drop(dropNotRelayed)
	return false
}

// forward sends on the same channel and mode. In the reliable mode it waits for the target's lane,
// which holds up the source's lane alone; a target that takes nothing is disconnected, since a
// reliable packet cannot be skipped. One whose link is interrupted may come back.
func (r *host) forward(from *lane, target *link, frame []byte) {
	to := target.lanes[from.index]
	if err := to.trySend(frame); err != ErrBufferFull {
		r.noteTooLarge(err)
		return
	}
	if to.sendOrStall(frame, r.node.config.SlowAfter, from.link.halt) == ErrBufferFull {
		interrupted := target.interrupted.Load()
		r.node.log.Warn("guest takes nothing: disconnected", "peer", target.peer, "after", r.node.config.SlowAfter, "interrupted", interrupted)
		if interrupted {
			target.end(Lost)
		} else {
			target.end(Slow)
		}
	}
}

// noteTooLarge counts a packet that its target does not accept. The source cannot be told.
func (r *host) noteTooLarge(err error) {
	if errors.Is(err, ErrPacketTooLarge) {
		r.node.inbox.counters.drop(dropTooLarge)
		r.node.log.Warn("packet not relayed", "err", err)
	}
}

func (r *host) up(l *link) {
	r.mu.Lock()
	for _, other := range r.guests() {
		announce(l, sysAddPeer, other.peer)
		announce(other, sysAddPeer, l.peer)
	}
	r.node.roster.opened(l)
	r.mu.Unlock()
	r.node.inbox.connected(l.presence, nil)
}

func (r *host) down(l *link, reason DisconnectReason) {
	r.mu.Lock()
	r.node.roster.closed(l)
	for _, other := range r.guests() {
		if r.node.ctx.Err() == nil { // else it is the host that goes, and every link with it
			announceGone(other, l.peer, reason)
		}
	}
	r.mu.Unlock()
	r.node.inbox.disconnected(l.presence, reason, l.detail(), nil)
}

// announce tells a guest of another one. Announcements are few and small, so they are not bounded by
// the lane's room; a guest that is gone needs none.
func announce(to *link, sub byte, peer PeerID) {
	_ = to.lanes[0].write(appendSys(make([]byte, 0, sysSize), sub, peer))
}

// announceGone tells a guest that another one is gone, and why if it is no game: games get Godot's bytes.
func announceGone(to *link, peer PeerID, reason DisconnectReason) {
	frame := appendSys(make([]byte, 0, sysSize+1), sysDelPeer, peer)
	if to.id != "" {
		frame = append(frame, byeOf(reason))
	}
	_ = to.lanes[0].write(frame)
}

func (r *host) peers() []PeerID { return r.node.roster.ids() }

// guest is the route of all others in a star: one link, with the host, through which it reaches the
// rest.
type guest struct {
	node *Node

	mu      sync.RWMutex // guards the fields below
	relayed map[PeerID]*presence
	times   map[PeerID]peerTime // of these, as the host has measured them
	goneIDs ring[PeerID]        // of relayed peers, the last few; they are also in relayed, as gone
}

// maxRelayed is how many peers a guest knows of, those that are gone included.
const maxRelayed = 1 << 15

// maxGone is how many peers that are gone a guest remembers, so that a packet which another channel
// delivers late does not bring one back.
const maxGone = 1024

func (r *guest) send(ctx context.Context, p Packet, i int) error {
	l, err := r.node.roster.to(r.node.room.host)
	switch {
	case err != nil && p.Peer > 0:
		return fmt.Errorf("%w: %d", ErrUnknownPeer, p.Peer)
	case err != nil:
		return nil // a broadcast to nobody yet
	case p.Peer == r.node.room.host:
		return framed(p, nil, func(frame []byte) error { return l.lanes[i].put(ctx, frame) })
	case p.Peer > 0 && !r.has(p.Peer):
		return fmt.Errorf("%w: %d", ErrUnknownPeer, p.Peer)
	}
	return framed(p, &p.Peer, func(frame []byte) error { return l.lanes[i].put(ctx, frame) })
}

func (r *guest) receive(l *lane, data []byte) {
	f, err := decodeFrame(data)
	if err != nil {
		r.node.inbox.counters.drop(dropMalformed)
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
	if !f.peer.Valid() || f.peer == r.node.id || f.peer == r.node.room.host {
		r.node.inbox.counters.drop(dropMalformed)
		return
	}
	// The announcement and the packet may come on different channels, in either order: the packet itself says as well
	// that its source is there. Whichever it is may wait: a host that announces without end is held up by its lane.
	if f.kind != frameRelay || !r.knows(f.peer) {
		if !r.node.inbox.affords(l.credit, l.mode, l.link.halt) {
			r.node.inbox.counters.drop(dropNoCredit)
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

// knows reports whether a relayed peer is there, or was.
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

// meet returns the presence of a relayed peer, and shows it to the program the first time. One that
// is gone stays so until it is announced again. It returns nil if the host has announced more than there can be.
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
		r.node.log.Warn("the host announces too many guests", "most", maxRelayed)
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
	if p == nil || !r.node.inbox.disconnected(p, reason, nil, l.credit) {
		return
	}
	if r.goneIDs.push(id); r.goneIDs.len() > maxGone {
		if oldest := r.goneIDs.pop(); !r.node.inbox.here(r.relayed[oldest]) {
			delete(r.relayed, oldest)
		}
	}
}

func (r *guest) up(l *link) {
	r.node.roster.opened(l)
	r.node.inbox.connected(l.presence, nil)
}

// down ends all that was reached through the host, and then the host.
func (r *guest) down(l *link, reason DisconnectReason) {
	r.node.roster.closed(l)
	r.mu.Lock()
	for _, p := range r.relayed {
		r.node.inbox.disconnected(p, HostGone, nil, nil)
	}
	r.mu.Unlock()
	r.node.inbox.disconnected(l.presence, reason, l.detail(), nil)
}

func (r *guest) peers() []PeerID {
	ids := r.node.roster.ids()
	r.mu.RLock()
	defer r.mu.RUnlock()
	for id, p := range r.relayed {
		if r.node.inbox.here(p) {
			ids = append(ids, id)
		}
	}
	return ids
}

// framed calls send with a packet's frame, in a buffer that is reused: for the target behind the
// host, if there is one.
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
