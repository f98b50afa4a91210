package signalserver

import (
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"example.org/rtcpeer/signaling/clock"
	"example.org/rtcpeer/signaling/networks"
	"example.org/rtcpeer/signaling/rooms"
)

// addresses remembers, for a while, what counts toward the limits of each address. It is bounded: when the number
// of entries has reached the field most, it forgets an idle address for each new one.
type addresses struct {
	// Fixed at construction.
	clock                 *clock.Clock
	config                Config
	most                  int
	sessions              int // most of one address; 0: no limit
	rooms, public         int // likewise
	burst                 int
	connectRate, joinRate int // a second; 0: no limit

	budget budget // of all addresses; safe for concurrent use

	mu    sync.Mutex // guards the fields below, and the addresses
	known map[netip.Prefix]*address
}

// An address is a network of package networks, the /56 and /48 of IPv6 included. All invalid addresses are one address.
type address struct {
	// Fixed at construction.
	all   *addresses
	wider *address      // the /56 around a /64, or the /48 around a /56; nil: none
	share int           // its limits are this many times those of one address
	open  bool          // may be a proxy's and stand for many clients: not limited
	relay *rate.Limiter // limits the binary frames of its members; nil: not limited; safe for concurrent use

	held atomic.Int64 // bytes of the budget; safe for concurrent use

	// Guarded by addresses.mu.
	narrower        int // number of addresses whose wider address this is
	sessions        int
	rooms, public   int // created by this address
	connects, joins clock.Bucket
}

const (
	// forgetEvery is the time between two searches for addresses that can be forgotten.
	forgetEvery = time.Minute
	// sessionsPerAddress is the default of Config.MaxSessionsPerAddress: enough for a school or a company.
	sessionsPerAddress = 512
	// roomsPerAddress and publicPerAddress are the defaults of Config.MaxRoomsPerAddress and
	// Config.MaxPublicPerAddress: enough for a school that plays in pairs, and for a machine full of game servers.
	roomsPerAddress  = 256
	publicPerAddress = 64
)

func newAddresses(c Config, k *clock.Clock) *addresses {
	burst := c.MaxSessionsPerAddress
	if burst < 0 {
		burst = sessionsPerAddress
	}
	return &addresses{
		budget:      budget{most: int64(c.MaxBuffered)},
		clock:       k,
		config:      c,
		most:        4 * (c.MaxSessions + 1024),
		sessions:    max(c.MaxSessionsPerAddress, 0),
		rooms:       max(c.MaxRoomsPerAddress, 0),
		public:      max(c.MaxPublicPerAddress, 0),
		burst:       burst,
		connectRate: max(c.ConnectRate, 0),
		joinRate:    max(c.JoinRate, 0),
		known:       make(map[netip.Prefix]*address),
	}
}

// remoteAddr is the default of Config.RemoteAddr.
func remoteAddr(r *http.Request) netip.Addr {
	a, _ := netip.ParseAddrPort(r.RemoteAddr)
	return a.Addr()
}

// enter counts a session, or returns how long it must wait, and why. leave reverses enter.
func (a *addresses) enter(remote netip.Addr) (_ *address, wait time.Duration, why string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	one := a.find(remote)
	if over(one, a.sessions, func(l *address) int { return l.sessions }) {
		return nil, retryAfter, "too many connections of this address at a time"
	}
	if wait := a.take(one, a.connectRate, func(l *address) *clock.Bucket { return &l.connects }); wait > 0 {
		return nil, wait, "too many new connections from this address"
	}
	for l := one; l != nil; l = l.wider {
		l.sessions++
	}
	return one, 0, ""
}

// of returns the entry of an address, for a session that is counted on another server.
func (a *addresses) of(remote netip.Addr) *address {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.find(remote)
}

func (a *addresses) leave(one *address) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for l := one; l != nil; l = l.wider {
		l.sessions--
	}
}

// join counts a join or a list of a session, or returns an error if there are too many.
func (a *addresses) join(one *address) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if wait := a.take(one, a.joinRate, func(l *address) *clock.Bucket { return &l.joins }); wait > 0 {
		return rooms.TooMany("joins from this address", wait)
	}
	return nil
}

// Found counts a room that this address creates, or returns an error if it has too many. Ended reverses Found.
func (one *address) Found(public bool) error {
	a := one.all
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case over(one, a.rooms, func(l *address) int { return l.rooms }):
		return rooms.TooMany("rooms of this address", retryAfter)
	case public && over(one, a.public, func(l *address) int { return l.public }):
		return rooms.TooMany("public rooms of this address", retryAfter)
	}
	for l := one; l != nil; l = l.wider {
		l.rooms++
		if public {
			l.public++
		}
	}
	return nil
}

// MayFound returns the error that Found would return for a room that is not public, but counts nothing.
func (one *address) MayFound() error {
	a := one.all
	a.mu.Lock()
	defer a.mu.Unlock()
	if over(one, a.rooms, func(l *address) int { return l.rooms }) {
		return rooms.TooMany("rooms of this address", retryAfter)
	}
	return nil
}

// Ended uncounts a room that Found has counted.
func (one *address) Ended(public bool) {
	a := one.all
	a.mu.Lock()
	defer a.mu.Unlock()
	for l := one; l != nil; l = l.wider {
		l.rooms--
		if public {
			l.public--
		}
	}
}

// over reports whether one, or a network around it, has reached its limit.
func over(one *address, limit int, count func(*address) int) bool {
	for l := one; l != nil && !one.open && limit > 0; l = l.wider {
		if count(l) >= limit*l.share {
			return true
		}
	}
	return false
}

// take lets one event pass at all levels and returns 0, or returns how long the event must wait.
func (a *addresses) take(one *address, rate int, of func(*address) *clock.Bucket) time.Duration {
	if one.open || rate == 0 {
		return 0
	}
	now := a.clock.Now()
	for l := one; l != nil; l = l.wider {
		wait := of(l).Take(now, every(rate*l.share), a.burst*l.share)
		if wait == 0 {
			continue
		}
		for taken := one; taken != l; taken = taken.wider {
			of(taken).PutBack(every(rate * taken.share))
		}
		return wait
	}
	return 0
}

func every(rate int) time.Duration { return time.Second / time.Duration(rate) }

// find returns the entry of an address. The caller holds mu.
func (a *addresses) find(remote netip.Addr) *address {
	levels, limited := levelsOf(remote)
	return a.level(levels, 1, !limited)
}

// level returns the entry of the first of levels. Each level lies within the next one.
func (a *addresses) level(levels []netip.Prefix, share int, open bool) *address {
	one := a.known[levels[0]]
	if one != nil {
		return one
	}
	one = &address{all: a, share: share, open: open}
	if !open {
		one.relay = newAddressLimit(a.config, share)
	}
	if len(levels) > 1 {
		one.wider = a.level(levels[1:], 2*share, open)
		one.wider.narrower++
	}
	a.makeRoom()
	a.known[levels[0]] = one
	return one
}

// limitedNetworks is levelsOf without the second result.
func limitedNetworks(a netip.Addr) []netip.Prefix {
	levels, _ := levelsOf(a)
	return levels
}

// levelsOf returns the networks toward whose limits a counts, the narrowest first, and whether it is limited.
func levelsOf(a netip.Addr) (levels []netip.Prefix, limited bool) {
	levels, limited = networks.Around(a), networks.Limited(a)
	if !limited {
		levels = levels[:1]
	}
	return levels, limited
}

// Network returns the widest limited network around the address, and whether the address is open, that is not
// limited.
func (one *address) Network() (network any, open bool) {
	for one.wider != nil {
		one = one.wider
	}
	return one, one.open
}

// makeRoom forgets idle addresses if there are too many. It looks at 100 addresses at most, because most may be busy. If
// none of these is idle, a later call forgets more than one.
func (a *addresses) makeRoom() {
	tries := 100
	for key, one := range a.known {
		if tries--; len(a.known) < a.most || tries < 0 {
			return
		}
		if one.idle() {
			a.drop(key, one)
		}
	}
}

// idle reports whether nothing counts toward the limits of the address at the moment.
func (one *address) idle() bool {
	return one.sessions == 0 && one.rooms == 0 && one.narrower == 0 && one.held.Load() == 0
}

// rested reports whether the relay limit of the address is as full as that of a new one.
func (one *address) rested() bool {
	return one.relay == nil || one.relay.Tokens() >= float64(one.relay.Burst())
}

func (a *addresses) drop(key netip.Prefix, one *address) {
	delete(a.known, key)
	if one.wider != nil {
		one.wider.narrower--
	}
}

// forget drops the addresses whose entries do not differ from new ones.
func (a *addresses) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Now()
	for key, one := range a.known {
		if one.idle() && one.rested() && max(one.connects, one.joins).Full(now) {
			a.drop(key, one)
		}
	}
}

func (a *addresses) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.known)
}
