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

// A front stands before those who serve the connections of one listener. It reads what a trusted proxy says of the
// client (PROXY protocol), ends TLS if it has certificates, and finds out whether HTTP or TURN follows: of TURN
// the first byte is 0 to 3, the beginning of a STUN message, and of HTTP it is a letter.
//
//	listener -> run -> sort, one goroutine each, within the timeout -> handover -> http.Server
//	                                                               -> handover -> turnserver, by family
//
// The connections that are being sorted are within the bounds of the gate, which guards the listener.
type front struct {
	// Fixed at construction.
	listener     net.Listener
	gate         *gate
	proxied      bool        // trusted proxies send a PROXY header
	certificates *tls.Config // nil: TLS is not ended here
	timeout      time.Duration
	log          *slog.Logger
	web          *handover // nil: all is TURN

	wg   sync.WaitGroup // run, and each sort
	done chan struct{}  // closed by close

	mu      sync.Mutex           // guards the fields below
	turn    map[string]*handover // by network, tcp4 and tcp6; empty: all is HTTP
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

// frontOptions are what a front is made of.
type frontOptions struct {
	listener     net.Listener // guarded by gate
	gate         *gate
	proxied      bool
	certificates *tls.Config
	timeout      time.Duration
	log          *slog.Logger
	web          bool // HTTP may come; what else may is what relays is called for
}

// newFront starts one goroutine. close ends it, and all connections that are not handed over.
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

// relays returns the listener for TURN of a network, tcp4 or tcp6. It is called once for each.
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
		default: // the gate has told
			select {
			case <-f.done:
				return
			case <-time.After(acceptPause):
			}
		}
	}
}

// acceptPause is between two tries where the system has no resources for a connection.
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

// open returns what is to be handed over, and to whom. With an error it returns what is to be closed.
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

// clientOf reads the PROXY header of a connection, and counts the client that it names. Without a header nobody is
// served: where the proxy passes on what the client sends, the client could name any other.
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

// route finds out by the first byte who serves a connection, if there are two.
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

// relaysOf returns who takes a connection that is TURN, nil if there is none for its family, and whether there is
// TURN here at all.
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

// put waits until somebody takes conn, or closes.
func (h *handover) put(conn net.Conn) bool {
	select {
	case h.conns <- conn:
		return true
	case <-h.closed:
	case <-h.front.done:
	}
	return false
}

// Accept is net.Listener's.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.closed:
	case <-h.front.done:
	}
	return nil, net.ErrClosed
}

// Close ends what is handed over here, and the front with the last one.
func (h *handover) Close() error {
	h.closeOnce.Do(func() { close(h.closed) })
	if h.front.unused() {
		h.front.close()
	}
	return nil
}

// Addr is that of the listener.
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

// A clientConn is a connection of which a proxy has said where it comes from. Its local address is this host's.
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

// A decrypted connection is TLS over another.
type decrypted struct {
	*tls.Conn
	under net.Conn
}

// hasty returns a connection whose Close does not say good-bye in TLS, which would wait for a client that does not
// read.
func hasty(conn net.Conn) net.Conn {
	if d, ok := conn.(*decrypted); ok {
		return &abrupt{d}
	}
	return conn
}

type abrupt struct{ *decrypted }

func (c *abrupt) Close() error { return c.under.Close() }

// A begun connection is one of which the first byte has been read.
type begun struct {
	net.Conn
	first []byte // owned by who reads
}

// NetConn is that of the TLS connection, which can be closed without a good-bye; or the connection itself.
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

// ipOf is not valid if a is not of TCP.
func ipOf(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}
