package signalserver

import (
	"sync"
	"time"
)

// A quiet keeps those who are refused from filling the log: ten lines a second over time, a hundred
// at once.
type quiet struct {
	mu      sync.Mutex // guards the fields below
	lines   bucket
	skipped int
}

// line reports whether there may be a line now, and adds to its args how many there were not before it.
func (q *quiet) line(args ...any) ([]any, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lines.take(time.Now(), 100*time.Millisecond, 100) > 0 {
		q.skipped++
		return nil, false
	}
	if q.skipped > 0 {
		args = append(args, "unlogged", q.skipped)
		q.skipped = 0
	}
	return args, true
}
