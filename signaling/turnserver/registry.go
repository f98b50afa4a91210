package turnserver

import (
	"net/netip"
	"sync"

	"example.org/rtcpeer/signaling/networks"
)

// A registry holds the relays and streams of a server, and counts those of each user and each address.
type registry struct {
	// Fixed at construction.
	maxAllocations, maxStreams int
	perUser, perAddress        int // negative: no limit

	running sync.WaitGroup // relays and streams whose goroutine in Pion has not returned

	mu          sync.RWMutex // guards the fields below
	closed      bool
	allocations int // places taken, including those whose relay is still being created
	byUser      map[string]int
	byAddress   map[netip.Prefix]int
	streamsOf   map[netip.Prefix]int
	relays      map[netip.AddrPort]*relay // by public address
	streams     map[streamKey]*stream
}

func newRegistry(c *Config) *registry {
	return &registry{
		maxAllocations: c.MaxAllocations,
		maxStreams:     c.MaxStreams,
		perUser:        c.PerUser,
		perAddress:     c.PerAddress,
		byUser:         make(map[string]int),
		byAddress:      make(map[netip.Prefix]int),
		streamsOf:      make(map[netip.Prefix]int),
		relays:         make(map[netip.AddrPort]*relay),
		streams:        make(map[streamKey]*stream),
	}
}

// room reports whether there is a place for an allocation, and if not, why.
func (reg *registry) room(c claim) (reasonIndex, bool) {
	reg.mu.RLock()
	defer reg.mu.RUnlock()
	return reg.roomLocked(c)
}

func (reg *registry) roomLocked(c claim) (reasonIndex, bool) {
	switch {
	case reg.closed, reg.allocations >= reg.maxAllocations:
		return refusedCapacity, false
	case full(reg.byUser[c.user], reg.perUser):
		return refusedQuotaUser, false
	case reg.fullAddress(reg.byAddress, c.address):
		return refusedQuotaAddress, false
	}
	return 0, true
}

// take is room, but also takes the place, until free.
func (reg *registry) take(c claim) (reasonIndex, bool) {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	if w, ok := reg.roomLocked(c); !ok {
		return w, false
	}
	reg.allocations++
	reg.byUser[c.user]++
	for _, n := range networks.Around(c.address.Addr()) {
		reg.byAddress[n]++
	}
	return 0, true
}

// of returns how many places a user has taken.
func (reg *registry) of(user string) int {
	reg.mu.RLock()
	defer reg.mu.RUnlock()
	return reg.byUser[user]
}

// free gives back the place of a claim.
func (reg *registry) free(c claim) {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	reg.allocations--
	less(reg.byUser, c.user)
	for _, n := range networks.Around(c.address.Addr()) {
		less(reg.byAddress, n)
	}
}

// addRelay adds a relay whose place was taken. It returns false if the server is closed.
func (reg *registry) addRelay(r *relay) bool {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	if reg.closed {
		return false
	}
	reg.relays[r.public] = r
	reg.running.Add(1)
	return true
}

func (reg *registry) removeRelay(r *relay) {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	if reg.relays[r.public] == r {
		delete(reg.relays, r.public)
	}
}

// relayAt returns the relay that is announced at an address, or nil.
func (reg *registry) relayAt(public netip.AddrPort) *relay {
	reg.mu.RLock()
	defer reg.mu.RUnlock()
	return reg.relays[public]
}

// addStream adds a stream, or returns why it cannot.
func (reg *registry) addStream(s *stream) (reasonIndex, bool) {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	switch {
	case reg.closed, len(reg.streams) >= reg.maxStreams:
		return refusedCapacity, false
	case reg.fullAddress(reg.streamsOf, s.address):
		return refusedQuotaAddress, false
	}
	reg.streams[s.key] = s
	for _, n := range networks.Around(s.address.Addr()) {
		reg.streamsOf[n]++
	}
	reg.running.Add(1)
	return 0, true
}

func (reg *registry) removeStream(s *stream) {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	delete(reg.streams, s.key)
	for _, n := range networks.Around(s.address.Addr()) {
		less(reg.streamsOf, n)
	}
}

// streamAt returns the stream between two addresses, or nil.
func (reg *registry) streamAt(key streamKey) *stream {
	reg.mu.RLock()
	defer reg.mu.RUnlock()
	return reg.streams[key]
}

// close refuses new relays and streams, ends the existing ones and waits for them.
func (reg *registry) close() {
	reg.mu.Lock()
	reg.closed = true
	var all []interface{ end() }
	for _, s := range reg.streams {
		all = append(all, s)
	}
	for _, r := range reg.relays {
		all = append(all, r)
	}
	reg.mu.Unlock()
	for _, one := range all {
		one.end()
	}
	reg.running.Wait()
}

func (reg *registry) count() (allocations, streams int) {
	reg.mu.RLock()
	defer reg.mu.RUnlock()
	return reg.allocations, len(reg.streams)
}

// fullAddress reports whether an address, or a network around it, has reached its limit: a /56 may have twice as many
// as a /64, and a /48 four times.
func (reg *registry) fullAddress(counts map[netip.Prefix]int, address netip.Prefix) bool {
	for i, n := range networks.Around(address.Addr()) {
		if reg.perAddress >= 0 && counts[n] >= reg.perAddress<<i {
			return true
		}
	}
	return false
}

func full(n, limit int) bool { return limit >= 0 && n >= limit }

// less decrements a count, and deletes it at zero.
func less[K comparable](counts map[K]int, key K) {
	if counts[key]--; counts[key] <= 0 {
		delete(counts, key)
	}
}
