//go:build !js

package webrtc

import (
	"sync"
	"time"
)

// A patience is the timer for ErrLost. It runs while a path is disturbed.
type patience struct {
	limit time.Duration // from the disturbance on; negative: no limit

	running sync.WaitGroup // the call of lost, or the timer that will make it

	mu    sync.Mutex // guards the fields below
	clock *time.Timer
	ended bool
}

// newPatience returns the timer of a path that may be silent for silence. Pion reports a disturbance after
// doubt, and only then the timer starts.
func newPatience(silence, doubt time.Duration) patience {
	if silence < 0 {
		return patience{limit: -1}
	}
	return patience{limit: max(silence-doubt, 0)}
}

// follow runs the timer while disturbed returns true, and calls lost when it expires. Pion reports each change
// in a goroutine of its own, perhaps after it has reported the next one. So follow calls disturbed itself,
// under mu.
func (p *patience) follow(disturbed func() bool, lost func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.limit < 0 || p.ended:
	case !disturbed():
		p.stop()
	case p.clock == nil:
		p.running.Add(1)
		p.clock = time.AfterFunc(p.limit, func() {
			defer p.running.Done()
			lost()
		})
	}
}

// stop stops the timer; mu is held.
func (p *patience) stop() {
	if p.clock != nil && p.clock.Stop() {
		p.running.Done()
		p.clock = nil
	}
}

// end stops the timer for good, and waits if lost is running.
func (p *patience) end() {
	p.mu.Lock()
	p.ended = true
	p.stop()
	p.mu.Unlock()
	p.running.Wait()
}
