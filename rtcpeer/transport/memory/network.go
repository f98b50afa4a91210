package memory

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Network is a set of hosts that can reach each other. NewNetwork makes one; the zero value is not ready for use. Its
// methods may be called from any goroutine.
type Network struct {
	options atomic.Pointer[Options] // replaced as a whole by Adjust

	// mu guards the fields below and the fields of Transport and path that are marked so: everything about how
	// paths come and go, which is rare. pipe.mu guards what the paths carry. Lock order: mu, pipe.mu.
	mu     sync.Mutex
	hosts  uint64           // number of the last host
	last   uint64           // id of the last path
	paths  map[uint64]*path // until they are closed
	cuts   map[way]bool     // directions in which nothing passes
	relays map[way]bool     // pairs of hosts without a direct route; both directions are in it
}

// A way is a direction: from one host to another.
type way struct{ from, to *Transport }

// NewNetwork returns a network without hosts.
func NewNetwork(o Options) *Network {
	n := &Network{paths: make(map[uint64]*path), cuts: make(map[way]bool), relays: make(map[way]bool)}
	o = o.withDefaults()
	n.options.Store(&o)
	return n
}

// Transport adds a host to the network and returns its transport. Each node of a test has its own.
func (n *Network) Transport() *Transport {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts++
	return &Transport{network: n, number: n.hosts}
}

// Adjust changes the options for packets that are written from now on. change gets the present options. Packets
// in flight arrive as they would have.
func (n *Network) Adjust(change func(*Options)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	o := *n.options.Load()
	change(&o)
	o = o.withDefaults()
	n.options.Store(&o)
}

// Partition separates two hosts: nothing passes between them until Heal. Packets in flight on unreliable lanes
// are lost; reliable lanes keep theirs. After PathConfig.LostAfter, or Options.LostAfter if that is 0, both ends of
// each of their paths end with transport.ErrLost.
func (n *Network) Partition(a, b *Transport) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cuts[way{a, b}], n.cuts[way{b, a}] = true, true
	n.refresh()
}

// PartitionOneWay lets nothing pass from one host to another until Heal. The other direction is not affected.
// At first only the receiving host hears nothing, and gives up its paths after LostAfter. From then on the
// sending host hears nothing either, and gives up its paths after another LostAfter. A path opens only if both
// directions are open, as with ICE.
func (n *Network) PartitionOneWay(from, to *Transport) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cuts[way{from, to}] = true
	n.refresh()
}

// Heal ends every partition between two hosts. Paths that were not given up continue.
func (n *Network) Heal(a, b *Transport) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.cuts, way{a, b})
	delete(n.cuts, way{b, a})
	n.refresh()
}

func (n *Network) blocked(from, to *Transport) bool {
	return from.killed || to.killed || n.cuts[way{from, to}]
}

// refresh updates all paths after a change of partitions and routes, in the order in which they were made. The
// caller holds n.mu.
func (n *Network) refresh() {
	for _, id := range slices.Sorted(maps.Keys(n.paths)) {
		if p := n.paths[id]; p != nil && p.peer != nil && !p.over {
			p.refresh()
		}
	}
}

// after runs step with n.mu held. If d is zero it runs it at once, and the caller must hold n.mu; otherwise a
// timer runs it.
func (n *Network) after(d time.Duration, step func()) {
	if d == 0 {
		step()
		return
	}
	time.AfterFunc(d, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		step()
	})
}
