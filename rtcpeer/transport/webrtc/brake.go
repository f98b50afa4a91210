//go:build !js

package webrtc

import (
	"math"
	"sync"
	"time"
)

// A brake keeps a flood of unreliable packets from pushing others off a path. Unreliable lanes send at once, and SCTP's
// own window holds nobody back (sctpFloor). As soon as packets wait in a queue on the path, and are lost there or do not
// cease to wait, the lanes share a gentle window of their own: a packet that does not fit has no room, and is dropped here
// instead of there. The window stays for as long as it is used; a program that sends little is never held up.
type brake struct {
	lanes []*lane // the unreliable ones; fixed before the path opens

	mu     sync.Mutex // guards the fields below
	window window
	on     bool // the window is in force
	// What SCTP has given up counts as acknowledged there, and may not count here.
	last      flow
	lost      float64 // share of what was on the wire for the first time, in the last interval
	delivered float64 // bytes
}

const (
	// lossyRoom is what an unreliable lane may have in flight whatever others have: a game's state, 60 packets a second
	// of 200 bytes, takes as much in a second.
	lossyRoom = 16 << 10 // bytes
	// floods is the share of lost packets at which a queue on the path is that of a flood. Where packets are lost by chance
	// alone there is no queue.
	floods = 1. / 8
	// heldUp is the lag of a lane that has no room. It is longer than any that a program would wait.
	heldUp time.Duration = math.MaxInt64
)

// full reports whether a lane has no room for a further packet.
func (b *brake) full(l *lane, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	var f flow
	var took time.Duration
	var inFlight uint64
	for _, l := range b.lanes {
		buffered := l.channel.BufferedAmount()
		written, t := l.flight.progress(int(buffered), now)
		inFlight += buffered
		f.acknowledged += written - min(buffered, written)
		if t > 0 {
			took = t
		}
	}
	f.expected = l.path.outlet.expected.Load()
	room := b.room(f, took, int(inFlight), l.path.outlet.sent, now)
	return l.channel.BufferedAmount() > lossyRoom && int(inFlight) > room
}

// room is how many bytes may be in flight, as so many are.
func (b *brake) room(f flow, took time.Duration, inFlight int, sent func() uint64, now time.Time) int {
	b.delivered += float64(f.acknowledged-b.last.acknowledged) * (1 - b.lost*b.lost) // what was lost was sent once more
	b.last.acknowledged = f.acknowledged
	f.acknowledged = uint64(b.delivered)
	asked := func() uint64 {
		s := sent()
		if expected := f.expected - b.last.expected; expected > 0 {
			b.lost = min(float64(s-b.last.sent)/float64(expected)-1, 1)
			b.lost = max(b.lost, 0)
		}
		b.last.expected, b.last.sent = f.expected, s
		return s
	}
	b.window.update(f, took, inFlight < b.window.size(false)/2, asked, now)
	switch w := &b.window; {
	case w.grown == 0: // it begins, perhaps anew
		b.on = false
	case w.contest > 0, b.lost > floods && w.queue() > w.shortest*3/10+slack:
		b.on = true
	}
	if b.on {
		return b.window.size(false)
	}
	return math.MaxInt
}
