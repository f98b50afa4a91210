package main

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"example.org/rtcpeer/signaling/signalserver"
)

// A gate limits the connections of the listeners that share it, in total and for each address. It counts a
// connection before the TLS handshake and the request, because a client that sends neither also occupies an
// open file, and signalserver counts only WebSockets. A connection over a limit is closed without a message,
// since no protocol has begun.
type gate struct {
	// Fixed at construction.
	most       int
	perAddress int // 0: no limit
	trusted    proxies
	log        *slog.Logger
	failures   *failures

	mu     sync.Mutex // guards the fields below
	open   int
	counts map[netip.Prefix]int // by address, and by the networks that contain it
	closed map[string]int       // by word
}

const (
	closedTotal   = "total"
	closedAddress = "address"
)

// Besides its sessions, an address loads pages: a browser opens several connections for them and keeps these
// for idleTimeout. A client with too many sessions also needs a connection to be told so over HTTP. For 15,000
// sessions the limit is 31,024 connections, of the 65,536 open files of deploy/signal-server.service.
const (
	connectionsEach = 2 // for each session
	spareTotal      = 1024
	spareAddress    = 64
	// operatorConnections is the limit for the listeners of operators, which members do not use.
	operatorConnections = 256
)

// gate returns the gate for the public listeners.
func (o *options) gate(log *slog.Logger, f *failures) *gate {
	perAddress := 0
	if o.Limits.SessionsPerAddress > 0 {
		perAddress = connectionsEach*o.Limits.SessionsPerAddress + spareAddress
	}
	return newGate(o.connections(), perAddress, o.Proxy.proxies(), log, f)
}

func (o *options) connections() int { return connectionsEach*o.Limits.MaxSessions + spareTotal }

func newGate(most, perAddress int, trusted proxies, log *slog.Logger, f *failures) *gate {
	return &gate{most: most, perAddress: perAddress, trusted: trusted, log: log,
		failures: f,
		counts:   make(map[netip.Prefix]int), closed: make(map[string]int)}
}

// guard returns l with the limits of g.
func (g *gate) guard(l net.Listener) net.Listener { return &guarded{Listener: l, gate: g} }

type guarded struct {
	net.Listener
	gate *gate
}

// Accept returns the next connection that is within the limits. The connection remains a *net.TCPConn, which
// can write a frame and its header with one system call.
func (l *guarded) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, l.gate.failures.of(err)
		}
		tcp, ok := conn.(*net.TCPConn)
		if !ok {
			return conn, nil
		}
		from := l.gate.countedAs(tcp.RemoteAddr().(*net.TCPAddr).AddrPort().Addr())
		if word := l.gate.enter(from); word != "" {
			tcp.SetLinger(0) // close at once, so that no socket lingers for a client over its limit
			tcp.Close()
			l.gate.log.Info("connection closed", "why", word, "remote", from)
			continue
		}
		return &admitted{TCPConn: tcp, leave: sync.OnceFunc(func() { l.gate.leave(from) })}, nil
	}
}

// admitted is a connection that the gate has counted. The first Close ends the count.
type admitted struct {
	*net.TCPConn
	leave func()
}

func (c *admitted) Close() error {
	c.leave()
	return c.TCPConn.Close()
}

// countedAs returns the address to which a connection from a is counted; sessions are counted in the same way.
// The result is not valid, and there is no limit, if a is or may be a proxy's address, since a proxy stands for
// many clients.
func (g *gate) countedAs(a netip.Addr) netip.Addr {
	key, limited := signalserver.CountedAs(a)
	if !limited || g.trusted.trust(a.Unmap().WithZone("")) {
		return netip.Addr{}
	}
	return key
}

// enter counts a connection, or returns the word for the limit that it exceeds. leave ends the count.
func (g *gate) enter(from netip.Addr) (word string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	limited := g.perAddress > 0 && from.IsValid()
	switch {
	case g.open >= g.most:
		word = closedTotal
	case limited && g.full(from):
		word = closedAddress
	}
	if word != "" {
		g.closed[word]++
		return word
	}
	g.open++
	if limited {
		g.count(from, 1)
	}
	return ""
}

// full reports whether an address, or a network that contains it, has reached its limit; mu is held.
func (g *gate) full(from netip.Addr) bool {
	for i, network := range signalserver.Networks(from) {
		if g.counts[network] >= g.perAddress<<i {
			return true
		}
	}
	return false
}

// count adds n to the counts of an address and of the networks that contain it; mu is held.
func (g *gate) count(from netip.Addr, n int) {
	for _, network := range signalserver.Networks(from) {
		if g.counts[network] += n; g.counts[network] <= 0 {
			delete(g.counts, network)
		}
	}
}

func (g *gate) leave(from netip.Addr) {
	g.mu.Lock()
	g.open--
	g.mu.Unlock()
	g.leaveAddress(from)
}

// enterAddress is like enter for a connection that is already in the total, when a proxy has named its client.
// leaveAddress ends the count.
func (g *gate) enterAddress(from netip.Addr) (word string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.perAddress == 0 || !from.IsValid() {
		return ""
	}
	if g.full(from) {
		g.closed[closedAddress]++
		return closedAddress
	}
	g.count(from, 1)
	return ""
}

func (g *gate) leaveAddress(from netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count(from, -1)
}

var (
	connectionsDesc = desc("connections", "Open TCP connections: sessions, pages, and what has not said yet what it is.")
	closedDesc      = desc("connections_closed_total", "Connections closed at once: too many in total, or of one address.", "word")
)

// Describe does nothing, as that of roomFigures.
func (*gate) Describe(chan<- *prometheus.Desc) {}

// Collect makes a gate a prometheus.Collector.
func (g *gate) Collect(to chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	sample{connectionsDesc, now, float64(g.open), nil}.send(to)
	for _, word := range []string{closedTotal, closedAddress} {
		sample{closedDesc, counted, float64(g.closed[word]), []string{word}}.send(to)
	}
}
