package turnserver

import (
	"net/netip"
	"sync"
)

// places are what a server has room for: its relays and streams, and how many of them each user and
// each address has.
type places struct {
	// Fixed at construction.
	maxAllocations, maxStreams int
	perUser, perAddress        int // negative: no limit

	running sync.WaitGroup // relays and streams whose goroutine of Pion has not returned

	mu          sync.RWMutex // guards the fields below
	closed      bool
	allocations int // claims taken, those whose relay is being made included
	byUser      map[string]int
	byAddress   map[netip.Prefix]int
	streamsOf   map[netip.Prefix]int
	relays      map[netip.AddrPort]*relay // by public address
	streams     map[streamKey]*stream
}

func newPlaces(c *Config) *places {
	return &places{
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

// room reports whether there is a place for an allocation, and if not the word for it.
func (p *places) room(c claim) (word, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.roomLocked(c)
}

func (p *places) roomLocked(c claim) (word, bool) {
	switch {
	case p.closed, p.allocations >= p.maxAllocations:
		return refusedCapacity, false
	case full(p.byUser[c.user], p.perUser):
		return refusedQuotaUser, false
	case p.fullAddress(p.byAddress, c.address):
		return refusedQuotaAddress, false
	}
	return 0, true
}

// take is room, and holds the place until free.
func (p *places) take(c claim) (word, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w, ok := p.roomLocked(c); !ok {
		return w, false
	}
	p.allocations++
	p.byUser[c.user]++
	for _, n := range networks(c.address) {
		p.byAddress[n]++
	}
	return 0, true
}

// of is how many places a user has taken.
func (p *places) of(user string) int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.byUser[user]
}

// free gives the place of a claim back.
func (p *places) free(c claim) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.allocations--
	less(p.byUser, c.user)
	for _, n := range networks(c.address) {
		less(p.byAddress, n)
	}
}

// addRelay enters a relay whose place was taken, unless the server is closed.
func (p *places) addRelay(r *relay) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.relays[r.public] = r
	p.running.Add(1)
	return true
}

func (p *places) removeRelay(r *relay) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.relays[r.public] == r {
		delete(p.relays, r.public)
	}
}

// relayAt returns the relay that is announced at an address, or nil.
func (p *places) relayAt(public netip.AddrPort) *relay {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.relays[public]
}

// addStream enters a stream, or says why not.
func (p *places) addStream(s *stream) (word, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed, len(p.streams) >= p.maxStreams:
		return refusedCapacity, false
	case p.fullAddress(p.streamsOf, s.address):
		return refusedQuotaAddress, false
	}
	p.streams[s.key] = s
	for _, n := range networks(s.address) {
		p.streamsOf[n]++
	}
	p.running.Add(1)
	return 0, true
}

func (p *places) removeStream(s *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.streams, s.key)
	for _, n := range networks(s.address) {
		less(p.streamsOf, n)
	}
}

// streamAt returns the stream between two addresses, or nil.
func (p *places) streamAt(key streamKey) *stream {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.streams[key]
}

// close lets nobody in any more, ends those who are there and waits for them.
func (p *places) close() {
	p.mu.Lock()
	p.closed = true
	var all []interface{ end() }
	for _, s := range p.streams {
		all = append(all, s)
	}
	for _, r := range p.relays {
		all = append(all, r)
	}
	p.mu.Unlock()
	for _, one := range all {
		one.end()
	}
	p.running.Wait()
}

func (p *places) count() (allocations, streams int) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.allocations, len(p.streams)
}

// fullAddress reports whether an address, or a network around it, has as many as it may: a /56 twice as many as a
// /64, and a /48 four times.
func (p *places) fullAddress(counts map[netip.Prefix]int, address netip.Prefix) bool {
	for i, n := range networks(address) {
		if p.perAddress >= 0 && counts[n] >= p.perAddress<<i {
			return true
		}
	}
	return false
}

func full(n, limit int) bool { return limit >= 0 && n >= limit }

// less counts down, and forgets who has none.
func less[K comparable](counts map[K]int, key K) {
	if counts[key]--; counts[key] <= 0 {
		delete(counts, key)
	}
}
