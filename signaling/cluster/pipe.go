package cluster

import (
	"encoding/binary"
	"sync"
	"time"

	"example.org/rtcpeer/signaling/drop"
)

// A pipe carries messages to one other server, each once and in order, over a bus that may lose, repeat, delay and
// reorder them. It sends unacknowledged messages again. It holds at most maxUnacked messages and maxUnackedBytes bytes.
// If more gather, the other server is too slow and the pipe breaks: unacknowledged messages are lost, both ends learn
// of it, and the pipe begins another epoch. Only one goroutine at a time may call receive.
type pipe struct {
	// Fixed at construction.
	self, peer uint64 // processes
	publish    func([]byte) error
	counters   *counters // of the node

	alone time.Time // owned by Node.tick: since when the peer has had no lease, and may be cut off; zero: it has one
	parts []byte    // owned by Node.receive: a message whose last part has not come yet

	mu       sync.Mutex // guards the fields below
	epoch    uint32     // counts how often the pipe began anew
	oldest   uint64     // the number of unacked[0]; the first message of an epoch has 1
	unacked  [][]byte   // whole datagrams
	bytes    int
	room     chan struct{} // closed when there is room again; nil: nobody waits
	progress time.Time     // when a message was last acknowledged, or all were sent again
	patience time.Duration // how long to wait before all are sent again
	heard    time.Time     // when a message was last acknowledged, or the first one was sent
	broken   bool          // it must begin anew: a message did not fit, or was not acknowledged
	why      drop.Reason   // why it is broken
	closed   bool

	theirEpoch uint32
	expected   uint64 // number of the next message
	ackDue     int    // messages since the last acknowledgement
}

const (
	maxUnacked      = 16 << 10
	maxUnackedBytes = 32 << 20
	// ackEvery is how many messages at most are acknowledged together if there is nothing to send in the other
	// direction.
	ackEvery = 32
	// The first repetition comes after firstPatience. The time then doubles with each repetition, up to mostPatience.
	firstPatience = 200 * time.Millisecond
	mostPatience  = 2 * time.Second
	// mostSilence is how long the pipe lasts without an acknowledgement before it breaks.
	mostSilence = 30 * time.Second
	// repeatAtOnce is how many messages are sent again at once.
	repeatAtOnce = 256
)

// The format of a datagram on the bus: version, from, to, epoch, number, then the acknowledged epoch and number, and
// then a message. A datagram that only acknowledges has the number 0 and no message.
const (
	datagramVersion = 1
	datagramHeader  = 1 + 8 + 8 + 4 + 8 + 4 + 8
)

func newPipe(self, peer uint64, publish func([]byte) error, c *counters) *pipe {
	return &pipe{self: self, peer: peer, publish: publish, counters: c, epoch: 1, oldest: 1, expected: 1, patience: firstPatience}
}

// senderOf returns the sender of a datagram, if the datagram is for self.
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
	b = binary.BigEndian.AppendUint32(b, p.epoch)
	b = binary.BigEndian.AppendUint64(b, number)
	b = append(b, make([]byte, 12)...)
	return append(b, data...)
}

// stamp writes the current acknowledgement into a datagram. The caller holds mu.
func (p *pipe) stamp(b []byte) []byte {
	binary.BigEndian.PutUint32(b[29:], p.theirEpoch)
	binary.BigEndian.PutUint64(b[33:], p.expected-1)
	p.ackDue = 0
	return b
}

// send queues and publishes messages without others between them. If there is no room, the pipe breaks. send never
// blocks.
func (p *pipe) send(messages ...[]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return // nobody is left to receive it
	}
	size := 0
	for _, data := range messages {
		size += len(data)
	}
	if len(p.unacked)+len(messages) > maxUnacked || p.bytes+size > maxUnackedBytes && len(p.unacked) > 0 {
		p.breakUp(DropFull)
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
		_ = p.publish(p.stamp(b)) // a message that fails is sent again
	}
}

// join adds a part of a message. With the last part it returns the message.
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
	if err == nil && m.Kind == kindPart { // parts do not contain parts
		return nil, errMalformed
	}
	return m, err
}

// breakUp marks the pipe as broken. The first reason is kept. The caller holds mu.
func (p *pipe) breakUp(why drop.Reason) {
	if !p.broken {
		p.broken, p.why = true, why
	}
}

// hasRoom returns nil if half of the pipe is free, or else a channel that is closed when it is.
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

// empty reports whether all messages have arrived.
func (p *pipe) empty() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.unacked) == 0
}

func (p *pipe) roomy() bool { return len(p.unacked) < maxUnacked/2 && p.bytes < maxUnackedBytes/2 }

func (p *pipe) epochNow() uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.epoch
}

// restart begins another epoch. Unacknowledged messages are lost.
func (p *pipe) restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counters.drop(p.why, len(p.unacked))
	p.epoch++
	p.broken = false
	p.oldest, p.unacked, p.bytes, p.patience = 1, nil, 0, firstPatience
	p.wake()
}

// hurry makes the pipe send unacknowledged messages again soon, because the bus is back.
func (p *pipe) hurry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.patience = firstPatience
}

// close closes the pipe and ends all waits for room.
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

// receive handles a datagram of the peer. It returns the message if it is the next one, and whether the other end had
// begun another epoch.
func (p *pipe) receive(b []byte) (data []byte, restarted bool) {
	epoch, number := binary.BigEndian.Uint32(b[17:]), binary.BigEndian.Uint64(b[21:])
	ackEpoch, ack := binary.BigEndian.Uint32(b[29:]), binary.BigEndian.Uint64(b[33:])
	p.mu.Lock()
	defer p.mu.Unlock()
	if ackEpoch == p.epoch {
		p.acknowledged(ack)
	}
	switch {
	case number == 0 || epoch < p.theirEpoch || epoch > p.theirEpoch && number != 1:
		return nil, false // only an acknowledgement, of an earlier epoch, or too early
	case epoch > p.theirEpoch:
		restarted = epoch > 1 // the first epoch may have been lost completely
		p.theirEpoch, p.expected = epoch, 1
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

// acknowledged drops the messages that have arrived. The caller holds mu.
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

// tick acknowledges received messages, and sends messages again that were not acknowledged in time. It reports
// whether the pipe is broken. While one of the servers is cut off, the messages wait.
func (p *pipe) tick(now time.Time, cutOff bool) (broken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	if cutOff {
		p.heard, p.progress, p.patience = now, now, firstPatience
	}
	if len(p.unacked) > 0 && now.Sub(p.heard) > mostSilence {
		p.breakUp(DropSilent)
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
