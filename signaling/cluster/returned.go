package cluster

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
)

// This file repeats frames of a client to the next owner of its room, for two reasons.
//
// The owner did not handle them, because the room was about to move. It returns such frames, and the place sends them to
// the next owner. Before that it waits until the earlier owner has answered opRecall, so that nothing comes back later.
// If the answer does not come in time and newer frames were sent meanwhile, what comes back is dropped (DropLate), so
// that no frame overtakes another.
//
// The owner may have died before it handled them. A client says only once that it has lost its host, or that a member is
// to be removed; signals need no repetition, because links repeat them. So the place keeps the latest of such frames and
// sends them to the next owner, whether the earlier one has handled them or not: that is not always known, and each of
// them may come twice without harm. A Leave is sent to each owner until one has confirmed it, even if the session has
// ended meanwhile. Otherwise the next owner would keep the member's place for the grace period.

const (
	// maxReturned is how many frames a place keeps for the next owner. Further ones are dropped: DropFull.
	maxReturned = 1024
	// leaveTime is how long a place outlives its session to repeat a Leave.
	leaveTime = 30 * time.Second
	// keptTime is how long a frame is kept for the case that the owner is dead: longer than it takes to know.
	keptTime = 30 * time.Second
	// maxKept is how many such frames are kept. Each is the latest of its kind, and a Kick the latest of its member.
	maxKept = 16
	// keptSize is the size of the longest frame that is kept, in bytes. One with many spaces or unknown fields may be
	// longer: then it is not repeated.
	keptSize = 2 * signaling.MaxMetadata
)

// A keptFrame is a frame of the client that is sent again to the next owner.
type keptFrame struct {
	kind  signaling.Kind
	about signaling.PeerID // of a Kick
	lease string           // of the owner to which it was sent
	frame []byte
	at    time.Time
}

// note keeps a frame that is about to be forwarded if it must not be lost with the owner. The caller holds mu.
func (p *Place) note(frame []byte) {
	if !p.seated || len(frame) > keptSize || bytes.Contains(frame, signalKind) {
		return
	}
	m, err := p.session.Dialect().Decode(frame)
	if err != nil {
		return
	}
	k := keptFrame{kind: m.Kind(), lease: p.owner.lease, at: time.Now()}
	switch m := m.(type) {
	case signaling.Leave:
		p.leave = bytes.Clone(frame)
		return
	case signaling.Kick:
		k.about = m.ID
	case signaling.Seal, signaling.Lock, signaling.Successor, signaling.HostLost, signaling.Metadata:
	default:
		return
	}
	k.frame = bytes.Clone(frame)
	p.kept = slices.DeleteFunc(p.kept, func(old keptFrame) bool {
		return old.kind == k.kind && old.about == k.about || time.Since(old.at) > keptTime
	})
	if len(p.kept) == maxKept {
		p.kept = slices.Delete(p.kept, 0, 1)
	}
	p.kept = append(p.kept, k)
}

// signalKind is in all signals, by far the most frames, so that they need not be decoded here.
var signalKind = []byte(`"` + signaling.KindSignal + `"`)

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

// takeReturned returns what must be sent again to the owner with that lease: what may be lost with an earlier one, frames
// that came back, and a Leave that no owner has confirmed. The caller holds mu.
func (p *Place) takeReturned(lease string) (frames [][]byte) {
	for i, k := range p.kept {
		if k.lease != lease && time.Since(k.at) <= keptTime {
			frames = append(frames, k.frame)
			p.kept[i].lease = lease
		}
	}
	frames, p.returned = append(frames, p.returned...), nil
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
	if frames := p.takeReturned(p.owner.lease); len(frames) > 0 {
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
	lease := p.node.leaseNow()
	p.mu.Lock()
	frames := p.takeReturned(lease)
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
