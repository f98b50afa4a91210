package rtcpeer_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// A recorder is the program of one member: it sends numbered packets, and holds all that it receives against
// the contract.
//
//	a packet   life of the sender, then for each member that it is for: id, epoch, number
//	life       one run of a program: unlike an id it is never used again
//	epoch      counts the PeerConnected that a program has had of one other
//
// Each epoch and mode has the numbers 1, 2, ... Packets of one epoch of the sender arrive within one epoch of
// the receiver. Between two guests of a star there is no link of their own, so that the host may pass on to the
// next epoch of the receiver what was sent before the sender knew of it. A guest may become the host within an
// epoch, so each packet says whether its epoch began over a link of the two.
type recorder struct {
	// Fixed at construction.
	life  int
	node  *rtcpeer.Node
	star  bool
	start time.Time // of the test
	began time.Time
	done  chan struct{} // closed when nothing more can be received
	gate  chan struct{} // holds a token, but while the program receives nothing

	mu       sync.Mutex // guards the fields below
	peers    map[rtcpeer.PeerID]*counterpart
	streams  map[streamKey]*arriving
	log      []happening // events that are not packets
	refused  map[string]int
	hosts    map[int]rtcpeer.PeerID // by term
	term     int                    // the last of them
	gaps     []gap
	missed   map[missedKey]uint32 // the last packets that may have been missed
	pending  int                  // sends that wait
	broken   []string             // what was not as the contract says
	ended    error                // of Receive
	endedAt  time.Time
	arrivals func(streamKey, arrival)
}

// A counterpart is another member, as a recorder knows it.
type counterpart struct {
	connected, interrupted bool
	failed                 bool // since it was last connected
	epoch                  int
	direct                 bool               // the epoch began over a link of the two
	since                  time.Time          // of the epoch
	sent                   map[laneKey]uint32 // the last numbers
	trying                 map[laneKey]uint32 // those that wait for room
}

// A gap is that reliable packets of a stream up to the last have not come.
type gap struct {
	streamKey
	last uint32
}

// A missedKey names what a program has sent to a member, in one epoch and on one lane.
type missedKey struct {
	to    rtcpeer.PeerID
	epoch int
	laneKey
}

// A laneKey names a channel, and on channel 0 a mode.
type laneKey struct {
	channel int
	mode    rtcpeer.Mode
}

// A streamKey names what was sent by one program, in one epoch and on one lane.
type streamKey struct {
	life, epoch int
	laneKey
}

// An arriving is what has come of it.
type arriving struct {
	epoch int // of the receiver, of the last packet
	last  uint32
	seen  map[uint32]bool // the numbers of an unreliable one
}

// A happening is an event, and when it came.
type happening struct {
	at time.Time
	rtcpeer.Event
}

// An arrival is a packet, and when it came.
type arrival struct {
	sent, at time.Time
}

func newRecorder(life int, n *rtcpeer.Node, start time.Time) *recorder {
	r := &recorder{
		life: life, node: n, star: n.Relays(), start: start, began: time.Now(), done: make(chan struct{}), gate: make(chan struct{}, 1),
		peers: make(map[rtcpeer.PeerID]*counterpart), streams: make(map[streamKey]*arriving), refused: make(map[string]int),
		missed: make(map[missedKey]uint32), term: n.Term(), hosts: map[int]rtcpeer.PeerID{n.Term(): n.Host()},
	}
	r.gate <- struct{}{}
	go r.run()
	return r
}

func (r *recorder) run() {
	defer close(r.done)
	for {
		<-r.gate
		r.gate <- struct{}{}
		ev, err := r.node.Receive(context.Background())
		if err != nil {
			r.mu.Lock()
			r.ended, r.endedAt = err, time.Now()
			r.mu.Unlock()
			return
		}
		r.took(ev)
	}
}

func (r *recorder) took(ev rtcpeer.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ev.Kind == rtcpeer.PacketReceived {
		r.packet(ev.Packet)
		return
	}
	r.log = append(r.log, happening{time.Now(), ev})
	if ev.Kind == rtcpeer.SignalingLost || ev.Kind == rtcpeer.SignalingResumed {
		return
	}
	p := r.peer(ev.Peer)
	switch ev.Kind {
	case rtcpeer.HostChanged:
		r.hostChanged(ev.Host)
	case rtcpeer.PeerConnected:
		r.check(!p.connected, "%v though it is connected", ev)
		host := r.hosts[r.term]
		*p = counterpart{
			connected: true, epoch: p.epoch + 1, direct: !r.star || ev.Peer == host || r.node.ID() == host,
			since: time.Now(), sent: make(map[laneKey]uint32), trying: make(map[laneKey]uint32),
		}
	case rtcpeer.PeerDisconnected:
		r.check(p.connected, "%v though it is not connected", ev)
		p.connected, p.interrupted = false, false
	case rtcpeer.PeerInterrupted:
		r.check(p.connected && !p.interrupted, "%v though it is not connected, or interrupted", ev)
		p.interrupted = true
	case rtcpeer.PeerResumed:
		r.check(p.connected && p.interrupted, "%v though it is not connected, or not interrupted", ev)
		p.interrupted = false
	case rtcpeer.PeerFailed:
		r.check(!p.connected, "%v though it is connected", ev)
		r.check(!p.failed || errors.Is(ev.Err, rtcpeer.ErrRefused), "%v again: %v", ev, ev.Err)
		p.failed = true
	}
}

// hostChanged notes another host, and what others may have missed. mu is held.
func (r *recorder) hostChanged(c *rtcpeer.HostChange) {
	r.check(c.Term > r.term, "host %d of term %d after term %d", c.New, c.Term, r.term)
	r.check(c.New != c.Old, "host %d again in term %d", c.New, c.Term)
	r.term = c.Term
	r.hosts[r.term] = c.New
	for _, id := range c.Missed {
		p := r.peer(id)
		r.check(p.connected, "%d may have missed packets, and is not connected", id)
		for _, numbers := range []map[laneKey]uint32{p.sent, p.trying} {
			for lane, last := range numbers {
				key := missedKey{id, p.epoch, lane}
				r.missed[key] = max(last, r.missed[key])
			}
		}
	}
}

func (r *recorder) peer(id rtcpeer.PeerID) *counterpart {
	p := r.peers[id]
	if p == nil {
		p = &counterpart{}
		r.peers[id] = p
	}
	return p
}

// fail notes what is not as the contract says.
func (r *recorder) fail(format string, args ...any) {
	who := fmt.Sprintf("%v: member %d, life %d: ", time.Since(r.start), r.node.ID(), r.life)
	r.broken = append(r.broken, who+fmt.Sprintf(format, args...))
}

func (r *recorder) check(ok bool, format string, args ...any) {
	if !ok {
		r.fail(format, args...)
	}
}

// packet takes a packet. mu is held.
func (r *recorder) packet(got rtcpeer.Packet) {
	p := r.peer(got.Peer)
	r.check(p.connected, "a packet of %d, which is not connected", got.Peer)
	n, err := decodeNumbered(got.Data)
	r.check(err == nil, "a packet of %d: %v", got.Peer, err)
	for _, e := range n.entries {
		if e.to == r.node.ID() {
			key := streamKey{n.life, e.epoch, laneKey{got.Channel, got.Mode}}
			r.number(got, key, p.epoch, e)
			if r.arrivals != nil {
				r.arrivals(key, arrival{n.sentAt, time.Now()})
			}
		}
	}
}

// number looks at the number of a packet of a stream, which came in an epoch of the receiver.
func (r *recorder) number(got rtcpeer.Packet, key streamKey, epoch int, e entry) {
	n := e.number
	s, known := r.streams[key]
	if !known {
		s = &arriving{epoch: epoch, seen: make(map[uint32]bool)}
		r.streams[key] = s
	}
	relayed := !e.direct
	same := s.epoch == epoch
	wrong := ""
	switch {
	case !same && !relayed:
		wrong = "in another epoch than those before"
	case key.mode == rtcpeer.Unreliable && s.seen[n]:
		wrong = "repeated"
	case key.mode != rtcpeer.Unreliable && n <= s.last:
		wrong = "repeated or out of order"
	case key.mode == rtcpeer.Reliable && n > s.last+1 && !(relayed && (!known || !same)):
		if relayed && r.term > 0 {
			r.gaps = append(r.gaps, gap{key, n - 1})
			break
		}
		wrong = "lost some"
	}
	if wrong != "" {
		r.fail("%v packet %d on channel %d of %d (life %d, epoch %d) in epoch %d: %s, after %d in epoch %d",
			key.mode, n, key.channel, got.Peer, key.life, key.epoch, epoch, wrong, s.last, s.epoch)
	}
	s.epoch, s.last = epoch, max(n, s.last)
	if key.mode == rtcpeer.Unreliable {
		s.seen[n] = true
	}
}

// send sends a packet to one connected peer, or to all. The program must have received all events.
func (r *recorder) send(to rtcpeer.PeerID, lane laneKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := numbered{sentAt: time.Now(), life: r.life}
	for id, p := range r.peers {
		if p.connected && (to == rtcpeer.Broadcast || to == id) {
			n.entries = append(n.entries, entry{id, p.epoch, p.direct, p.sent[lane] + 1})
		}
	}
	if len(n.entries) == 0 {
		return
	}
	err := r.node.TrySend(rtcpeer.Packet{Peer: to, Channel: lane.channel, Mode: lane.mode, Data: n.encode()})
	partly, isPartly := errors.AsType[*rtcpeer.BroadcastError](err)
	if err != nil && !errors.Is(err, rtcpeer.ErrUnknownPeer) { // a link that is over may still be ending
		r.refused[err.Error()]++
	}
	for _, e := range n.entries {
		if err == nil || isPartly && !slices.Contains(partly.Peers, e.to) {
			r.peers[e.to].sent[lane] = e.number
		}
	}
}

// pause has the program receive nothing but the next event, until resume.
func (r *recorder) pause() { <-r.gate }

func (r *recorder) resume() { r.gate <- struct{}{} }

// sendWaiting sends packets to a peer on a lane that nothing else is sent on, and waits for room for each.
func (r *recorder) sendWaiting(to rtcpeer.PeerID, lane laneKey, packets int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending > 0 {
		return
	}
	r.pending++
	go func() {
		for range packets {
			time.Sleep(time.Nanosecond) // the program has received all events of the last one
			if !r.sendOne(to, lane) {
				break
			}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.pending--
	}()
}

func (r *recorder) sendOne(to rtcpeer.PeerID, lane laneKey) (sent bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peer(to)
	if !p.connected {
		return false
	}
	epoch, e := p.epoch, entry{to, p.epoch, p.direct, p.sent[lane] + 1}
	p.trying[lane] = e.number
	data := numbered{time.Now(), r.life, []entry{e}}.encode()
	r.mu.Unlock()
	err := r.node.Send(context.Background(), rtcpeer.Packet{Peer: to, Channel: lane.channel, Mode: lane.mode, Data: data})
	r.mu.Lock()
	if err == nil && p.epoch == epoch {
		p.sent[lane] = e.number
	}
	return err == nil
}

func (r *recorder) isSending() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pending > 0
}

func (r *recorder) end() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended
}

// events returns what has happened since a time, as far as it is about a peer, in one line.
func (r *recorder) events(about rtcpeer.PeerID, since time.Time) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, h := range r.log {
		if h.Peer == about && !h.at.Before(since) {
			all = append(all, h.Kind.String())
		}
	}
	return strings.Join(all, ", ")
}

// has reports whether a peer is connected, as far as the program knows.
func (r *recorder) has(id rtcpeer.PeerID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.peer(id).connected
}

// connected returns those that are, in ascending order.
func (r *recorder) connected() []rtcpeer.PeerID {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := []rtcpeer.PeerID{}
	for id, p := range r.peers {
		if p.connected {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// story returns all that has happened; a failed test prints it.
func (r *recorder) story() (all []told) {
	r.mu.Lock()
	defer r.mu.Unlock()
	who := fmt.Sprintf("member %d, life %d: ", r.node.ID(), r.life)
	for _, h := range r.log {
		text := fmt.Sprintf("%v %d", h.Kind, h.Peer)
		switch {
		case h.Kind == rtcpeer.PeerDisconnected:
			text += fmt.Sprintf(" (%v)", h.Reason)
		case h.Kind == rtcpeer.SignalingLost || h.Kind == rtcpeer.SignalingResumed:
			text = h.Kind.String()
		case h.Host != nil:
			text += fmt.Sprintf(" after %d, term %d, missed %v", h.Host.Old, h.Host.Term, h.Host.Missed)
		case h.Err != nil:
			text += fmt.Sprintf(": %v", h.Err)
		}
		all = append(all, told{h.at, who + text})
	}
	if r.ended != nil {
		all = append(all, told{r.endedAt, fmt.Sprint(who, "ended: ", r.ended)})
	}
	return all
}

// A told is one line of a story.
type told struct {
	at   time.Time
	text string
}

// stories puts stories together in the order of time.
func stories(start time.Time, of ...*recorder) string {
	var all []told
	for _, r := range of {
		all = append(all, r.story()...)
	}
	slices.SortStableFunc(all, func(a, b told) int { return a.at.Compare(b.at) })
	var b strings.Builder
	for _, t := range all {
		fmt.Fprintf(&b, "%12v  %s\n", t.at.Sub(start).Truncate(time.Millisecond), t.text)
	}
	return b.String()
}

// A numbered is the data of a recorder's packet.
type numbered struct {
	sentAt  time.Time
	life    int
	entries []entry
}

// An entry is the number of a packet for one member.
type entry struct {
	to     rtcpeer.PeerID
	epoch  int
	direct bool // counterpart.direct
	number uint32
}

// directBit is set in the epoch of a direct entry.
const directBit = 1 << 15

func (n numbered) encode() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 12+10*len(n.entries)), uint64(n.sentAt.UnixNano()))
	b = binary.BigEndian.AppendUint32(b, uint32(n.life))
	for _, e := range n.entries {
		b = binary.BigEndian.AppendUint32(b, uint32(e.to))
		epoch := uint16(e.epoch)
		if e.direct {
			epoch |= directBit
		}
		b = binary.BigEndian.AppendUint16(b, epoch)
		b = binary.BigEndian.AppendUint32(b, e.number)
	}
	return b
}

func decodeNumbered(b []byte) (n numbered, err error) {
	if len(b) < 12 || len(b)%10 != 2 {
		return n, fmt.Errorf("%d bytes are no packet of a recorder", len(b))
	}
	n.sentAt, n.life = time.Unix(0, int64(binary.BigEndian.Uint64(b))), int(binary.BigEndian.Uint32(b[8:]))
	for b = b[12:]; len(b) > 0; b = b[10:] {
		epoch := binary.BigEndian.Uint16(b[4:])
		n.entries = append(n.entries, entry{
			rtcpeer.PeerID(binary.BigEndian.Uint32(b)), int(epoch &^ directBit), epoch&directBit != 0, binary.BigEndian.Uint32(b[6:]),
		})
	}
	return n, nil
}
