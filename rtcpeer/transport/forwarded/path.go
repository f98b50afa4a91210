package forwarded

import (
	"cmp"
	"crypto/ecdh"
	"errors"
	"fmt"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

const (
	// window is how many bytes of a path may be in flight, with partCost for each part. A server may have to
	// keep that much for each path, and 128 KiB every 100 ms is more than it will forward for long.
	window = 128 << 10
	// laneWindow is how many bytes of a lane may be in flight or wait at the other end to be read, with
	// partCost for each part.
	laneWindow = 128 << 10
	// maxQueueing is how much longer than the shortest round trip the oldest part in flight may take before
	// reliable lanes wait.
	maxQueueing = 100 * time.Millisecond
	// defaultLostAfter is used if PathConfig.LostAfter is 0.
	defaultLostAfter = 30 * time.Second
)

// path is one end of a forwarded path.
type path struct {
	// Fixed at construction.
	mux      *Mux
	peer     uint32
	own      *ecdh.PrivateKey
	lanes    []*lane
	patience time.Duration
	events   chan transport.Event // has room for EventOpened and EventClosed, so a send never blocks
	done     chan struct{}        // closed when the path is over

	// Guarded by mux.mu.
	begun    bool
	offers   bool
	keys     *keys // nil until the other end's description has arrived
	binding  string
	opened   bool
	over     bool
	closed   bool  // by this end
	why      error // why it is over
	queued   bool  // in mux.turns
	hello    bool  // a hello must be sent
	ack      bool  // an ack must be sent
	turn     int   // the lane to ask first
	flight   []part
	inFlight int         // sum of the costs in flight
	missing  *time.Timer // ends the path if the oldest part of flight does not arrive; nil until it is needed
	acked    uint32      // frames
	rtt      time.Duration
	shortest time.Duration // of the round trips; 0: none yet
	sent     uint64        // bytes
	received uint64
}

// A part is a part of a packet, or a hello, in flight.
type part struct {
	number uint64
	lane   *lane // nil: a hello
	bytes  int
	at     time.Time
}

func (p part) cost() int { return p.bytes + partCost }

var errRules = fmt.Errorf("%w: the other end broke the protocol of forwarded paths", transport.ErrLost)

func newPath(m *Mux, peer uint32, own *ecdh.PrivateKey, config transport.PathConfig) *path {
	p := &path{
		mux: m, peer: peer, own: own, patience: cmp.Or(config.LostAfter, defaultLostAfter),
		events: make(chan transport.Event, 2), done: make(chan struct{}),
	}
	for _, c := range config.Lanes {
		p.lanes = append(p.lanes, &lane{path: p, config: c, wake: make(chan struct{}, 1)})
	}
	return p
}

func (p *path) Offer() (string, error) {
	p.mux.mu.Lock()
	defer p.mux.unlock()
	if err := p.begin(); err != nil {
		return "", err
	}
	p.offers = true
	return describe(p.own.PublicKey()), nil
}

func (p *path) Answer(offer string) (string, error) {
	p.mux.mu.Lock()
	defer p.mux.unlock()
	err := p.begin()
	if err == nil {
		err = p.describe(offer)
	}
	if err != nil {
		return "", err
	}
	return describe(p.own.PublicKey()), nil
}

func (p *path) Accept(answer string) error {
	p.mux.mu.Lock()
	defer p.mux.unlock()
	switch {
	case p.over:
		return fmt.Errorf("forwarded: accept: %w", p.why)
	case !p.offers || p.keys != nil:
		return errors.New("forwarded: accept: this path has sent no offer")
	}
	if err := p.describe(answer); err != nil {
		return err
	}
	p.hello = true
	p.mux.queue(p)
	return nil
}

func (p *path) begin() error {
	switch {
	case p.over:
		return fmt.Errorf("forwarded: %w", p.why)
	case p.begun:
		return errors.New("forwarded: this path already has an offer or an answer")
	}
	p.begun = true
	return nil
}

// describe derives the keys from the other end's description.
func (p *path) describe(sdp string) error {
	other, err := parse(sdp)
	if err != nil {
		return err
	}
	k, err := newKeys(p.own, other, p.offers)
	if err != nil {
		return err
	}
	r := route{p.peer, k.tag}
	if p.mux.paths[r] != nil {
		return errors.New("forwarded: another path has the same keys")
	}
	offering, answering := p.own.PublicKey(), other
	if !p.offers {
		offering, answering = other, offering
	}
	p.keys, p.binding = k, fingerprint(offering)+" "+fingerprint(answering)
	p.mux.paths[r] = p
	return nil
}

// AddCandidate returns an error for every candidate except the end of the list, because there is only one route
// to the other end.
func (p *path) AddCandidate(c transport.Candidate) error {
	if c.Line != "" {
		return errors.New("forwarded: a forwarded path has no candidates")
	}
	return nil
}

func (p *path) Events() <-chan transport.Event { return p.events }

func (p *path) Lane(i int) transport.Lane { return p.lanes[i] }

func (p *path) Binding() string {
	p.mux.mu.Lock()
	defer p.mux.mu.Unlock()
	return p.binding
}

func (p *path) Progress() transport.Progress {
	p.mux.mu.Lock()
	defer p.mux.mu.Unlock()
	switch {
	case p.opened:
		return transport.Progress{Stage: transport.StageOpen}
	case p.keys == nil:
		return transport.Progress{Detail: "no description from the other end"}
	}
	return transport.Progress{Stage: transport.StagePath, Detail: "nothing has arrived from the other end through the signaling server"}
}

func (p *path) Stats() transport.Stats {
	p.mux.mu.Lock()
	defer p.mux.mu.Unlock()
	s := transport.Stats{RTT: p.rtt, BytesSent: p.sent, BytesReceived: p.received}
	if p.opened {
		s.Local, s.Remote = transport.Signaling, transport.Signaling
	}
	return s
}

func (p *path) Close() error {
	p.mux.mu.Lock()
	defer p.mux.unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	if p.over {
		p.wakeReaders()
		return nil
	}
	if p.keys != nil {
		if frame := p.encrypt(nil, []byte{frameClose}); frame != nil {
			p.mux.last = append(p.mux.last, frame)
			p.mux.last = p.mux.last[max(len(p.mux.last)-maxLast, 0):]
		}
	}
	p.finish(transport.ErrClosed)
	return nil
}

// end ends the path for a reason that is not this end's Close. Mux.mu is held, here and below.
func (p *path) end(why error) {
	if p.over {
		return
	}
	p.finish(why)
	p.events <- transport.Event{Kind: transport.EventClosed, Err: why}
}

func (p *path) finish(why error) {
	if p.over {
		return
	}
	p.over, p.why = true, why
	if p.keys != nil {
		delete(p.mux.paths, route{p.peer, p.keys.tag})
	}
	if p.missing != nil {
		p.missing.Stop()
	}
	for _, l := range p.lanes {
		l.waiting.reset()
	}
	close(p.done)
	p.wakeReaders()
}

func (p *path) wakeReaders() {
	for _, l := range p.lanes {
		l.notifyReader()
	}
}

// encrypt appends a frame for the carrier. If the frame numbers are used up, it ends the path and returns nil.
func (p *path) encrypt(b, plain []byte) []byte {
	frame, ok := p.keys.encrypt(appendPeer(b, p.peer), plain)
	if !ok {
		p.end(transport.ErrLost)
		return nil
	}
	p.sent += uint64(len(frame))
	return frame
}

// next appends to b the next thing that the path has to send, or returns nil.
func (p *path) next(b []byte) []byte {
	switch now := time.Now(); {
	case p.over:
		return nil
	case p.hello:
		p.hello = false
		p.depart(part{at: now})
		return append(b, frameHello)
	case p.ack:
		p.ack = false
		b = appendAck(b, uint32(p.keys.received))
		for _, l := range p.lanes {
			if l.read != l.told {
				l.told = l.read
				b = appendRead(b, l.config.ID, l.told)
			}
		}
		return b
	default:
		return p.nextPart(b, now)
	}
}

// nextPart appends the next part to send. The lanes take turns.
func (p *path) nextPart(b []byte, now time.Time) []byte {
	late := len(p.flight) > 0 && now.Sub(p.flight[0].at) > p.shortest+maxQueueing
	for i := range p.lanes {
		l := p.lanes[(p.turn+i)%len(p.lanes)]
		if l.waiting.empty() || late && l.config.Mode == transport.Reliable {
			continue
		}
		data, kind := l.waiting.part()
		cost := len(data) + partCost
		if len(p.flight) > 0 && p.inFlight+cost > window {
			return nil
		}
		if int(l.sent-l.readThere)+cost > laneWindow {
			continue
		}
		l.waiting.drop(len(data))
		l.sent += uint32(cost)
		l.inFlight += len(data)
		p.turn = (p.turn + i + 1) % len(p.lanes)
		p.depart(part{lane: l, bytes: len(data), at: now})
		return appendPart(b, kind, l.config.ID, data)
	}
	return nil
}

// depart records a part that is sent with the next frame.
func (p *path) depart(sent part) {
	sent.number = p.keys.sent
	if len(p.flight) == 0 && p.patience > 0 {
		p.missing = time.AfterFunc(p.patience, p.notArrived)
	}
	p.flight = append(p.flight, sent)
	p.inFlight += sent.cost()
}

// notArrived ends the path if the oldest part has not arrived in time.
func (p *path) notArrived() {
	p.mux.mu.Lock()
	defer p.mux.unlock()
	if p.over || len(p.flight) == 0 {
		return
	}
	if rest := time.Until(p.flight[0].at.Add(p.patience)); rest > 0 {
		p.missing.Reset(rest)
		return
	}
	p.end(transport.ErrLost)
}

// receive handles the plaintext of a frame from the other end.
func (p *path) receive(plain []byte) {
	p.received += uint64(headerSize + len(plain) + gcmSize)
	f, err := decode(plain)
	switch {
	case err != nil:
		p.end(errRules)
	case f.kind == frameHello:
		p.greeted()
	case f.kind == frameClose:
		p.end(transport.ErrRemoteClosed)
	case !p.opened:
		p.end(errRules)
	case f.kind == frameAck:
		p.acknowledged(f)
	default:
		p.receivePart(f)
	}
}

// greeted handles a hello: it opens the path.
func (p *path) greeted() {
	if !p.opened {
		p.opened = true
		p.hello = !p.offers
		p.events <- transport.Event{Kind: transport.EventOpened}
	}
	p.ack = true
	p.mux.queue(p)
}

// acknowledged handles an ack: it says which frames have arrived and how much of each lane was read.
func (p *path) acknowledged(f frame) {
	if uint64(f.frames) > p.keys.sent || f.frames < p.acked {
		p.end(errRules)
		return
	}
	p.acked = f.frames
	n := 0
	for ; n < len(p.flight) && p.flight[n].number < uint64(f.frames); n++ {
		p.arrived(p.flight[n])
	}
	if n > 0 {
		p.measure(time.Since(p.flight[n-1].at))
	}
	if p.flight = append(p.flight[:0], p.flight[n:]...); len(p.flight) == 0 && p.missing != nil {
		p.missing.Stop()
	}
	for reads := f.reads; len(reads) > 0; {
		var id uint16
		var read uint32
		id, read, reads = cutRead(reads)
		l := p.lane(id)
		if l == nil || l.sent-read > l.sent-l.readThere { // neither more than was sent nor less than before
			p.end(errRules)
			return
		}
		l.readThere = read
	}
	p.mux.queue(p)
}

func (p *path) arrived(a part) {
	p.inFlight -= a.cost()
	if a.lane != nil {
		before := a.lane.buffered()
		a.lane.inFlight -= a.bytes
		a.lane.fell(before)
	}
}

// measure updates the round-trip times with that of the newest part that has arrived.
func (p *path) measure(rtt time.Duration) {
	if p.shortest == 0 || rtt < p.shortest {
		p.shortest = rtt
	}
	if p.rtt == 0 {
		p.rtt = rtt
	}
	p.rtt += (rtt - p.rtt) / 8
}

func (p *path) receivePart(f frame) {
	l := p.lane(f.lane)
	if l == nil {
		p.end(&transport.StrayError{ID: f.lane})
		return
	}
	if !l.receive(f) {
		p.end(errRules)
		return
	}
	p.ack = true
	p.mux.queue(p)
}

func (p *path) lane(id uint16) *lane {
	for _, l := range p.lanes {
		if l.config.ID == id {
			return l
		}
	}
	return nil
}
