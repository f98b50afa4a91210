package memory

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Network is a set of hosts that can reach each other. Its methods may be called from any
// goroutine.
type Network struct {
	options atomic.Pointer[Options] // replaced as a whole by Adjust

	// mu guards the fields below and those that Transport and path say it does: all of how paths
	// come and go, which is rare. What they carry is guarded by pipe.mu. Lock order: mu, pipe.mu.
	mu     sync.Mutex
	hosts  uint64           // number of the last one
	last   uint64           // id of the last path
	paths  map[uint64]*path // until they are closed
	cuts   map[way]bool     // where nothing passes
	relays map[way]bool     // hosts that have no direct route to each other; both ways are in it
}

// A way leads from one host to another.
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

// Adjust changes the options for what is written from now on: change gets the present ones. What
// is in flight arrives as it would have.
func (n *Network) Adjust(change func(*Options)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	o := *n.options.Load()
	change(&o)
	o = o.withDefaults()
	n.options.Store(&o)
}

// Partition parts two hosts: nothing passes between them until Heal. What is in flight on
// unreliable lanes is lost; reliable lanes keep what they have. After Options.LostAfter both ends of
// each of their paths end with transport.ErrLost.
func (n *Network) Partition(a, b *Transport) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cuts[way{a, b}], n.cuts[way{b, a}] = true, true
	n.refresh()
}

// PartitionOneWay has nothing pass from one host to another until Heal, while the other way stays as it
// is. Only the end at to hears nothing, and gives its paths up; the end at from then hears nothing
// either, and gives them up after LostAfter more. A path opens only where both ways are open, as ICE
// would have it.
func (n *Network) PartitionOneWay(from, to *Transport) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cuts[way{from, to}] = true
	n.refresh()
}

// Heal ends every partition of two hosts. Paths that were not given up go on.
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

// refresh brings all paths in line with what is parted now, in the order in which they were made. The
// caller holds n.mu.
func (n *Network) refresh() {
	for _, id := range slices.Sorted(maps.Keys(n.paths)) {
		if p := n.paths[id]; p != nil && p.peer != nil && !p.over {
			p.refresh()
		}
	}
}

// after runs step with n.mu held: now if d is zero, when the caller must hold it, or by a timer.
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
