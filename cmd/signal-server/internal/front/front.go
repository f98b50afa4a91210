// Package front lets HTTP and TURN share a listener. It reads the PROXY header of trusted proxies, ends TLS, and then
// hands each connection to the server of its protocol. Package server puts a Front before a listener that needs one of
// these.
package front

import (
	"context"
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

	"example.org/rtcpeer/cmd/signal-server/internal/connlimit"
)

// A Front accepts the connections of one listener and hands each to the server that it is for. It reads the
// client's address from a trusted proxy (PROXY protocol), ends TLS if it has certificates, and finds out
// whether HTTP or TURN follows: the first byte of TURN is 0 to 3, the beginning of a STUN message, and the
// first byte of HTTP is a letter.
//
//	listener -> run -> sort, a goroutine for each, within the timeout -> handover -> http.Server
//	                                                               -> handover -> turnserver, by family
//
// The Limiter that guards the listener also limits the connections that are being sorted.
type Front struct {
	// Fixed at construction.
	listener     net.Listener
	limiter      *connlimit.Limiter
	proxied      bool        // trusted proxies send a PROXY header
	certificates *tls.Config // nil: this front does not end TLS
	timeout      time.Duration
	log          *slog.Logger
	web          *Handover // nil: all connections are TURN

	wg     sync.WaitGroup  // run, and each sort
	life   context.Context // until close calls cancel
	cancel context.CancelFunc

	mu      sync.Mutex           // guards the fields below
	turn    map[string]*Handover // by network, tcp4 and tcp6; empty: all connections are HTTP
	sorting map[net.Conn]struct{}
	closed  bool
}

// A Handover is a net.Listener for connections that a front has sorted.
type Handover struct {
	// Fixed at construction.
	front *Front
	conns chan net.Conn

	closeOnce sync.Once
	closed    chan struct{}
}

// Options are the parameters of New.
type Options struct {
	Listener     net.Listener       // guarded by Limiter
	Limiter      *connlimit.Limiter // also counts the clients that a proxy names
	Proxied      bool               // trusted proxies send a PROXY header
	Certificates *tls.Config        // nil: the Front does not end TLS
	Timeout      time.Duration      // for the PROXY header, the handshake and the first byte together
	Web          bool               // HTTP may come; TURN may come for each call of TURN
	Log          *slog.Logger
}

// New starts one goroutine. It ends when the last Handover is closed; connections that have not been handed over
// by then are closed.
func New(o Options) *Front {
	f := &Front{listener: o.Listener, limiter: o.Limiter, proxied: o.Proxied, certificates: o.Certificates, timeout: o.Timeout,
		log: o.Log, turn: make(map[string]*Handover), sorting: make(map[net.Conn]struct{})}
	f.life, f.cancel = context.WithCancel(context.Background())
	if o.Web {
		f.web = f.handover()
	}
	f.wg.Go(f.run)
	return f
}

// EndsTLS reports whether the connections that the Front hands over are decrypted.
func (f *Front) EndsTLS() bool { return f.certificates != nil }

// Web returns the listener for HTTP, or nil if there is none.
func (f *Front) Web() *Handover { return f.web }

func (f *Front) handover() *Handover {
	return &Handover{front: f, conns: make(chan net.Conn), closed: make(chan struct{})}
}

// TURN returns the listener for TURN of a network, tcp4 or tcp6. It is called at most once for each network.
func (f *Front) TURN(network string) *Handover {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn[network] = f.handover()
	return f.turn[network]
}

// close closes the listener, and waits until run and sort have returned.
func (f *Front) close() {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		f.cancel()
		f.listener.Close()
		for conn := range f.sorting {
			conn.Close()
		}
	}
	f.mu.Unlock()
	f.wg.Wait()
}

func (f *Front) run() {
	for {
		conn, err := f.listener.Accept()
		switch {
		case err == nil:
			f.wg.Go(func() { f.sort(conn) })
		case errors.Is(err, net.ErrClosed):
			return
		default: // the Limiter has logged the error
			select {
			case <-f.life.Done():
				return
			case <-time.After(acceptPause):
			}
		}
	}
}

// acceptPause is the time between two attempts to accept when the system has no resources for a connection.
const acceptPause = 50 * time.Millisecond

// sort hands a connection over, or closes it.
func (f *Front) sort(raw net.Conn) {
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
		f.log.Debug("connection closed before it was served", "remote", raw.RemoteAddr(), "err", err)
	}
}

func (f *Front) begin(conn net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.sorting[conn] = struct{}{}
	}
	return !f.closed
}

func (f *Front) end(conn net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sorting, conn)
}

// open returns the connection to hand over and the handover for it. With an error it returns the connection to
// close.
func (f *Front) open(raw net.Conn) (net.Conn, *Handover, error) {
	conn, deadline := raw, time.Now().Add(f.timeout)
	conn.SetDeadline(deadline)
	if from := ipOf(raw.RemoteAddr()); f.proxied && f.limiter.Trusts(from) {
		client, err := f.clientOf(raw, deadline)
		if err != nil {
			f.log.Warn("connection from a proxy refused", "proxy", from, "err", err)
			return raw, nil, err
		}
		conn = client
	}
	if f.certificates != nil {
		secure := tls.Server(conn, f.certificates)
		if err := secure.HandshakeContext(f.life); err != nil {
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
func (f *Front) clientOf(raw net.Conn, deadline time.Time) (net.Conn, error) {
	conn := proxyproto.NewConn(raw, proxyproto.WithPolicy(proxyproto.REQUIRE), proxyproto.SetReadHeaderTimeout(f.timeout))
	conn.SetDeadline(deadline) // it restores only a deadline that it knows of
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
		return nil, fmt.Errorf("its PROXY header names a client of %s: want TCP", header.SourceAddr.Network())
	}
	client.remote = at
	from := f.limiter.CountedAs(at.AddrPort().Addr())
	if word := f.limiter.EnterAddress(from); word != "" {
		return nil, fmt.Errorf("client %v is over its limit: %s", from, word)
	}
	client.leave = sync.OnceFunc(func() { f.limiter.LeaveAddress(from) })
	return client, nil
}

// route returns the handover for a connection. If both HTTP and TURN may come, it decides by the first byte.
func (f *Front) route(conn net.Conn) (*Handover, net.Conn, error) {
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
		return nil, conn, errors.New("no TURN server for the client's address family")
	}
	return relays, conn, nil
}

// relaysOf returns the handover for TURN on a connection, or nil if there is none for its address family. any
// reports whether this front has TURN at all.
func (f *Front) relaysOf(conn net.Conn) (relays *Handover, any bool) {
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
func (h *Handover) put(conn net.Conn) bool {
	select {
	case h.conns <- conn:
		return true
	case <-h.closed:
	case <-h.front.life.Done():
	}
	return false
}

// Accept implements net.Listener.
func (h *Handover) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.closed:
	case <-h.front.life.Done():
	}
	return nil, net.ErrClosed
}

// Close ends this handover. The last Close also closes the front.
func (h *Handover) Close() error {
	h.closeOnce.Do(func() { close(h.closed) })
	if h.front.unused() {
		h.front.close()
	}
	return nil
}

// Addr returns the address of the listener.
func (h *Handover) Addr() net.Addr { return h.front.listener.Addr() }

func (f *Front) unused() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range append(slices.Collect(maps.Values(f.turn)), f.web) {
		if h != nil && !h.isClosed() {
			return false
		}
	}
	return true
}

func (h *Handover) isClosed() bool {
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
