package webrtc

import "time"

// A lag measures how long the oldest unsent byte of a lane has been waiting in the browser. It records how much
// had been written at which time: one mark every markEvery, and at most mostMarks. The last mark also stands
// for everything written later, so a lag of more than a second is reported as too long.
type lag struct {
	written uint64 // bytes, ever
	marks   []mark // oldest first
}

type mark struct {
	at    time.Time // when the first byte was written
	until uint64    // value of written after the last byte
}

const (
	markEvery = 5 * time.Millisecond
	mostMarks = 256
)

// wrote records a packet. unsent is how many bytes the browser holds, including the packet.
func (l *lag) wrote(bytes, unsent int, now time.Time) {
	l.written += uint64(bytes)
	l.forget(unsent)
	if n := len(l.marks); n > 0 && (now.Sub(l.marks[n-1].at) < markEvery || n == mostMarks) {
		l.marks[n-1].until = l.written
		return
	}
	l.marks = append(l.marks, mark{at: now, until: l.written})
}

// of returns the lag. unsent is how many bytes the browser holds.
func (l *lag) of(unsent int, now time.Time) time.Duration {
	l.forget(unsent)
	if unsent == 0 || len(l.marks) == 0 {
		return 0
	}
	return now.Sub(l.marks[0].at)
}

// forget drops the marks of bytes that were sent.
func (l *lag) forget(unsent int) {
	sent := l.written - min(uint64(unsent), l.written)
	for len(l.marks) > 0 && l.marks[0].until <= sent {
		l.marks = l.marks[1:]
	}
	if len(l.marks) == 0 {
		l.marks = nil
	}
}
