package cluster

import (
	"encoding/binary"
	"sync"
	"time"
)

// A pipe carries messages to one other server, each once and in order, over a bus that may lose, repeat, delay and
// reorder them, as long as it holds: what was not acknowledged is sent again. It holds at most maxUnacked messages and
// maxUnackedBytes. When more gather the other server is too slow, and the pipe breaks: what was under way is lost, both
// ends learn it, and the pipe begins a further life. One goroutine at a time calls receive.
type pipe struct {
	// Fixed at construction.
	self, peer uint64 // processes
	publish    func([]byte) error
	counters   *counters // of the node

	alone time.Time // owned by Node.tick: since when the peer has no lease; zero: it has one
	parts []byte    // owned by Node.receive: of a message whose last part has not come

	mu       sync.Mutex // guards the fields below
	life     uint32     // counts the times that it began anew
	oldest   uint64     // the number of unacked[0]; the first message of a life has 1
	unacked  [][]byte   // whole datagrams
	bytes    int
	room     chan struct{} // closed when there is room again; nil: nobody waits
	progress time.Time     // when something was acknowledged last, or all was sent again
	patience time.Duration // until all is sent again
	heard    time.Time     // when something was acknowledged last, or the first message was sent
	broken   bool          // there was no room for a message, or no answer: it has to begin anew
	why      dropReason    // for which it is broken
	closed   bool

	inLife   uint32
	expected uint64 // number of the next message
	ackDue   int    // messages since the last acknowledgement
}

const (
	maxUnacked      = 16 << 10
	maxUnackedBytes = 32 << 20
	// ackEvery is how many messages are acknowledged together at most, when nothing goes the other way.
	ackEvery = 32
	// The first repetition comes after firstPatience, and each further one after twice the time.
	firstPatience = 200 * time.Millisecond
	mostPatience  = 2 * time.Second
	// mostSilence is how long nothing may be acknowledged until the pipe breaks.
	mostSilence = 30 * time.Second
	// repeatAtOnce is how many messages are sent again together.
	repeatAtOnce = 256
)

// A datagram is on the bus: version, from, to, life, number, then what is acknowledged: life and number; and a message,
// or nothing for an acknowledgement alone, whose number is 0.
const (
	datagramVersion = 1
	datagramHeader  = 1 + 8 + 8 + 4 + 8 + 4 + 8
)

func newPipe(self, peer uint64, publish func([]byte) error, c *counters) *pipe {
	return &pipe{self: self, peer: peer, publish: publish, counters: c, life: 1, oldest: 1, expected: 1, patience: firstPatience}
}

// senderOf returns where a datagram comes from, if it is one for self.
func senderOf(b []byte, self uint64) (from uint64, ok bool) {
	if len(b) < datagramHeader || b[0] != datagramVersion || binary.BigEndian.Uint64(b[9:]) != self {
		return 0, false
	}
	return binary.BigEndian.Uint64(b[1:]), true
}

func (p *pipe) datagram(number uint64, data []byte) []byte {
	b := append(make([]byte, 0, datagramHeader+len(data)), datagramVersion)
	b = binary.BigEndian.AppendUint64(b, p.self)
	b = binary.BigEndian.AppendUint64(b, p.peer)
	b = binary.BigEndian.AppendUint32(b, p.life)
	b = binary.BigEndian.AppendUint64(b, number)
	b = append(b, make([]byte, 12)...)
	return append(b, data...)
}

// stamp puts the present acknowledgement into a datagram. mu is held.
func (p *pipe) stamp(b []byte) []byte {
	binary.BigEndian.PutUint32(b[29:], p.inLife)
	binary.BigEndian.PutUint64(b[33:], p.expected-1)
	p.ackDue = 0
	return b
}

// send queues and publishes messages, with none of others between them. Where there is no room the pipe is broken. It never
// blocks.
func (p *pipe) send(messages ...[]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return // nobody is there to take it
	}
	size := 0
	for _, data := range messages {
		size += len(data)
	}
	if len(p.unacked)+len(messages) > maxUnacked || p.bytes+size > maxUnackedBytes && len(p.unacked) > 0 {
		p.breakUp(dropFull)
	}
	if p.broken {
		p.counters.drop(p.why, len(messages))
		return
	}
	p.counters.sent.Add(uint64(len(messages)))
	if len(p.unacked) == 0 {
		p.progress = time.Now()
		p.heard = p.progress
	}
	for _, data := range messages {
		b := p.datagram(p.oldest+uint64(len(p.unacked)), data)
		p.unacked = append(p.unacked, b)
		p.bytes += len(b)
		_ = p.publish(p.stamp(b)) // what fails is sent again
	}
}

// join takes a part of a message. It returns the message with the last one.
func (p *pipe) join(part *message) (*message, error) {
	if len(p.parts)+len(part.frames[0]) > maxWhole {
		p.parts = nil
		return nil, errMalformed
	}
	p.parts = append(p.parts, part.frames[0]...)
	if part.More {
		return nil, nil
	}
	whole := p.parts
	p.parts = nil
	m, err := decode(whole)
	if err == nil && m.Kind == kindPart { // none is sent in parts of parts
		return nil, errMalformed
	}
	return m, err
}

// breakUp is called with mu held. The first reason is kept.
func (p *pipe) breakUp(why dropReason) {
	if !p.broken {
		p.broken, p.why = true, why
	}
}

// hasRoom returns nil if half of the pipe is free, or a channel that is closed when it is.
func (p *pipe) hasRoom() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.roomy() || p.closed {
		return nil
	}
	if p.room == nil {
		p.room = make(chan struct{})
	}
	return p.room
}

func (p *pipe) roomy() bool { return len(p.unacked) < maxUnacked/2 && p.bytes < maxUnackedBytes/2 }

func (p *pipe) lifeNow() uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.life
}

// restart begins a further life. What was not acknowledged is lost.
func (p *pipe) restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counters.drop(p.why, len(p.unacked))
	p.life++
	p.broken = false
	p.oldest, p.unacked, p.bytes, p.patience = 1, nil, 0, firstPatience
	p.wake()
}

// hurry has what was not acknowledged sent again soon: the bus is back.
func (p *pipe) hurry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.patience = firstPatience
}

// close has nobody wait for room any more.
func (p *pipe) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.unacked, p.bytes = nil, 0
	p.wake()
}

func (p *pipe) wake() {
	if p.room != nil {
		close(p.room)
		p.room = nil
	}
}

// receive takes a datagram of the peer. It returns the message in it if that is the next one, and whether the other end
// has begun anew before.
func (p *pipe) receive(b []byte) (data []byte, restarted bool) {
	life, number := binary.BigEndian.Uint32(b[17:]), binary.BigEndian.Uint64(b[21:])
	ackLife, ack := binary.BigEndian.Uint32(b[29:]), binary.BigEndian.Uint64(b[33:])
	p.mu.Lock()
	defer p.mu.Unlock()
	if ackLife == p.life {
		p.acknowledged(ack)
	}
	switch {
	case number == 0 || life < p.inLife || life > p.inLife && number != 1:
		return nil, false // an acknowledgement alone, of an earlier life, or too early
	case life > p.inLife:
		restarted = life > 1 // the first one may have been lost as a whole
		p.inLife, p.expected = life, 1
	}
	p.ackDue++
	if number == p.expected {
		p.expected++
		data = b[datagramHeader:]
	}
	if number > p.expected || p.ackDue >= ackEvery {
		p.acknowledge()
	}
	return data, restarted
}

// acknowledged drops what has arrived; mu is held.
func (p *pipe) acknowledged(last uint64) {
	n := min(int64(last-p.oldest+1), int64(len(p.unacked)))
	if last < p.oldest || n <= 0 {
		return
	}
	for i, b := range p.unacked[:n] {
		p.bytes -= len(b)
		p.unacked[i] = nil
	}
	p.unacked = p.unacked[n:]
	p.oldest += uint64(n)
	p.progress, p.patience = time.Now(), firstPatience
	p.heard = p.progress
	if len(p.unacked) == 0 {
		p.unacked = nil
	}
	if p.roomy() {
		p.wake()
	}
}

func (p *pipe) acknowledge() { _ = p.publish(p.stamp(p.datagram(0, nil))) }

// tick acknowledges what has come, and sends again what was not acknowledged for too long. It reports whether the pipe
// is broken.
func (p *pipe) tick(now time.Time) (broken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	if len(p.unacked) > 0 && now.Sub(p.heard) > mostSilence {
		p.breakUp(dropSilent)
	}
	if len(p.unacked) > 0 && now.Sub(p.progress) >= p.patience {
		p.progress, p.patience = now, min(2*p.patience, mostPatience)
		for _, b := range p.unacked[:min(repeatAtOnce, len(p.unacked))] {
			_ = p.publish(p.stamp(b))
			p.counters.resent.Add(1)
		}
	}
	if p.ackDue > 0 {
		p.acknowledge()
	}
	return p.broken
}
