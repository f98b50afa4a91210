package connlimit

import (
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"sync"

	"example.org/rtcpeer/cmd/signal-server/internal/proxy"
	"example.org/rtcpeer/signaling/drop"
	"example.org/rtcpeer/signaling/networks"
)

// A Limiter limits the connections of the listeners that share it, in total and for each address. It counts a
// connection before the TLS handshake and the request, because a client that sends neither also occupies an
// open file, and signalserver counts only WebSockets. A connection over a limit is closed without a message,
// since no protocol has begun.
type Limiter struct {
	// Fixed at construction.
	most       int
	perAddress int // 0: no limit
	trusted    proxy.Networks
	log        *slog.Logger
	failures   *Failures

	mu     sync.Mutex // guards the fields below
	open   int
	counts map[netip.Prefix]int // by address, and by the networks that contain it
	closed map[drop.Reason]int
}

// The reasons for which a connection is closed: the limits that it exceeds.
const (
	Total   drop.Reason = "total"   // too many connections
	Address drop.Reason = "address" // too many of one address, or of a network that contains it
)

// New returns a Limiter. most is the largest number of connections in total, and perAddress that of one address; 0
// means no limit for addresses. Connections of trusted proxies count only in total. Errors of Accept go to failures.
func New(most, perAddress int, trusted proxy.Networks, log *slog.Logger, failures *Failures) *Limiter {
	return &Limiter{most: most, perAddress: perAddress, trusted: trusted, log: log, failures: failures,
		counts: make(map[netip.Prefix]int), closed: map[drop.Reason]int{Total: 0, Address: 0}}
}

// Guard returns a listener whose connections are within the limits.
func (l *Limiter) Guard(listener net.Listener) net.Listener {
	return &guarded{Listener: listener, limiter: l}
}

type guarded struct {
	net.Listener
	limiter *Limiter
}

// Accept returns the next connection that is within the limits. The connection remains a *net.TCPConn, which
// can write a frame and its header with one system call.
func (g *guarded) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, g.limiter.failures.of(err)
		}
		tcp, ok := conn.(*net.TCPConn)
		if !ok {
			return conn, nil
		}
		from := g.limiter.CountedAs(tcp.RemoteAddr().(*net.TCPAddr).AddrPort().Addr())
		if why := g.limiter.enter(from); why != "" {
			tcp.SetLinger(0) // close at once, so that no socket lingers for a client over its limit
			tcp.Close()
			g.limiter.log.Info("connection over the limit", "reason", why, "remote", from)
			continue
		}
		return &admitted{TCPConn: tcp, leave: sync.OnceFunc(func() { g.limiter.leave(from) })}, nil
	}
}

// admitted is a connection that the Limiter has counted. The first Close ends the count.
type admitted struct {
	*net.TCPConn
	leave func()
}

func (c *admitted) Close() error {
	c.leave()
	return c.TCPConn.Close()
}

// Trusts reports whether an address is that of a trusted proxy.
func (l *Limiter) Trusts(a netip.Addr) bool { return l.trusted.Trust(a) }

// CountedAs returns the address to which a connection from a is counted; sessions are counted in the same way.
// The result is not valid, and there is no limit, if a is or may be a proxy's address, since a proxy stands for
// many clients.
func (l *Limiter) CountedAs(a netip.Addr) netip.Addr {
	if !networks.Limited(a) || l.Trusts(a.Unmap().WithZone("")) {
		return netip.Addr{}
	}
	return networks.Around(a)[0].Addr()
}

// enter counts a connection, or returns the limit that it exceeds. leave ends the count.
func (l *Limiter) enter(from netip.Addr) (why drop.Reason) {
	l.mu.Lock()
	defer l.mu.Unlock()
	limited := l.perAddress > 0 && from.IsValid()
	switch {
	case l.open >= l.most:
		why = Total
	case limited && l.full(from):
		why = Address
	}
	if why != "" {
		l.closed[why]++
		return why
	}
	l.open++
	if limited {
		l.count(from, 1)
	}
	return ""
}

// full reports whether an address, or a network that contains it, has reached its limit; mu is held.
func (l *Limiter) full(from netip.Addr) bool {
	for i, network := range networks.Around(from) {
		if l.counts[network] >= l.perAddress<<i {
			return true
		}
	}
	return false
}

// count adds n to the counts of an address and of the networks that contain it; mu is held.
func (l *Limiter) count(from netip.Addr, n int) {
	for _, network := range networks.Around(from) {
		if l.counts[network] += n; l.counts[network] <= 0 {
			delete(l.counts, network)
		}
	}
}

func (l *Limiter) leave(from netip.Addr) {
	l.mu.Lock()
	l.open--
	l.mu.Unlock()
	l.LeaveAddress(from)
}

// EnterAddress is like enter for a connection that is already in the total, when a proxy has named its client.
func (l *Limiter) EnterAddress(from netip.Addr) (why drop.Reason) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.perAddress == 0 || !from.IsValid() {
		return ""
	}
	if l.full(from) {
		l.closed[Address]++
		return Address
	}
	l.count(from, 1)
	return ""
}

// LeaveAddress ends the count of EnterAddress.
func (l *Limiter) LeaveAddress(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count(from, -1)
}

// Stats are the figures of a Limiter.
type Stats struct {
	Open   int                 // connections at the moment
	Closed map[drop.Reason]int // connections closed for a limit, since the start; has all reasons
}

// Stats returns the figures.
func (l *Limiter) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Stats{Open: l.open, Closed: maps.Clone(l.closed)}
}
