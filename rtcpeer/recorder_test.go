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
// next epoch of the receiver what was sent before the sender knew of it.
type recorder struct {
	// Fixed at construction.
	life  int
	node  *rtcpeer.Node
	star  bool
	start time.Time
	done  chan struct{} // closed when nothing more can be received

	mu       sync.Mutex // guards the fields below
	peers    map[rtcpeer.PeerID]*counterpart
	streams  map[streamKey]*arriving
	log      []happening // events that are not packets
	refused  map[string]int
	broken   []string // what was not as the contract says
	ended    error    // of Receive
	arrivals func(streamKey, arrival)
}

// A counterpart is another member, as a recorder knows it.
type counterpart struct {
	connected, interrupted bool
	failed                 bool // since it was last connected
	epoch                  int
	sent                   [3]uint32 // the last number in each mode
}

// A streamKey names what was sent by one program, in one epoch and mode.
type streamKey struct {
	life, epoch int
	mode        rtcpeer.Mode
}

// An arriving is what has come of it.
type arriving struct {
	epoch int // of the receiver, of the last packet
	last  uint32
	seen  []uint64 // of an unreliable one, a bit for each number
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
		life: life, node: n, star: n.Relays(), start: start, done: make(chan struct{}),
		peers: make(map[rtcpeer.PeerID]*counterpart), streams: make(map[streamKey]*arriving), refused: make(map[string]int),
	}
	go r.run()
	return r
}

func (r *recorder) run() {
	defer close(r.done)
	for {
		ev, err := r.node.Receive(context.Background())
		if err != nil {
			r.mu.Lock()
			r.ended = err
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
	case rtcpeer.PeerConnected:
		r.check(!p.connected, "%v though it is connected", ev)
		*p = counterpart{connected: true, epoch: p.epoch + 1}
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

func (r *recorder) peer(id rtcpeer.PeerID) *counterpart {
	p := r.peers[id]
	if p == nil {
		p = &counterpart{}
		r.peers[id] = p
	}
	return p
}

// check notes what is not as the contract says.
func (r *recorder) check(ok bool, format string, args ...any) {
	if !ok {
		r.broken = append(r.broken, fmt.Sprintf("%v: member %d, life %d: ", time.Since(r.start), r.node.ID(), r.life)+fmt.Sprintf(format, args...))
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
			r.number(got, streamKey{n.life, e.epoch, got.Mode}, p.epoch, e.number)
			if r.arrivals != nil {
				r.arrivals(streamKey{n.life, e.epoch, got.Mode}, arrival{n.sentAt, time.Now()})
			}
		}
	}
}

// number looks at the number of a packet of a stream, which came in an epoch of the receiver.
func (r *recorder) number(got rtcpeer.Packet, key streamKey, epoch int, n uint32) {
	s, known := r.streams[key]
	if !known {
		s = &arriving{epoch: epoch}
		r.streams[key] = s
	}
	what := func(text string) string {
		return fmt.Sprintf("%v packet %d of %d (life %d, epoch %d) in epoch %d: %s, after %d in epoch %d",
			key.mode, n, got.Peer, key.life, key.epoch, epoch, text, s.last, s.epoch)
	}
	relayed := r.star && got.Peer != rtcpeer.Server && r.node.ID() != rtcpeer.Server
	same := s.epoch == epoch
	r.check(same || relayed, "%s", what("in another epoch than those before"))
	switch key.mode {
	case rtcpeer.Reliable:
		if relayed && (!known || !same) {
			r.check(n > s.last, "%s", what("repeated or out of order"))
		} else {
			r.check(n > s.last, "%s", what("repeated or out of order"))
			r.check(n <= s.last+1, "%s", what("lost some"))
		}
	case rtcpeer.UnreliableOrdered:
		r.check(n > s.last, "%s", what("repeated or out of order"))
	default:
		for int(n/64) >= len(s.seen) {
			s.seen = append(s.seen, 0)
		}
		r.check(s.seen[n/64]&(1<<(n%64)) == 0, "%s", what("repeated"))
		s.seen[n/64] |= 1 << (n % 64)
	}
	s.epoch, s.last = epoch, max(n, s.last)
}

// send sends a packet to one connected peer, or to all (0). The program must have received all events.
func (r *recorder) send(to rtcpeer.PeerID, mode rtcpeer.Mode) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := numbered{sentAt: time.Now(), life: r.life}
	for id, p := range r.peers {
		if p.connected && (to == 0 || to == id) {
			n.entries = append(n.entries, entry{id, p.epoch, p.sent[mode] + 1})
		}
	}
	if len(n.entries) == 0 {
		return
	}
	err := r.node.TrySend(rtcpeer.Packet{Peer: to, Mode: mode, Data: n.encode()})
	partly, isPartly := errors.AsType[*rtcpeer.BroadcastError](err)
	if err != nil && !errors.Is(err, rtcpeer.ErrUnknownPeer) { // a link that is over may still be ending
		r.refused[err.Error()]++
	}
	for _, e := range n.entries {
		if err == nil || isPartly && !slices.Contains(partly.Peers, e.to) {
			r.peers[e.to].sent[mode] = e.number
		}
	}
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

// story returns all that has happened, for who looks for the cause of a failure.
func (r *recorder) story() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for _, h := range r.log {
		fmt.Fprintf(&b, "%10v  member %d, life %d: %v %d", h.at.Sub(r.start), r.node.ID(), r.life, h.Kind, h.Peer)
		if h.Kind == rtcpeer.PeerDisconnected {
			fmt.Fprintf(&b, " (%v)", h.Reason)
		}
		if h.Err != nil {
			fmt.Fprintf(&b, ": %v", h.Err)
		}
		fmt.Fprintln(&b)
	}
	if r.ended != nil {
		fmt.Fprintf(&b, "            member %d, life %d: ended: %v\n", r.node.ID(), r.life, r.ended)
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
	number uint32
}

func (n numbered) encode() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 12+10*len(n.entries)), uint64(n.sentAt.UnixNano()))
	b = binary.BigEndian.AppendUint32(b, uint32(n.life))
	for _, e := range n.entries {
		b = binary.BigEndian.AppendUint32(b, uint32(e.to))
		b = binary.BigEndian.AppendUint16(b, uint16(e.epoch))
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
		n.entries = append(n.entries, entry{
			rtcpeer.PeerID(binary.BigEndian.Uint32(b)), int(binary.BigEndian.Uint16(b[4:])), binary.BigEndian.Uint32(b[6:]),
		})
	}
	return n, nil
}
