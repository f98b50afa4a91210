package rtcpeer

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// A path is one transport connection of a link: being made, in use, or replaced. It belongs to link.run.
//
//	link.run ---- hello, prove, take, bye, beat ---->
//	readers  ---- beat, with what was taken -------->  control lane
//	controlLoop <------------------------------------
//	   |-> lanes: what the other end has taken
//	   |-> link.run: everything else
type path struct {
	// Fixed at construction.
	link    *link
	raw     transport.Path
	attempt int
	began   time.Time
	offers  bool
	acks    bool              // its acknowledgements show that the other process is there
	checked transport.Checked // raw, if the checks of its route show that, too; else nil

	forwarded bool // through the signaling server

	// Set by link.run when every lane is open.
	lanes   []transport.Lane
	control transport.Lane // nil on a link that cannot be repaired
	sparing bool           // nobody checks its route, and both ends send less: see beat

	// Owned by link.run.
	proven       bool   // the other end has proven who it is
	acknowledged uint64 // how much of said was acknowledged

	told []uint64 // what the other end has taken, from its last beat; owned by controlLoop

	heard atomic.Uint64 // control frames received
	said  atomic.Uint64 // control frames sent

	counted atomic.Bool // the other end, which offers, takes acknowledgements as signs of this one
	rests   atomic.Bool // the answering end has said that it rests

	// The checks of the route take the place of beats.
	checksHere  atomic.Bool // for this end
	checksThere atomic.Bool // for the other end, as its last beat says

	mu     sync.Mutex // guards the fields below, and makes it one act to read counts and to send them
	counts []uint64
	times  []uint64
	frame  []byte
}

// opened takes the lanes of a path that has opened, and starts to read its control frames.
func (p *path) opened() {
	n := len(p.link.node.channels)
	p.lanes = make([]transport.Lane, n)
	for i := range p.lanes {
		p.lanes[i] = p.raw.Lane(i)
	}
	if p.link.id != "" {
		p.control = p.raw.Lane(n)
		p.sparing = p.checked != nil && p.checked.Unchecked()
		p.link.goroutines.Go(p.controlLoop)
	}
}

// say sends a control frame.
func (p *path) say(frame []byte) {
	if p.control.Write(frame) == nil { // else the path has ended, which controlLoop tells
		p.said.Add(1)
	}
}

// beat tells the other end that this end is there, and what it has taken.
func (p *path) beat(flags byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts, p.times = p.link.counts(p.counts[:0]), p.times[:0]
	if flags != 0 && p.link.timing.takes.Load() {
		p.times = p.link.times(p.times)
	}
	p.frame = appendBeat(p.frame[:0], flags|beatTimes|p.aliveFlags(), p.counts, p.times...)
	p.say(p.frame)
}

// aliveFlags returns the flags of each beat with which the two ends agree how each notices that the other is alive. If
// both see the checks of the route, an idle link has no beats but those that measure times. Otherwise the offering end
// beats and counts acknowledgements, and the answering end sends no beats: an idle link then has one small packet a
// second each way, the beat and its acknowledgement. If both ends beat, each also acknowledges the other's beats.
func (p *path) aliveFlags() (flags byte) {
	if p.checksHere.Load() {
		flags |= beatChecks
	}
	switch {
	case !p.acks:
	case p.offers:
		flags |= beatCounts
	case p.counted.Load():
		p.rests.Store(true)
		flags |= beatRests
	}
	return flags
}

// acknowledges reports whether the other end, which rests, has acknowledged what this end has said since the last call.
func (p *path) acknowledges() bool {
	said := p.said.Load()
	if !p.offers || !p.rests.Load() || said == p.acknowledged || p.control.Buffered() > 0 {
		return false
	}
	p.acknowledged = said
	return true
}

// maxUnheard is how many bytes of control frames may wait for the other end before no more are sent to it: a path that
// works again after an hour must not bring a flood.
const maxUnheard = 1 << 10

// tell is like beat, for beats that can be left out: it sends none while too many wait.
func (p *path) tell(flags byte) {
	if p.control.Buffered() < maxUnheard {
		p.beat(flags)
	}
}

// bye tells the other end why this end ends the link, and waits until that has arrived or ctx is over. It reports
// whether it has arrived.
func (p *path) bye(ctx context.Context, reason DisconnectReason) bool {
	arrived := make(chan struct{}, 1)
	p.control.NotifyLow(0, func() { notify(arrived) })
	p.say(appendBye(nil, byeOf(reason), nil))
	for p.control.Buffered() > 0 {
		select {
		case <-arrived:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// carries reports whether reliable packets of the lanes are on their way. It puts a token into wake when those, or the
// control frames, have arrived.
func (p *path) carries(l *link, wake chan struct{}) bool {
	low := func() { notify(wake) }
	p.control.NotifyLow(0, low)
	carries := false
	for i, ln := range l.lanes {
		if ln.mode == Reliable {
			p.lanes[i].NotifyLow(0, low)
			carries = carries || p.lanes[i].Buffered() > 0
		}
	}
	return carries
}

// prove returns the proof of one end of the path.
func (p *path) prove(offers bool) [macSize]byte {
	return p.link.secret.prove(offers, p.attempt, p.raw.Binding())
}

// relayed reports whether the path goes through a TURN server or the signaling server, so that a better one is looked
// for.
func (p *path) relayed() bool { return p.grade() < gradeDirect }

// A heardControl is what controlLoop hands to link.run: a frame, the error of a bad one, or the end.
type heardControl struct {
	path  *path
	frame control
	bad   error
	ended bool
}

// controlLoop reads control frames until the path ends or the other end sends a bad one.
func (p *path) controlLoop() {
	b := make([]byte, 64)
	for {
		n, err := p.control.Read(b)
		switch {
		case errors.Is(err, io.ErrShortBuffer) && len(b) < maxControlFrame:
			b = make([]byte, min(8*len(b), maxControlFrame))
			continue
		case errors.Is(err, io.ErrShortBuffer):
			p.link.hear(&heardControl{path: p, bad: errBadControl})
			return
		case err != nil:
			p.link.hear(&heardControl{path: p, ended: true})
			return
		}
		if !p.take(b[:n]) {
			return
		}
	}
}

// take handles a control frame. It returns false if the frame is bad.
func (p *path) take(b []byte) bool {
	at := p.link.node.clock.micros()
	p.heard.Add(1)
	f, err := decodeControl(b, p.link.node.channels.reliable(), p.told)
	if err == nil && f.kind == frameBeat {
		p.told = f.counts
		err = p.beaten(f, at)
	} else if err == nil {
		f.counts = slices.Clone(f.counts)
		p.link.hear(&heardControl{path: p, frame: f})
	}
	if err != nil {
		p.link.hear(&heardControl{path: p, bad: err})
	}
	return err == nil
}

// beaten handles a beat of the other end, which came when the node's clock showed at.
func (p *path) beaten(f control, at uint64) error {
	if err := p.link.takenByOther(p, f.counts); err != nil {
		return err
	}
	if p.link.path.Load() != p {
		return nil // the link does not go over this path, and its other end may not have proven who it is
	}
	p.checksThere.Store(p.checked != nil && f.flags&beatChecks != 0)
	switch {
	case !p.acks:
	case p.offers:
		p.rests.Store(p.rests.Load() || f.flags&beatRests != 0)
	case f.flags&beatCounts != 0:
		p.counted.Store(true)
	}
	p.link.timed(f, at)
	if f.flags&beatAsks != 0 {
		p.tell(beatAnswers)
	}
	if f.flags&beatAnswers != 0 {
		notify(p.link.answers)
	}
	return nil
}
