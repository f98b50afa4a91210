//go:build !js

package webrtc

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pion/ice/v4"
)

// routeChecks counts ICE's checks of the route in use. Each end makes one a second (keepalive), unless it is sparing.
type routeChecks struct {
	mu       sync.Mutex // guards the fields below
	requests uint64     // of the other end
	pairs    []*ice.CandidatePair
}

// maxPairs is how many pairs of candidates are remembered. The route in use is one of those over which requests
// of the other end have come, but not always the last, because each end tries all pairs while the path is being made.
const maxPairs = 8

// note notes a request of the other end, which Pion has authenticated.
func (c *routeChecks) note(pair *ice.CandidatePair) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	if slices.Contains(c.pairs, pair) {
		return
	}
	if len(c.pairs) == maxPairs {
		c.pairs = c.pairs[:maxPairs-1]
	}
	c.pairs = append(c.pairs, pair)
}

// count returns how many requests of the other end have come, and how many answers to those of this end.
func (c *routeChecks) count() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.requests
	for _, pair := range c.pairs {
		n += pair.ResponsesReceived()
	}
	return n
}

// A crowd counts paths that share a CPU.
type crowd struct {
	limit int64
	paths atomic.Int64
}

// processCrowd counts the paths of this process. An end whose route is checked takes 0.15 ms of CPU a second while
// nobody sends (rtcpeer/BENCHMARKS.md), so the 1250 that a CPU may have take a fifth of it.
var processCrowd = &crowd{limit: 1250 * int64(runtime.GOMAXPROCS(0))}

// enter counts a path, and reports whether there are too many for it to check its route.
func (c *crowd) enter() (crowded bool) { return c.paths.Add(1) > c.limit }

func (c *crowd) crowded() bool { return c.paths.Load() > c.limit }

func (c *crowd) leave() { c.paths.Add(-1) }

// sparing says which ends of a path make no checks of the route in use. An end decides that once, because Pion fixes
// the interval when it makes the PeerConnection, and tells the other end in its description. While one end checks, both
// see checks: its own or the answers. If both are sparing, their owners have to notice a silence.
type sparing struct {
	here  bool
	there atomic.Bool
}

// sparingLine is in the description of a sparing end. Other implementations ignore it.
const sparingLine = "a=x-rtcpeer-sparing\r\n"

// sparingPart is how many times longer than other paths a sparing one may be silent before it counts as disturbed, because
// its owner sends that much less often.
const sparingPart = 5

// describe adds the line to a description of this end.
func (s *sparing) describe(sdp string) string {
	if s.here {
		return sdp + sparingLine
	}
	return sdp
}

// described reads the other end's description.
func (s *sparing) described(sdp string) { s.there.Store(strings.Contains(sdp, "\n"+sparingLine)) }

func (s *sparing) both() bool { return s.here && s.there.Load() }
