package rtcpeer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"example.org/rtcpeer/signaling"
)

// A roster knows who is in the room, and the state of this node's link with each. Nothing else stores that.
type roster struct {
	open atomic.Pointer[linkSet] // the open links, for senders: reading takes no lock

	running sync.WaitGroup // every peer.run

	mu        sync.Mutex // guards the fields below, and those of peers
	peers     map[PeerID]*peer
	total     Totals           // of links that are over
	unflushed UndeliveredError // packets of links that ended with the node
	shut      bool             // no link starts any more
}

// linkSet is one state of the open links; it never changes.
type linkSet struct {
	all  []*link // in the order in which they opened
	byID map[PeerID]*link
}

func newRoster() *roster {
	r := &roster{peers: make(map[PeerID]*peer), unflushed: UndeliveredError{Bytes: make(map[PeerID]int), Err: ErrClosed}}
	r.open.Store(&linkSet{})
	return r
}

// joined notes a member, and reports whether to connect to it. If the member has a link already, joined tells that link
// that the member is there again; if the member's program was restarted, it ends the link.
func (r *roster) joined(n *Node, m signaling.Member) (connect bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[m.ID]
	if p == nil {
		p = newPeer(n)
		r.peers[m.ID] = p
	}
	news, lost, gone := !p.present, p.lost, p.gone
	restarted := gone || p.member.Incarnation != "" && m.Incarnation != "" && m.Incarnation != p.member.Incarnation
	p.member, p.present, p.gone = m, true, false
	p.refused = p.refused && !news && !restarted
	if restarted || news && (p.link == nil || p.link.why() != 0) {
		p.joins++
	}
	if p.running {
		switch {
		case restarted && p.link != nil && gone:
			p.link.end(ByPeer)
		case restarted && p.link != nil:
			p.link.end(Lost)
		}
		notify(p.changed)
		return false
	}
	p.ended = p.ended && !news && !restarted
	// Without repairs a link that was lost is not made again, with one exception: if this end was away for so long that
	// its links were lost, the others took it for gone and wait for its offers.
	return news || restarted || lost && offers(n.id, m.ID)
}

// describe notes the metadata of a member. If they are new, it returns the member's link, or nil if it has none.
func (r *roster) describe(id PeerID, metadata json.RawMessage) *link {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[id]
	if p == nil || bytes.Equal(p.member.Metadata, metadata) {
		return nil
	}
	p.member.Metadata = metadata
	return p.link
}

// turnsAway notes that a member is turned away. It returns false if that was noted since the member joined.
func (r *roster) turnsAway(id PeerID) (first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[id]
	if p == nil || p.refused {
		return false
	}
	p.refused = true
	return true
}

// left notes that a member is gone. gone says whether its program is gone, too, or may only have lost the server. It
// returns the link that the member still has, or nil, and its state.
func (r *roster) left(id PeerID, gone bool) (*link, standing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[id]
	if p == nil {
		return nil, standingOver
	}
	p.present, p.lost, p.gone = false, false, gone
	if !p.running {
		delete(r.peers, id)
	}
	notify(p.changed)
	return p.link, p.standing
}

// admits reports whether an offer of a member, or its request for one, is to be dealt with. Each costs a path, so they
// are limited; other signals are not.
func (r *roster) admits(id PeerID, s *signaling.SignalData) bool {
	if s.Type != signaling.Offer && s.Type != signaling.Repair {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[id]
	return p == nil || p.offers.Allow()
}

// gone reports whether a peer has left the room by itself, or was taken out of it.
func (r *roster) gone(p *peer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return p.gone
}

// take hands a signal to a peer's links, and reports whether there is a link, or will be. If there are more signals
// than fit, the link ends. Candidates are dropped instead, because a peer with many addresses has many of them.
func (r *roster) take(id PeerID, s *signaling.SignalData) (taken, flood bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[id]
	if p == nil || !p.running {
		return false, false
	}
	if s.Type == signaling.Candidate && len(p.signals) >= signalBacklog/2 {
		return true, false
	}
	select {
	case p.signals <- s:
		return true, false
	default:
	}
	if p.link != nil {
		p.link.end(Misbehaved)
	}
	return true, true
}

// awake tells every peer without an open link that a try is worthwhile now.
func (r *roster) awake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.peers {
		if p.standing < standingUp {
			notify(p.changed)
		}
	}
}

// changed tells every peer that something has changed at this end.
func (r *roster) changed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.peers {
		notify(p.changed)
	}
}

// member returns a member of the room.
func (r *roster) member(id PeerID) (signaling.Member, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.peers[id]; p != nil && p.present {
		return p.member, true
	}
	return signaling.Member{}, false
}

// members returns the ids of the members, in ascending order.
func (r *roster) members() []PeerID {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []PeerID
	for id, p := range r.peers {
		if p.present {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// isOpen reports whether the lanes of a link are open. From then on it needs no signals.
func (r *roster) isOpen(l *link) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return l.entry.link == l && l.entry.standing >= standingAuthenticating
}

// links returns every link, whatever its state.
func (r *roster) links() []*link {
	r.mu.Lock()
	defer r.mu.Unlock()
	var links []*link
	for _, p := range r.peers {
		if p.link != nil {
			links = append(links, p.link)
		}
	}
	return links
}

// full reports whether this node has links with as many other peers as limit allows. A link that is still being made or
// authenticated counts, so that nobody waits for a place that is then taken. So does one that is being made again.
func (r *roster) full(limit int, newcomer PeerID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	linked := 0
	for id, p := range r.peers {
		if p.running && id == newcomer {
			return false
		}
		if p.running && !p.parting {
			linked++
		}
	}
	return limit > 0 && linked >= limit
}

// linking reports whether there is a link with a peer, or one is being made.
func (r *roster) linking(id PeerID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[id]
	return p != nil && p.running && !p.parting
}

// start runs the first link with a member, unless there is one already, or no link may start any more.
func (r *roster) start(id PeerID, first *signaling.SignalData) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[id]
	if p == nil || p.running || r.shut {
		return
	}
	p.running = true
	l := r.make(p, first)
	r.running.Go(func() { p.run(l) })
}

// make makes a link with a member; mu is held.
func (r *roster) make(p *peer, first *signaling.SignalData) *link {
	l := newLink(p, first)
	p.link, p.standing, p.lost, p.ended, p.parting = l, standingMaking, false, false, false
	p.links++
	return l
}

// again makes the link that follows l, unless its peer is no member any more, or no new link may start.
func (r *roster) again(l *link, first *signaling.SignalData) (*link, remainder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := l.entry; !r.shut && p.present && (!p.node.refuse.Load() || p.node.isGuest()) {
		return r.make(p, first), remainder{}
	}
	return nil, r.halt(l)
}

// stop notes that no link with the peer of l follows until the peer joins anew. It returns what is left to do.
func (r *roster) stop(l *link) remainder {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.entry.ended, l.entry.bye = l.id != "", l.said()
	return r.halt(l)
}

// halt notes that the peer's run ends, and returns what is left to do; mu is held.
func (r *roster) halt(l *link) remainder {
	p := l.entry
	p.running = false
	if !p.present {
		delete(r.peers, p.member.ID)
	}
	rest := remainder{member: p.member, joined: p.present && p.joins != l.joins}
	for len(p.signals) > 0 {
		rest.signals = append(rest.signals, <-p.signals)
	}
	return rest
}

// joinedAnew reports whether the peer of a link has joined anew since the link began.
func (r *roster) joinedAnew(l *link) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return l.entry.present && l.entry.joins != l.joins
}

// hasEnded reports whether the link with a member that takes part in repairs has ended for good. It returns, too, what
// the program here has said to the other end, or nil.
func (r *roster) hasEnded(id PeerID) (bool, *signaling.Bye) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.peers[id]; p != nil && p.ended {
		return true, p.bye
	}
	return false, nil
}

// shutDown stops links from starting, and returns those that there are.
func (r *roster) shutDown() []*link {
	r.mu.Lock()
	r.shut = true
	r.mu.Unlock()
	return r.links()
}

// stands notes the state of a link.
func (r *roster) stands(l *link, s standing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.entry.standing = s
}

// over forgets a link that has ended. With again, another one follows. It reports whether there is no link left.
func (r *roster) over(l *link, again bool) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := l.entry
	if p.standing >= standingUp {
		r.total.add(l)
		p.lost = p.present && l.why() == Lost && !l.isWanted()
	}
	if r.shut && l.unflushed != nil {
		r.unflushed.Bytes[l.peer] += l.unflushed.Bytes[l.peer]
	}
	p.link, p.standing, p.parting = nil, standingOver, !again
	p.attempt = max(p.attempt, l.state.attempt)
	for _, p := range r.peers {
		if p.link != nil {
			return false
		}
	}
	return true
}

// undelivered returns an *UndeliveredError of all links that have ended with the node, or nil.
func (r *roster) undelivered() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unflushed.orNil()
}

// totals returns the figures of all links that ever were connected.
func (r *roster) totals() Totals {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.total
	t.Lanes = slices.Clone(t.Lanes)
	for _, p := range r.peers {
		if p.standing >= standingUp {
			t.add(p.link)
		}
	}
	return t
}

// opened adds a link to those that packets are sent over.
func (r *roster) opened(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.setOpen(append(slices.Clone(r.open.Load().all), l))
}

// closed removes a link from those that packets are sent over.
func (r *roster) closed(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.setOpen(slices.DeleteFunc(slices.Clone(r.open.Load().all), func(other *link) bool { return other == l }))
}

func (r *roster) setOpen(all []*link) {
	set := &linkSet{all: all, byID: make(map[PeerID]*link, len(all))}
	for _, l := range all {
		set.byID[l.peer] = l
	}
	r.open.Store(set)
}

// to returns the open link with a peer.
func (r *roster) to(id PeerID) (*link, error) {
	if l := r.open.Load().byID[id]; l != nil {
		return l, nil
	}
	return nil, r.unknown(id)
}

// unknown returns the error for a peer to which there is no open link. It says why there is none.
func (r *roster) unknown(id PeerID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch p := r.peers[id]; {
	case p == nil || !p.present:
		return fmt.Errorf("%w: %d is not in the room", ErrUnknownPeer, id)
	case p.lost:
		return fmt.Errorf("%w: the link with %d was lost, and there is no other yet", ErrUnknownPeer, id)
	}
	return fmt.Errorf("%w: %d is in the room, but not connected yet", ErrUnknownPeer, id)
}

// ids returns the peers of the open links.
func (r *roster) ids() []PeerID { return slices.Collect(maps.Keys(r.open.Load().byID)) }

// send sends to one peer, or to everybody but one, as Peer.Send says.
func (r *roster) send(ctx context.Context, wait bool, to PeerID, i int, data []byte) error {
	if to <= 0 {
		return broadcastError(r.broadcast(-to, nil, i, data))
	}
	l, err := r.to(to)
	if err != nil {
		return err
	}
	return l.lanes[i].put(ctx, wait, data)
}

// broadcast sends to all peers except one (0: to all) and except others, without waiting. It returns the peers for which
// there was no room, and the error of a packet that is too large for a peer.
func (r *roster) broadcast(except PeerID, others []PeerID, i int, data []byte) (full []PeerID, tooLarge error) {
	for _, l := range r.open.Load().all {
		if l.peer == except || slices.Contains(others, l.peer) {
			continue
		}
		switch err := l.lanes[i].trySend(data); {
		case err == ErrBufferFull:
			full = append(full, l.peer)
		case errors.Is(err, ErrPacketTooLarge):
			tooLarge = err
		} // any other error: the peer has just disconnected, and a broadcast is for those who are there
	}
	return full, tooLarge
}

// broadcastError returns the error of a broadcast, given the peers for which there was no room and the error of a packet
// that is too large for a peer.
func broadcastError(full []PeerID, tooLarge error) error {
	if len(full) == 0 {
		return tooLarge
	}
	slices.Sort(full)
	return errors.Join(&BroadcastError{Peers: full}, tooLarge)
}
