// Package bubble runs tests in the fake time of testing/synctest.
package bubble

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"example.org/rtcpeer/testdata/race"
)

// alone counts the bubbles for which the program has one processor, and knows how many it had before.
var alone struct {
	mu      sync.Mutex
	bubbles int
	before  int
}

// Test is synctest.Test. With the race detector the program has one processor meanwhile: all timers of a bubble share
// one thread of ThreadSanitizer, which crashes when two processors fire two of them (go.dev/issue/78156, Go 1.26).
func Test(t *testing.T, f func(*testing.T)) {
	t.Helper()
	if race.Enabled {
		enter()
		defer leave()
	}
	synctest.Test(t, f)
}

func enter() {
	alone.mu.Lock()
	defer alone.mu.Unlock()
	if alone.bubbles++; alone.bubbles == 1 {
		alone.before = runtime.GOMAXPROCS(1)
	}
}

func leave() {
	alone.mu.Lock()
	defer alone.mu.Unlock()
	if alone.bubbles--; alone.bubbles == 0 {
		runtime.GOMAXPROCS(alone.before)
	}
}
