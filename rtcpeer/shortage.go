package rtcpeer

import (
	"sync/atomic"
	"time"
)

// A shortage adds up the time that a node lost because its process was short of CPU. In a shortage paths are made late
// and beats are heard late, which says nothing about the other end or the network. A limit that took such a delay for a
// failure would cause the work to be done again, which takes more CPU.
type shortage struct{ lost atomic.Int64 } // nanoseconds

// excuse returns how much of the time between two ticks does not count towards a limit, when the second tick was late.
// What a limit waits for takes several goroutines one after the other, here and at the other end, each of which is as
// late as the tick. At least a quarter of the time always counts.
func excuse(elapsed, late time.Duration) time.Duration {
	const wakeups = 8
	return min(wakeups*max(late, 0), elapsed/4*3)
}

// note notes that elapsed has passed between two ticks of the node, the second of which was late.
func (s *shortage) note(elapsed, late time.Duration) { s.lost.Add(int64(excuse(elapsed, late))) }

// A limit is a timer that allows for a shortage.
type limit struct {
	C        <-chan time.Time // nil: there is no limit
	timer    *time.Timer
	shortage *shortage
	lost     int64         // how much of shortage was allowed for
	allowed  time.Duration // allowed besides, since over was last called
	extended bool
}

// limit returns a limit of d. If d <= 0 it is never over.
func (s *shortage) limit(d time.Duration) *limit {
	l := &limit{shortage: s, lost: s.lost.Load()}
	if d > 0 {
		l.timer = time.NewTimer(d)
		l.C = l.timer.C
	}
	return l
}

// over reports, after C has fired, whether the limit is over. If not, C fires again.
func (l *limit) over() bool {
	lost := l.shortage.lost.Load()
	more := time.Duration(lost-l.lost) + l.allowed
	l.lost, l.allowed = lost, 0
	if more < time.Millisecond {
		return true
	}
	l.again(more)
	return false
}

// allow makes the limit longer by d, during which the work that it limits did not go on.
func (l *limit) allow(d time.Duration) { l.allowed += d }

// again makes C fire once more, after d.
func (l *limit) again(d time.Duration) { l.timer.Reset(d) }

// extend makes a limit that is over longer by d, but only once: it returns false the second time.
func (l *limit) extend(d time.Duration) bool {
	if l.extended {
		return false
	}
	l.extended = true
	l.again(d)
	return true
}

func (l *limit) stop() {
	if l.timer != nil {
		l.timer.Stop()
	}
}
