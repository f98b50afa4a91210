package rtcpeer

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"example.org/rtcpeer/rtcpeer/internal/ring"
)

// inbox holds the events that wait for Receive, in one order.
//
// Its bound is the credit: how many bytes of one lane of one link may wait here. A packet over it is dropped in the
// unreliable modes ("no_credit"); in the reliable mode it makes the lane's read loop wait. A host's announcements of its
// other guests come over a lane as well, and count against its credit in the same way. While too many other events wait,
// no new links are made: see backlogged.
type inbox struct {
	limit int           // bytes a credit allows
	ready chan struct{} // holds a token while there is something to receive, or the end
	quit  chan struct{} // closed by close

	counters counters // safe for concurrent use

	mu      sync.Mutex // guards everything below, and the fields of presences and credits
	queue   ring.Ring[entry]
	queues  []*Queue // get packets instead of queue: first the Queues of peers, then those of channels
	control int      // entries without a credit
	ended   error    // nothing is pushed any more; what is there can still be received
	closed  bool     // nothing is received any more
}

type entry struct {
	Event
	size   int
	credit *credit
}

// presence is a peer as the inbox has shown it to the program. Guarded by the inbox.
type presence struct {
	id          PeerID       // fixed
	sent        atomic.Int64 // when a reliable packet was last sent to it through the host, in Unix nanoseconds; safe for concurrent use
	state       presenceState
	interrupted bool    // and the program was told
	held        []*held // its packets that wait for credit
}

// held is a packet that a read loop has taken, and that waits for credit.
type held struct {
	packet Packet
	credit *credit
	data   []byte // to be copied
	pushed bool
}

type presenceState uint8

const (
	presenceNew  presenceState = iota // no event yet
	presenceHere                      // connected was pushed
	presenceGone                      // disconnected was pushed; nothing follows
)

// credit counts the bytes of one lane that wait in the inbox. One goroutine, the lane's read loop,
// waits on free.
type credit struct {
	used int           // guarded by the inbox
	free chan struct{} // gets a token when used falls
}

func newCredit() *credit { return &credit{free: make(chan struct{}, 1)} }

// eventCost is what an event takes besides its bytes, so that tiny packets are bounded as well.
const eventCost = 128

// maxControl is how many events without a credit, such as connected, disconnected and failed, may wait before no new
// links are made. So the memory of a program that never receives does not grow without bound as others come and go.
const maxControl = 4096

func newInbox(limit int) *inbox {
	return &inbox{limit: limit, ready: make(chan struct{}, 1), quit: make(chan struct{})}
}

// receive waits for the next event. After close it returns ErrClosed. After end, when the last event has been received,
// it returns the reason of the end.
func (in *inbox) receive(ctx context.Context) (Event, error) {
	for {
		ev, err := in.tryReceive()
		if err != ErrNoEvent {
			return ev, err
		}
		select {
		case <-in.ready:
		case <-ctx.Done():
			return Event{}, context.Cause(ctx)
		}
	}
}

func (in *inbox) tryReceive() (Event, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.closed:
		in.wake() // there may be more than one receiver
		return Event{}, ErrClosed
	case in.queue.Len() == 0 && in.ended != nil:
		in.wake()
		return Event{}, in.ended
	case in.queue.Len() == 0:
		return Event{}, ErrNoEvent
	}
	e := in.taken(in.queue.Pop())
	if in.queue.Len() > 0 || in.ended != nil {
		in.wake()
	}
	return e.Event, nil
}

// taken gives back the share of the bounds that an entry used, and returns the entry; mu is held.
func (in *inbox) taken(e entry) entry {
	if e.credit != nil {
		e.credit.used -= e.size
		notify(e.credit.free)
	} else {
		in.control--
	}
	return e
}

// connected shows p to the program. It returns false if p has been shown before, or if the inbox has ended. If c is not
// nil, the event counts against that credit; the caller has found the credit to be enough.
func (in *inbox) connected(p *presence, c *credit) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if p.state != presenceNew || in.ended != nil {
		return false
	}
	p.state = presenceHere
	in.push(onCredit(Event{Kind: PeerConnected, Peer: p.id}, c))
	return true
}

// disconnected tells the program that p is gone; ev has the reason, and perhaps more. The packets of p that wait for
// credit come before. It returns false if the program does not have p as connected. A credit is used as in connected.
func (in *inbox) disconnected(p *presence, ev Event, c *credit) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	was := p.state
	p.state = presenceGone
	if was != presenceHere || in.ended != nil {
		return false
	}
	for _, h := range p.held {
		in.put(h.packet, h.credit, h.data)
		h.pushed = true
	}
	ev.Kind, ev.Peer = PeerDisconnected, p.id
	in.push(onCredit(ev, c))
	in.parted(p.id)
	return true
}

// onCredit returns the entry of an event that is no packet. If c is not nil, it counts against c; mu is held.
func onCredit(ev Event, c *credit) entry {
	if c == nil {
		return entry{Event: ev}
	}
	c.used += eventCost
	return entry{Event: ev, size: eventCost, credit: c}
}

// affords reports whether there is credit for another event of a lane, besides its packet. In the reliable mode it
// waits for credit until stop or the inbox is closed. After stop there is credit for what was taken before: see packet.
// Only the lane's read loop uses up the credit, or somebody else for a packet that the loop holds.
func (in *inbox) affords(c *credit, mode Mode, stop <-chan struct{}) bool {
	for {
		in.mu.Lock()
		ok := c.used == 0 || c.used+eventCost <= in.limit
		in.mu.Unlock()
		if ok || mode != Reliable {
			return ok
		}
		select {
		case <-c.free:
		case <-stop:
			return true
		case <-in.quit:
			return false
		}
	}
}

// interrupted and resumed tell the program about a connected peer whose link is silent for a while. A program that does
// not receive its events is not told of further interruptions, so that their number stays bounded.
func (in *inbox) interrupted(p *presence) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if p.state == presenceHere && in.ended == nil && in.control < maxControl {
		p.interrupted = true
		in.push(entry{Event: Event{Kind: PeerInterrupted, Peer: p.id}})
	}
}

func (in *inbox) resumed(p *presence) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if p.state == presenceHere && in.ended == nil && p.interrupted {
		p.interrupted = false
		in.push(entry{Event: Event{Kind: PeerResumed, Peer: p.id}})
	}
}

// inherits gives a link the presence p, if that is of a peer that the program has as connected, and reports whether it
// is.
func (in *inbox) inherits(l *link, p *presence) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if p == nil || p.state != presenceHere {
		return false
	}
	l.presence = p
	return true
}

// updated tells the program that the peer of a link has other metadata, within the same bound. A peer that the program
// does not have as connected needs no event: its metadata is there when it connects.
func (in *inbox) updated(l *link) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if l.presence.state == presenceHere && in.ended == nil && in.control < maxControl {
		in.push(entry{Event: Event{Kind: PeerUpdated, Peer: l.presence.id}})
	}
}

// bounded pushes an event within the same bound: about the signaler, a member that was turned away, or
// this node's own metadata.
func (in *inbox) bounded(ev Event) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ended == nil && in.control < maxControl {
		in.push(entry{Event: ev})
	}
}

// here reports whether the program has p as connected.
func (in *inbox) here(p *presence) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return p != nil && p.state == presenceHere
}

// hostChanged tells of another host.
func (in *inbox) hostChanged(c *HostChange) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ended == nil {
		in.push(entry{Event: Event{Kind: HostChanged, Peer: c.New, Host: c}})
	}
}

// failed tells that there will be no link with a member.
func (in *inbox) failed(err *PeerError) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ended == nil {
		in.push(entry{Event: Event{Kind: PeerFailed, Peer: err.Peer, Err: err}})
	}
}

// deliver takes a packet that a lane has read, from p, and counts it if it is dropped. data is copied.
func (in *inbox) deliver(p *presence, l *lane, command Command, data []byte) {
	packet := Packet{Peer: p.id, Channel: l.channel, Mode: l.mode, Command: command}
	if why := in.packet(p, l.credit, packet, data, l.link.halt); why != "" {
		in.counters.drop(why)
	}
}

// packet pushes a copy of data from p. It returns the reason for the drop, or "". In the reliable mode it waits for
// credit until stop or the inbox is closed. After stop it needs no credit: the lane has taken the packet, so the other
// end may rely on it, and the lane takes no more.
func (in *inbox) packet(p *presence, c *credit, packet Packet, data []byte, stop <-chan struct{}) DropReason {
	var h *held
	stopped := false
	for {
		in.mu.Lock()
		if h != nil {
			p.held = slices.DeleteFunc(p.held, func(other *held) bool { return other == h })
		}
		switch {
		case h != nil && h.pushed:
			in.mu.Unlock()
			return ""
		case p.state != presenceHere || in.ended != nil:
			in.mu.Unlock()
			return DropPeerGone
		case c.used == 0 || c.used+len(data)+eventCost <= in.limit || stopped:
			in.put(packet, c, data)
			in.mu.Unlock()
			return ""
		case packet.Mode != Reliable:
			in.mu.Unlock()
			return DropNoCredit
		}
		h = &held{packet: packet, credit: c, data: data}
		p.held = append(p.held, h)
		in.mu.Unlock()
		select {
		case <-c.free:
		case <-stop:
			stopped = true
		case <-in.quit:
			return DropPeerGone
		}
	}
}

// put pushes a copy of data on a credit; mu is held.
func (in *inbox) put(packet Packet, c *credit, data []byte) {
	packet.Data = append(make([]byte, 0, len(data)), data...)
	size := len(data) + eventCost
	c.used += size
	in.push(entry{Event: Event{Kind: PacketReceived, Peer: packet.Peer, Packet: packet}, size: size, credit: c})
}

func (in *inbox) waiting() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	n := in.queue.Len()
	for _, q := range in.queues {
		n += q.packets.Len()
	}
	return n
}

// backlogged reports whether too many events that are no packets wait to be received.
func (in *inbox) backlogged() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.control >= maxControl
}

// end lets the program receive the events that wait, and after them the error why.
func (in *inbox) end(why error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ended == nil {
		in.ended = why
	}
	in.wake()
}

// close drops the events that wait.
func (in *inbox) close() {
	in.end(ErrClosed)
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.closed {
		in.closed = true
		close(in.quit)
	}
	in.queue = ring.Ring[entry]{}
	for _, q := range in.queues {
		q.packets = ring.Ring[entry]{}
	}
	in.wake()
}

// push appends an entry; mu is held.
func (in *inbox) push(e entry) {
	if e.Kind == PacketReceived {
		for _, q := range in.queues {
			if q.of(e.Packet) {
				q.packets.Push(e)
				notify(q.ready)
				return
			}
		}
	}
	if e.credit == nil {
		in.control++
	}
	in.queue.Push(e)
	in.wake()
}

func (in *inbox) wake() {
	notify(in.ready)
	if in.ended != nil {
		for _, q := range in.queues {
			notify(q.ready)
		}
	}
}

// notify puts a token into a channel of capacity one, unless there is one.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
