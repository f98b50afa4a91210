package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"
)

// A front accepts the connections of one listener and hands each to the server that it is for. It reads the
// client's address from a trusted proxy (PROXY protocol), ends TLS if it has certificates, and finds out
// whether HTTP or TURN follows: the first byte of TURN is 0 to 3, the beginning of a STUN message, and the
// first byte of HTTP is a letter.
//
//	listener -> run -> sort, a goroutine for each, within the timeout -> handover -> http.Server
//	                                                               -> handover -> turnserver, by family
//
// The gate that guards the listener also limits the connections that are being sorted.
type front struct {
	// Fixed at construction.
	listener     net.Listener
	gate         *gate
	proxied      bool        // trusted proxies send a PROXY header
	certificates *tls.Config // nil: this front does not end TLS
	timeout      time.Duration
	log          *slog.Logger
	web          *handover // nil: all connections are TURN

	wg   sync.WaitGroup // run, and each sort
	done chan struct{}  // closed by close

	mu      sync.Mutex           // guards the fields below
	turn    map[string]*handover // by network, tcp4 and tcp6; empty: all connections are HTTP
	sorting map[net.Conn]struct{}
	closed  bool
}

// A handover is a net.Listener for connections that a front has sorted.
type handover struct {
	// Fixed at construction.
	front *front
	conns chan net.Conn

	closeOnce sync.Once
	closed    chan struct{}
}

// frontOptions are the parameters of newFront.
type frontOptions struct {
	listener     net.Listener // guarded by gate
	gate         *gate
	proxied      bool
	certificates *tls.Config
	timeout      time.Duration
	log          *slog.Logger
	web          bool // HTTP may come; TURN may come for each call of relays
}

// newFront starts one goroutine. close ends it and closes all connections that have not been handed over.
func newFront(o frontOptions) *front {
	f := &front{listener: o.listener, gate: o.gate, proxied: o.proxied, certificates: o.certificates, timeout: o.timeout,
		log: o.log, done: make(chan struct{}),
		turn: make(map[string]*handover), sorting: make(map[net.Conn]struct{})}
	if o.web {
		f.web = f.handover()
	}
	f.wg.Go(f.run)
	return f
}

func (f *front) handover() *handover {
	return &handover{front: f, conns: make(chan net.Conn), closed: make(chan struct{})}
}

// relays returns the listener for TURN of a network, tcp4 or tcp6. It is called at most once for each network.
func (f *front) relays(network string) *handover {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn[network] = f.handover()
	return f.turn[network]
}

// close closes the listener, and waits until run and sort have returned.
func (f *front) close() {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		close(f.done)
		f.listener.Close()
		for conn := range f.sorting {
			conn.Close()
		}
	}
	f.mu.Unlock()
	f.wg.Wait()
}

func (f *front) run() {
	for {
		conn, err := f.listener.Accept()
		switch {
		case err == nil:
			f.wg.Go(func() { f.sort(conn) })
		case errors.Is(err, net.ErrClosed):
			return
		default: // the gate has logged the error
			select {
			case <-f.done:
				return
			case <-time.After(acceptPause):
			}
		}
	}
}

// acceptPause is the time between two attempts to accept when the system has no resources for a connection.
const acceptPause = 50 * time.Millisecond

// sort hands a connection over, or closes it.
func (f *front) sort(raw net.Conn) {
	if !f.begin(raw) {
		raw.Close()
		return
	}
	conn, to, err := f.open(raw)
	f.end(raw)
	if err == nil && to.put(conn) {
		return
	}
	if conn == nil {
		conn = raw
	}
	conn.Close()
	if err != nil {
		f.log.Debug("connection not served", "remote", raw.RemoteAddr(), "err", err)
	}
}

func (f *front) begin(conn net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.sorting[conn] = struct{}{}
	}
	return !f.closed
}

func (f *front) end(conn net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sorting, conn)
}

// open returns the connection to hand over and the handover for it. With an error it returns the connection to
// close.
func (f *front) open(raw net.Conn) (net.Conn, *handover, error) {
	conn := raw
	conn.SetDeadline(time.Now().Add(f.timeout))
	if from := ipOf(raw.RemoteAddr()); f.proxied && f.gate.trusted.trust(from) {
		client, err := f.clientOf(raw)
		if err != nil {
			f.log.Warn("no client of a proxy", "proxy", from, "err", err)
			return raw, nil, err
		}
		conn = client
	}
	if f.certificates != nil {
		secure := tls.Server(conn, f.certificates)
		if err := secure.Handshake(); err != nil {
			return conn, nil, err
		}
		conn = &decrypted{Conn: secure, under: conn}
	}
	to, conn, err := f.route(conn)
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	return conn, to, err
}

// clientOf reads the PROXY header of a connection and counts the client that it names. A connection without a
// header is refused: if the proxy passes on what the client sends, the client could send a header with any
// address.
func (f *front) clientOf(raw net.Conn) (net.Conn, error) {
	conn := proxyproto.NewConn(raw, proxyproto.WithPolicy(proxyproto.REQUIRE), proxyproto.SetReadHeaderTimeout(f.timeout))
	header := conn.ProxyHeader()
	if header == nil {
		_, err := conn.Read(nil)
		return nil, err
	}
	client := &clientConn{Conn: conn, remote: raw.RemoteAddr()}
	if header.Command.IsLocal() || header.SourceAddr == nil {
		return client, nil // a health check of the proxy itself
	}
	at, ok := header.SourceAddr.(*net.TCPAddr)
	if !ok {
		return nil, fmt.Errorf("it names a client of %s: want TCP", header.SourceAddr.Network())
	}
	client.remote = at
	from := f.gate.countedAs(at.AddrPort().Addr())
	if word := f.gate.enterAddress(from); word != "" {
		return nil, fmt.Errorf("%v is over its limit: %s", from, word)
	}
	client.leave = sync.OnceFunc(func() { f.gate.leaveAddress(from) })
	return client, nil
}

// route returns the handover for a connection. If both HTTP and TURN may come, it decides by the first byte.
func (f *front) route(conn net.Conn) (*handover, net.Conn, error) {
	relays, any := f.relaysOf(conn)
	if !any {
		return f.web, conn, nil
	}
	if f.web != nil {
		first := make([]byte, 1)
		if _, err := conn.Read(first); err != nil {
			return nil, conn, err
		}
		if first[0] > lastSTUN {
			return f.web, &begun{Conn: conn, first: first}, nil
		}
		conn = &begun{Conn: hasty(conn), first: first}
	} else {
		conn = hasty(conn)
	}
	if relays == nil {
		return nil, conn, errors.New("there is no TURN for clients of this family of addresses")
	}
	return relays, conn, nil
}

// relaysOf returns the handover for TURN on a connection, or nil if there is none for its address family. any
// reports whether this front has TURN at all.
func (f *front) relaysOf(conn net.Conn) (relays *handover, any bool) {
	network := "tcp6"
	if ipOf(conn.LocalAddr()).Is4() {
		network = "tcp4"
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.turn[network], len(f.turn) > 0
}

// lastSTUN is the highest first byte of a STUN message (RFC 8489 section 5): requests of TURN begin with 0.
const lastSTUN = 3

// put waits until Accept takes conn or the handover or the front is closed. It reports whether conn was taken.
func (h *handover) put(conn net.Conn) bool {
	select {
	case h.conns <- conn:
		return true
	case <-h.closed:
	case <-h.front.done:
	}
	return false
}

// Accept implements net.Listener.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.closed:
	case <-h.front.done:
	}
	return nil, net.ErrClosed
}

// Close ends this handover. The last Close also closes the front.
func (h *handover) Close() error {
	h.closeOnce.Do(func() { close(h.closed) })
	if h.front.unused() {
		h.front.close()
	}
	return nil
}

// Addr returns the address of the listener.
func (h *handover) Addr() net.Addr { return h.front.listener.Addr() }

func (f *front) unused() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range append(slices.Collect(maps.Values(f.turn)), f.web) {
		if h != nil && !h.isClosed() {
			return false
		}
	}
	return true
}

func (h *handover) isClosed() bool {
	select {
	case <-h.closed:
		return true
	default:
		return false
	}
}

// A clientConn is a connection through a proxy that has named the client. Its remote address is the client's,
// and its local address is this host's.
type clientConn struct {
	*proxyproto.Conn
	remote net.Addr
	leave  func() // nil: the client is not counted
}

func (c *clientConn) RemoteAddr() net.Addr { return c.remote }
func (c *clientConn) LocalAddr() net.Addr  { return c.Raw().LocalAddr() }

func (c *clientConn) Close() error {
	if c.leave != nil {
		c.leave()
	}
	return c.Conn.Close()
}

// A decrypted connection is a TLS connection over another connection.
type decrypted struct {
	*tls.Conn
	under net.Conn
}

// hasty returns a connection whose Close sends no TLS close_notify alert. Sending one would wait for a client
// that does not read.
func hasty(conn net.Conn) net.Conn {
	if d, ok := conn.(*decrypted); ok {
		return &abrupt{d}
	}
	return conn
}

type abrupt struct{ *decrypted }

func (c *abrupt) Close() error { return c.under.Close() }

// A begun connection is a connection whose first byte has already been read.
type begun struct {
	net.Conn
	first []byte // owned by the reader
}

// NetConn returns the connection below TLS, which can be closed without a close_notify alert, or the connection
// itself if there is no TLS.
func (c *begun) NetConn() net.Conn {
	if t, ok := c.Conn.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return c.Conn
}

func (c *begun) Read(p []byte) (int, error) {
	if len(c.first) == 0 || len(p) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.first)
	c.first = c.first[n:]
	return n, nil
}

// ipOf returns the IP address of a. It is not valid if a is not a TCP address.
func ipOf(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}
