//go:build !js

package webrtc

import (
	"sync/atomic"

	"github.com/pion/ice/v4"
)

// routeChecks counts ICE's checks of the route in use. Each end makes one a second (keepalive).
type routeChecks struct {
	requests atomic.Uint64                     // of the other end
	pair     atomic.Pointer[ice.CandidatePair] // that the last of them came over
}

// note notes a request of the other end, which Pion has authenticated.
func (c *routeChecks) note(pair *ice.CandidatePair) {
	c.requests.Add(1)
	if c.pair.Load() != pair {
		c.pair.Store(pair)
	}
}

// count returns how many requests of the other end have come, and how many answers to those of this end.
func (c *routeChecks) count() uint64 {
	n := c.requests.Load()
	if pair := c.pair.Load(); pair != nil {
		n += pair.ResponsesReceived()
	}
	return n
}
