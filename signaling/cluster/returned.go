package cluster

import (
	"bytes"
	"errors"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
)

// This file has the frames of a client that its room's owner did not handle because the room was about to move. The
// owner returns them, and the place sends them to the next owner. It waits until the earlier owner has answered opRecall, so
// that nothing comes back later. If the answer does not come in time, and newer frames were sent meanwhile, what comes back
// is dropped (DropLate), so that none overtakes another.
//
// A Leave must not be lost even if the owner dies: otherwise the next owner keeps the place of the member for the grace
// period. So the place sends it to each owner until one has confirmed it, also when the session has ended meanwhile.

const (
	// maxReturned is how many frames a place keeps for the next owner. Further ones are dropped: DropFull.
	maxReturned = 1024
	// leaveTime is how long a place outlives its session to repeat a Leave.
	leaveTime = 30 * time.Second
	// leaveSize is the size of the longest frame that may be a Leave, in bytes. A Leave with spaces or unknown fields
	// may be longer: then it is not repeated.
	leaveSize = 64
)

// noteLeave keeps a frame that is about to be forwarded if it is a Leave. The caller holds mu.
func (p *Place) noteLeave(frame []byte) {
	if !p.seated || len(frame) > leaveSize {
		return
	}
	if m, err := p.session.Dialect().Decode(frame); err == nil && m.Kind() == signaling.KindLeave {
		p.leave = bytes.Clone(frame)
	}
}

// takeBack keeps frames that an owner has returned, and sends them to the present one, if there is one.
func (p *Place) takeBack(from uint64, m *message) {
	p.mu.Lock()
	if p.over || p.left || m.Attempt < p.forwarded || p.session.Member() != nil {
		if !p.over && !p.left {
			p.node.counters.drop(DropLate, len(m.frames))
		}
		p.mu.Unlock()
		return
	}
	for _, frame := range m.frames {
		if len(p.returned) == maxReturned {
			p.node.counters.drop(DropFull, 1)
			continue
		}
		p.returned = append(p.returned, bytes.Clone(frame))
	}
	unknown := p.attached && m.Attempt == p.attempt && from == p.owner.process // the owner has no visitor for it
	p.resending = p.attached
	resend := p.resending && !unknown
	p.mu.Unlock()
	switch {
	case unknown:
		p.node.reattach([]*Place{p})
	case resend:
		p.resend()
	}
}

// expectNothing is called when the owner is dead: it returns nothing.
func (p *Place) expectNothing() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sentTo = 0
}

// takeReturned returns what must be sent again: frames that came back, and a Leave that no owner has confirmed. The
// caller holds mu.
func (p *Place) takeReturned() (frames [][]byte) {
	frames, p.returned = p.returned, nil
	if p.leave != nil && !p.left {
		frames = append(frames, p.leave)
	}
	return frames
}

// resend sends the owner what must be sent again. Then Forward may go on. The caller has set resending.
func (p *Place) resend() {
	p.mu.Lock()
	process := p.owner.process
	p.mu.Unlock()
	pipe := p.node.pipeTo(process)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.attached || p.owner.process != process {
		return // it is sent to the next owner
	}
	if frames := p.takeReturned(); len(frames) > 0 {
		p.sendFrames(pipe, frames)
	}
	if !p.departed.IsZero() {
		p.node.sendOver(pipe, &message{Kind: kindGone, Session: p.number, Attempt: p.attempt})
	}
	p.resending = false
	p.settle()
}

// handleReturned handles what would have been sent again, because this server owns the room now.
func (p *Place) handleReturned(member *rooms.Member) {
	p.mu.Lock()
	frames := p.takeReturned()
	p.mu.Unlock()
	for i, frame := range frames {
		m, err := p.session.Dialect().Decode(frame)
		if l, ok := m.(signaling.List); ok {
			p.session.Listed(l)
			continue
		}
		if err == nil {
			err = member.Handle(p.session, m)
		}
		if errors.Is(err, rooms.ErrElsewhere) { // the room moves again
			p.mu.Lock()
			p.returned = frames[i:]
			p.mu.Unlock()
			return
		}
		if err != nil {
			p.session.Fail(asError(err))
		}
	}
	p.finish()
}

// finish ends a place that has outlived its session, because its Leave has been answered.
func (p *Place) finish() {
	p.mu.Lock()
	departed := !p.departed.IsZero()
	p.over = p.over || departed
	p.mu.Unlock()
	if departed {
		p.node.forgetPlace(p)
	}
}

// departedAt returns when the session ended before its Leave was answered, or zero.
func (p *Place) departedAt() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.departed
}

func (n *Node) forgetPlace(p *Place) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.places, p.number)
}
