//go:build !js

package webrtc

import (
	"sync"
	"time"
)

// A patience is the clock of ErrLost, which runs while a path is disturbed.
type patience struct {
	limit time.Duration // from the disturbance on; negative: none

	running sync.WaitGroup // the function, or the clock that will call it

	mu    sync.Mutex // guards the fields below
	clock *time.Timer
	ended bool
}

// newPatience returns the clock of a path that may be silent for so long. Pion tells of a disturbance
// after doubt, and starts the clock then.
func newPatience(silence, doubt time.Duration) patience {
	if silence < 0 {
		return patience{limit: -1}
	}
	return patience{limit: max(silence-doubt, 0)}
}

// follow runs the clock while disturbed says so, and calls lost when it has run out. Pion tells of a
// change in a goroutine of its own, perhaps after it has told of the next: so disturbed is asked here,
// in one order for all.
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

// stop stops the clock; mu is held.
func (p *patience) stop() {
	if p.clock != nil && p.clock.Stop() {
		p.running.Done()
		p.clock = nil
	}
}

// end stops the clock for good, and waits for the function if it runs.
func (p *patience) end() {
	p.mu.Lock()
	p.ended = true
	p.stop()
	p.mu.Unlock()
	p.running.Wait()
}
