package signalserver

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"example.org/rtcpeer/signaling"
)

// addresses remembers for a while what counts for the limits of each address. It holds at most most
// of them; one without sessions is forgotten for a new one, and most are more than there can be
// sessions.
type addresses struct {
	// Fixed at construction.
	clock                 *clock
	most                  int
	sessions              int // for each; 0: no limit
	burst                 int
	connectRate, joinRate int // a second; 0: no limit

	mu    sync.Mutex // guards the fields below, and the addresses
	known map[netip.Addr]*address
}

// An address is an IPv4 address, or the /64 of an IPv6 address: that is what one customer gets. What is
// not known is one address.
type address struct {
	open                        bool // may be a proxy's: only wrong passwords are limited
	sessions                    int
	connects, joins, wrongWords bucket
}

const (
	// passwordRate and passwordBurst bound the guesses at the passwords of rooms.
	passwordEvery = 10 * time.Second
	passwordBurst = 5
	// forgetEvery is the time between two looks for addresses of which nothing need be remembered.
	forgetEvery = time.Minute
	// sessionsPerAddress is the default of Config.MaxSessionsPerAddress: a school, or one company.
	sessionsPerAddress = 512
)

func newAddresses(c Config, k *clock) *addresses {
	burst := c.MaxSessionsPerAddress
	if burst < 0 {
		burst = sessionsPerAddress
	}
	return &addresses{
		clock:       k,
		most:        4 * (c.MaxSessions + 1024),
		sessions:    max(c.MaxSessionsPerAddress, 0),
		burst:       burst,
		connectRate: max(c.ConnectRate, 0),
		joinRate:    max(c.JoinRate, 0),
		known:       make(map[netip.Addr]*address),
	}
}

// remoteAddr is the default of Config.RemoteAddr.
func remoteAddr(r *http.Request) netip.Addr {
	a, _ := netip.ParseAddrPort(r.RemoteAddr)
	return a.Addr()
}

// enter counts a session, or says how long it has to wait. leave ends what enter began.
func (a *addresses) enter(remote netip.Addr) (*address, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	one := a.find(remote)
	if !one.open && a.sessions > 0 && one.sessions >= a.sessions {
		return nil, retryAfter
	}
	if wait := a.take(one, &one.connects, a.connectRate); wait > 0 {
		return nil, wait
	}
	one.sessions++
	return one, 0
}

func (a *addresses) leave(one *address) {
	a.mu.Lock()
	defer a.mu.Unlock()
	one.sessions--
}

// join counts a join or a list of a session that has entered.
func (a *addresses) join(one *address) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return tooMany("joins", a.take(one, &one.joins, a.joinRate))
}

// guess counts a password before it is known to be wrong, for many may be tried at the same time.
func (a *addresses) guess(one *address) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return tooMany("wrong passwords", one.wrongWords.take(a.clock.now(), passwordEvery, passwordBurst))
}

// guessed takes back a guess that was right.
func (a *addresses) guessed(one *address) {
	a.mu.Lock()
	defer a.mu.Unlock()
	one.wrongWords.putBack(passwordEvery)
}

func (a *addresses) take(one *address, b *bucket, rate int) time.Duration {
	if one.open || rate == 0 {
		return 0
	}
	return b.take(a.clock.now(), time.Second/time.Duration(rate), a.burst)
}

func tooMany(what string, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	return &signaling.Error{
		Code:        signaling.CodeRateLimited,
		Text:        "too many " + what + " from this address",
		RetryMillis: int(wait.Milliseconds()) + 1,
	}
}

// find returns what is known of an address; mu is held.
func (a *addresses) find(remote netip.Addr) *address {
	key, limited := CountedAs(remote)
	one := a.known[key]
	if one == nil {
		one = &address{open: !limited}
		a.makeRoom()
		a.known[key] = one
	}
	return one
}

// CountedAs returns what limits of one address count a as: an IPv4 address, or the /64 of an IPv6 one, of
// which a single host has every address. It is not limited where it may be a proxy's and stand for everybody:
// if it is not valid, or of the loopback interface, of a link or of a private network.
func CountedAs(a netip.Addr) (key netip.Addr, limited bool) {
	a = a.Unmap().WithZone("")
	limited = a.IsValid() && !a.IsLoopback() && !a.IsPrivate() && !a.IsLinkLocalUnicast()
	if p, err := a.Prefix(64); err == nil && a.Is6() {
		return p.Addr(), limited
	}
	return a, limited
}

// makeRoom forgets an address without sessions if there are too many. At most a few in ten have
// one, and a map is read in a random order.
func (a *addresses) makeRoom() {
	if len(a.known) < a.most {
		return
	}
	for key, one := range a.known {
		if one.sessions == 0 {
			delete(a.known, key)
			return
		}
	}
}

// forget drops the addresses that would be the same if they were new.
func (a *addresses) forget() {
	now := a.clock.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, one := range a.known {
		if one.sessions == 0 && max(one.connects, one.joins, one.wrongWords).full(now) {
			delete(a.known, key)
		}
	}
}

func (a *addresses) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.known)
}
