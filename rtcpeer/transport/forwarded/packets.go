package forwarded

import "time"

// packets is a queue of waiting packets, oldest first. It has no limit of its own: the writers of a lane, and
// the sender at the other end, must keep to one.
type packets struct {
	list  []packet // packets before head are gone
	head  int
	bytes int // of all waiting packets
}

// A packet is a waiting packet. The bytes before offset are gone.
type packet struct {
	data   []byte
	offset int
	since  time.Time
}

func (p *packets) empty() bool { return p.head == len(p.list) }

// push adds a copy of a packet.
func (p *packets) push(data []byte, now time.Time) {
	if p.head > len(p.list)/2 && len(p.list) == cap(p.list) {
		n := copy(p.list, p.list[p.head:])
		clear(p.list[n:])
		p.list, p.head = p.list[:n], 0
	}
	p.list = append(p.list, packet{data: append([]byte(nil), data...), since: now})
	p.bytes += len(data)
}

// first returns what is left of the oldest packet.
func (p *packets) first() []byte { return p.list[p.head].data[p.list[p.head].offset:] }

// since returns when the oldest packet was pushed.
func (p *packets) since() time.Time { return p.list[p.head].since }

// part returns the next part of the oldest packet, and its kind.
func (p *packets) part() (data []byte, kind byte) {
	if data = p.first(); len(data) > maxPart {
		return data[:maxPart], framePart
	}
	return data, frameLast
}

// drop removes n bytes of the oldest packet. The packet is removed with its last byte.
func (p *packets) drop(n int) {
	first := &p.list[p.head]
	first.offset += n
	p.bytes -= n
	if first.offset < len(first.data) {
		return
	}
	*first = packet{}
	if p.head++; p.empty() {
		p.list, p.head = p.list[:0], 0
	}
}

func (p *packets) reset() { p.list, p.head = nil, 0 }
