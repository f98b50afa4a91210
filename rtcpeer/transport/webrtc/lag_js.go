package webrtc

import "time"

// A lag tells for how long the oldest byte of a lane has waited that the browser has not yet sent. It
// keeps when how much had been written, one mark for each markEvery, and at most mostMarks; the last
// stands for all later ones, which tells a lag of more than a second too long.
type lag struct {
	written uint64 // bytes, ever
	marks   []mark // oldest first
}

type mark struct {
	at    time.Time // of the first byte
	until uint64    // written, with the last byte
}

const (
	markEvery = 5 * time.Millisecond
	mostMarks = 256
)

// wrote notes a packet; unsent is what the browser holds, with it.
func (l *lag) wrote(bytes, unsent int, now time.Time) {
	l.written += uint64(bytes)
	l.forget(unsent)
	if n := len(l.marks); n > 0 && (now.Sub(l.marks[n-1].at) < markEvery || n == mostMarks) {
		l.marks[n-1].until = l.written
		return
	}
	l.marks = append(l.marks, mark{at: now, until: l.written})
}

// of returns the lag, where the browser holds unsent bytes.
func (l *lag) of(unsent int, now time.Time) time.Duration {
	l.forget(unsent)
	if unsent == 0 || len(l.marks) == 0 {
		return 0
	}
	return now.Sub(l.marks[0].at)
}

// forget drops the marks of what was sent.
func (l *lag) forget(unsent int) {
	sent := l.written - min(uint64(unsent), l.written)
	for len(l.marks) > 0 && l.marks[0].until <= sent {
		l.marks = l.marks[1:]
	}
	if len(l.marks) == 0 {
		l.marks = nil
	}
}
