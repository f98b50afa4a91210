package rtcpeer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"example.org/rtcpeer/signaling"
)

// A roster is who is in the room, and where this node stands with each: the one home of that.
type roster struct {
	open atomic.Pointer[linkSet] // the open links, for those who send: reading takes no lock

	running sync.WaitGroup // every link.run

	mu    sync.Mutex // guards the fields below, and those of peers
	peers map[PeerID]*peer
	total Totals // of links that are over
	shut  bool   // no link starts any more
}

// A peer is one entry of the roster: a member of the room, or one that has left it and still has its
// link. Guarded by the roster.
type peer struct {
	member   signaling.Member
	present  bool // it is a member
	standing standing
	link     *link // nil if the standing is over
	lost     bool  // its last link was Lost
}

// A standing says where a node stands with a peer.
type standing uint8

const (
	standingOver           standing = iota // no link
	standingMaking                         // its lanes are being opened
	standingAuthenticating                 // they are, and Config.Auth decides
	standingUp                             // connected
)

// linkSet is one state of the open links; it never changes.
type linkSet struct {
	all  []*link // in the order in which they opened
	byID map[PeerID]*link
}

func newRoster() *roster {
	r := &roster{peers: make(map[PeerID]*peer)}
	r.open.Store(&linkSet{})
	return r
}

// joined notes a member. It is news if it was none before, and lost if its last link was.
func (r *roster) joined(m signaling.Member) (news, lost bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[m.ID]
	if p == nil {
		p = &peer{}
		r.peers[m.ID] = p
	}
	news = !p.present
	p.member, p.present = m, true
	return news, p.lost
}

// left notes that a member is gone. It returns the link that it still has, or nil, and whether that
// link is up.
func (r *roster) left(id PeerID) (l *link, up bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[id]
	if p == nil {
		return nil, false
	}
	p.present, p.lost = false, false
	if p.link == nil {
		delete(r.peers, id)
	}
	return p.link, p.standing == standingUp
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

// link returns the link with a peer, whatever it stands at, or nil.
func (r *roster) link(id PeerID) *link {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.peers[id]; p != nil {
		return p.link
	}
	return nil
}

// links returns every link, whatever it stands at.
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

// full reports whether there is a link with as many others as there may be. One that is still being
// made or authenticated counts, so that nobody has to wait for a place that is then not there.
func (r *roster) full(limit int, newcomer PeerID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	linked := 0
	for id, p := range r.peers {
		if p.link != nil && id == newcomer {
			return false
		}
		if p.link != nil {
			linked++
		}
	}
	return limit > 0 && linked >= limit
}

// start runs a link with a member, unless that has one, or no link starts any more.
func (r *roster) start(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.peers[l.peer]; p != nil && p.link == nil {
		r.run(p, l)
	}
}

// run runs a link; mu is held, so that no link starts after shutDown.
func (r *roster) run(p *peer, l *link) {
	if r.shut {
		return
	}
	p.link, p.standing, p.lost = l, standingMaking, false
	r.running.Go(l.run)
}

// shutDown has no link start any more, and returns those that there are.
func (r *roster) shutDown() []*link {
	r.mu.Lock()
	r.shut = true
	r.mu.Unlock()
	return r.links()
}

// stands notes where this node stands with the peer of a link.
func (r *roster) stands(l *link, s standing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.peers[l.peer]; p != nil && p.link == l {
		p.standing = s
	}
}

// over forgets a link that has ended, and runs its successor, if it has one and may have one. It
// returns whether there is no link left.
func (r *roster) over(l *link, mayFollow bool) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[l.peer]
	wasUp := p.standing == standingUp
	p.link, p.standing = nil, standingOver
	if wasUp {
		r.total.add(l)
		p.lost = p.present && l.why() == Lost
	}
	switch {
	case l.next != nil && p.present && mayFollow:
		r.run(p, l.successor())
	case !p.present:
		delete(r.peers, l.peer)
	}
	for _, p := range r.peers {
		if p.link != nil {
			return false
		}
	}
	return true
}

// totals returns the figures of all links that ever were connected.
func (r *roster) totals() Totals {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.total
	for _, p := range r.peers {
		if p.standing == standingUp {
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
	return nil, fmt.Errorf("%w: %d", ErrUnknownPeer, id)
}

// ids returns the peers of the open links.
func (r *roster) ids() []PeerID { return slices.Collect(maps.Keys(r.open.Load().byID)) }

// send sends to one peer, or to everybody but one, as Peer.Send says.
func (r *roster) send(ctx context.Context, to PeerID, i int, data []byte) error {
	if to <= 0 {
		return r.broadcast(-to, i, data)
	}
	l, err := r.to(to)
	if err != nil {
		return err
	}
	return l.lanes[i].put(ctx, data)
}

// broadcast sends to everybody but one (0: to everybody), without waiting.
func (r *roster) broadcast(except PeerID, i int, data []byte) error {
	var full []PeerID
	var tooLarge error
	for _, l := range r.open.Load().all {
		if l.peer == except {
			continue
		}
		switch err := l.lanes[i].trySend(data); {
		case err == ErrBufferFull:
			full = append(full, l.peer)
		case errors.Is(err, ErrPacketTooLarge):
			tooLarge = err
		} // any other: it has just disconnected, and a broadcast is for those who are there
	}
	if full != nil {
		return errors.Join(&BroadcastError{Peers: full}, tooLarge)
	}
	return tooLarge
}
