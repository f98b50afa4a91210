package front

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/signal-server/internal/connlimit"
	"example.org/rtcpeer/cmd/signal-server/internal/keytest"
	"example.org/rtcpeer/cmd/signal-server/internal/proxy"
	"example.org/rtcpeer/testdata/bubble"
)

const timeout = 10 * time.Second

// These are the addresses of the clients of these tests. The proxy is trusted.
const (
	aClient = "203.0.113.5:4000"
	aProxy  = "198.51.100.7:4000"
)

// A world has a Front over pipes, in fake time.
type world struct {
	listener *pipes
	front    *Front
	limiter  *connlimit.Limiter
	handover map[string]*Handover // web, tcp4, tcp6
	roots    *x509.CertPool
}

// newWorld returns a Front with the given handovers, over which one address may have two connections.
func newWorld(t *testing.T, handovers []string, proxied, secure bool) *world {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	trusted := (&proxy.Options{Trusted: []string{"198.51.100.0/24"}}).Networks()
	w := &world{listener: &pipes{conns: make(chan accepted), closed: make(chan struct{})}, handover: make(map[string]*Handover),
		limiter: connlimit.New(100, 2, trusted, log, connlimit.NewFailures(log))}
	o := Options{Listener: w.listener, Limiter: w.limiter, Proxied: proxied, Timeout: timeout, Log: log}
	if secure {
		cert, key, roots := keytest.Certificate(t, t.TempDir(), 1)
		pair, err := tls.LoadX509KeyPair(cert, key)
		require.NoError(t, err)
		// Over a pipe, which has no buffer, session tickets would wait for a client that writes.
		w.roots, o.Certificates = roots, &tls.Config{Certificates: []tls.Certificate{pair}, SessionTicketsDisabled: true}
	}
	for _, name := range handovers {
		o.Web = o.Web || name == "web"
	}
	w.front = New(o)
	for _, name := range handovers {
		if name == "web" {
			w.handover[name] = w.front.Web()
		} else {
			w.handover[name] = w.front.TURN(name)
		}
	}
	t.Cleanup(w.close)
	return w
}

func (w *world) close() {
	for _, h := range w.handover {
		h.Close()
	}
}

// connect makes a connection from an address to the address of this host.
func (w *world) connect(from, to string) net.Conn {
	client, server := net.Pipe()
	w.listener.conns <- accepted{&addressed{Conn: server, local: tcpAddr(to), remote: tcpAddr(from)}, nil}
	return client
}

// arrival is a connection that a handover has accepted.
type arrival struct {
	at   string
	conn net.Conn
}

// accept accepts the next connection of every handover, until the test ends.
func (w *world) accept() <-chan arrival {
	arrivals := make(chan arrival, 10)
	for name, h := range w.handover {
		go func() {
			for {
				conn, err := h.Accept()
				if err != nil {
					return
				}
				arrivals <- arrival{name, conn}
			}
		}()
	}
	return arrivals
}

// pipes is a listener for the ends of pipes.
type pipes struct {
	conns  chan accepted
	closed chan struct{}
}

type accepted struct {
	conn net.Conn
	err  error
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case a := <-p.conns:
		return a.conn, a.err
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return tcpAddr("203.0.113.1:443") }

// An addressed connection is a pipe with the addresses of TCP.
type addressed struct {
	net.Conn
	local, remote net.Addr
}

func (a *addressed) LocalAddr() net.Addr  { return a.local }
func (a *addressed) RemoteAddr() net.Addr { return a.remote }

func tcpAddr(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }

const (
	request = "GET / HTTP/1.1\r\n"
	binding = "\x00\x01\x00\x00\x21\x12\xa4\x42" // the beginning of a STUN request
	proxyV1 = "PROXY TCP4 203.0.113.9 203.0.113.1 5000 443\r\n"
	localV2 = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00" // a health check of the proxy
	udpV2   = "\r\n\r\n\x00\r\nQUIT\n\x21\x12\x00\x0c\xcb\x00\x71\x09\xcb\x00\x71\x01\x13\x88\x01\xbb"
	unknown = "PROXY UNKNOWN\r\n"
)

// Where a connection goes, by what the front has and what the client sends first. All bytes arrive there, and the
// connection has the client's address.
func TestConnectionsAreSorted(t *testing.T) {
	all := []string{"web", "tcp4", "tcp6"}
	for _, c := range []struct {
		name      string
		handovers []string
		from, to  string
		proxied   bool
		header    string // of a proxy; does not arrive
		sends     string
		wantAt    string // the handover; empty: the connection is closed
		wantFrom  string // empty: the address from
	}{
		{"HTTP", all, aClient, "203.0.113.1:443", false, "", request, "web", ""},
		{"STUN over IPv4", all, aClient, "203.0.113.1:443", false, "", binding, "tcp4", ""},
		{"STUN over IPv6", all, "[2001:db8::5]:4000", "[2001:db8::1]:443", false, "", binding, "tcp6", ""},
		{"IPv4 in IPv6", all, "[::ffff:203.0.113.5]:4000", "[::ffff:203.0.113.1]:443", false, "", binding, "tcp4", ""},
		{"the last byte of STUN", all, aClient, "203.0.113.1:443", false, "", "\x03", "tcp4", ""},
		{"the first byte of nothing else", all, aClient, "203.0.113.1:443", false, "", "\x04", "web", ""},
		{"STUN of a family without TURN", []string{"web", "tcp4"}, "[2001:db8::5]:4000", "[2001:db8::1]:443", false, "", binding, "", ""},
		{"HTTP of a family without TURN", []string{"web", "tcp4"}, "[2001:db8::5]:4000", "[2001:db8::1]:443", false, "", request, "web", ""},
		{"anything, with only HTTP", []string{"web"}, aClient, "203.0.113.1:443", false, "", binding, "web", ""},
		{"anything, with only TURN", []string{"tcp4"}, aClient, "203.0.113.1:443", false, "", request, "tcp4", ""},
		{"only TURN, of the other address family", []string{"tcp4"}, "[2001:db8::5]:4000", "[2001:db8::1]:443", false, "", binding, "", ""},

		{"HTTP through a proxy", all, aProxy, "203.0.113.1:443", true, proxyV1, request, "web", "203.0.113.9:5000"},
		{"STUN through a proxy", all, aProxy, "203.0.113.1:443", true, proxyV1, binding, "tcp4", "203.0.113.9:5000"},
		{"a proxy's own connection", all, aProxy, "203.0.113.1:443", true, localV2, request, "web", ""},
		{"a client that the proxy does not know", all, aProxy, "203.0.113.1:443", true, unknown, request, "web", ""},
		{"a proxy that sends no header", all, aProxy, "203.0.113.1:443", true, "", request, "", ""},
		{"a proxy that names a client of UDP", all, aProxy, "203.0.113.1:443", true, udpV2, "", "", ""},
		{"a header of somebody else", []string{"web"}, aClient, "203.0.113.1:443", true, "", proxyV1 + request, "web", ""},
		{"an unexpected header", []string{"web"}, aProxy, "203.0.113.1:443", false, "", proxyV1 + request, "web", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, c.handovers, c.proxied, false)
				arrivals := w.accept()
				client := w.connect(c.from, c.to)
				defer client.Close()
				go io.WriteString(client, c.header+c.sends)
				if c.wantAt == "" {
					_, err := client.Read(make([]byte, 1))
					require.ErrorIs(t, err, io.EOF, "it is closed")
					synctest.Wait()
					require.Empty(t, arrivals)
					return
				}
				got := <-arrivals
				defer got.conn.Close()
				require.Equal(t, c.wantAt, got.at)
				if c.wantFrom == "" {
					c.wantFrom = c.from
				}
				require.Equal(t, tcpAddr(c.wantFrom).String(), got.conn.RemoteAddr().String())
				require.Equal(t, tcpAddr(c.to).String(), got.conn.LocalAddr().String(), "of this host, not of the header")
				text := make([]byte, len(c.sends))
				_, err := io.ReadFull(got.conn, text)
				require.NoError(t, err)
				require.Equal(t, c.sends, string(text))
			})
		})
	}
}

// With certificates the front ends TLS, and sorts what is inside.
func TestTLSEndsAtTheFront(t *testing.T) {
	for _, c := range []struct {
		name, header, sends, wantAt string
	}{
		{"HTTP", "", request, "web"},
		{"STUN", "", binding, "tcp4"},
		{"HTTP through a proxy", proxyV1, request, "web"},
		{"STUN through a proxy", proxyV1, binding, "tcp4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, []string{"web", "tcp4"}, true, true)
				require.True(t, w.front.EndsTLS())
				arrivals := w.accept()
				from := aClient
				if c.header != "" {
					from = aProxy
				}
				raw := w.connect(from, "203.0.113.1:443")
				defer raw.Close()
				client := tls.Client(raw, &tls.Config{RootCAs: w.roots, ServerName: "game.example"})
				go func() {
					io.WriteString(raw, c.header)
					io.WriteString(client, c.sends)
				}()
				got := <-arrivals
				require.Equal(t, c.wantAt, got.at)
				text := make([]byte, len(c.sends))
				_, err := io.ReadFull(got.conn, text)
				require.NoError(t, err)
				require.Equal(t, c.sends, string(text))

				// A TURN connection ends without a close_notify, which could wait for a client that does not read.
				go got.conn.Close()
				n, err := raw.Read(make([]byte, 100))
				if c.wantAt == "web" {
					require.NoError(t, err)
					require.Positive(t, n, "close_notify")
				} else {
					require.ErrorIs(t, err, io.EOF)
				}
			})
		})
	}
	t.Run("no TLS", func(t *testing.T) {
		bubble.Test(t, func(t *testing.T) {
			w := newWorld(t, []string{"web", "tcp4"}, false, true)
			client := w.connect(aClient, "203.0.113.1:443")
			go io.WriteString(client, request)
			_, err := io.Copy(io.Discard, client) // an alert, perhaps
			require.NoError(t, err, "it is closed")
		})
	})
}

// A client that stops before it is sorted is closed after the timeout, which does not begin again with each step. The
// header of a proxy must come at once.
func TestSilentConnectionsAreClosed(t *testing.T) {
	for _, c := range []struct {
		name            string
		from            string
		proxied, secure bool
		sends           []string // with a pause of most of the timeout before each but the first
		want            time.Duration
	}{
		{"nothing is sent", aClient, false, false, nil, timeout},
		{"TLS does not begin", aClient, false, true, nil, timeout},
		{"TLS stops", aClient, false, true, []string{"\x16"}, timeout},
		{"a proxy sends nothing", aProxy, true, false, nil, timeout},
		{"a proxy's header stops", aProxy, true, false, []string{"PROXY TCP4 "}, 0},
		{"nothing follows a proxy's header", aProxy, true, false, []string{proxyV1}, timeout},
		{"no TLS follows a proxy's header", aProxy, true, true, []string{proxyV1}, timeout},
		{"TLS stops after a proxy's header", aProxy, true, true, []string{proxyV1, "\x16"}, timeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, []string{"web", "tcp4"}, c.proxied, c.secure)
				began := time.Now()
				client := w.connect(c.from, "203.0.113.1:443")
				require.NoError(t, client.SetReadDeadline(began.Add(10*timeout)))
				for i, text := range c.sends {
					if i > 0 {
						time.Sleep(timeout * 8 / 10)
					}
					io.WriteString(client, text)
				}
				_, err := io.Copy(io.Discard, client)
				require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "it stays open")
				require.Equal(t, c.want, time.Since(began))
			})
		})
	}
}

// The client of a proxy counts towards the limit of its address until its connection is closed. A client that is only
// connected, and not through a proxy, is the listener's to count.
func TestClientsOfProxiesAreLimited(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, []string{"web"}, true, false)
		arrivals := w.accept()
		enter := func() (client net.Conn) {
			client = w.connect(aProxy, "203.0.113.1:443")
			_, err := io.WriteString(client, proxyV1)
			require.NoError(t, err)
			return client
		}
		enter()
		first := <-arrivals
		enter()
		<-arrivals
		_, err := enter().Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF, "a third one is closed")
		require.Equal(t, 1, w.limiter.Stats().Closed[connlimit.Address])

		require.NoError(t, first.conn.Close())
		first.conn.Close() // counts once
		enter()
		<-arrivals
		_, err = enter().Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
	})
}

// The address of a connection that the front closes itself is given back, too.
func TestUnsortedClientsOfProxiesAreForgotten(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, []string{"web", "tcp6"}, true, false)
		for range 5 { // more than the limit, one after the other
			client := w.connect(aProxy, "203.0.113.1:443")
			_, err := io.WriteString(client, proxyV1+binding) // for IPv4 there is no TURN
			require.NoError(t, err)
			_, err = client.Read(make([]byte, 1))
			require.ErrorIs(t, err, io.EOF)
		}
		require.Zero(t, w.limiter.Stats().Closed[connlimit.Address])
	})
}

// The front ends with its last handover. What is not sorted by then is closed.
func TestFrontEndsWithItsLastHandover(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, []string{"web", "tcp4"}, false, false)
		unsorted := w.connect(aClient, "203.0.113.1:443")
		unaccepted := w.connect(aClient, "203.0.113.1:443")
		go io.WriteString(unaccepted, request)
		synctest.Wait()

		require.NoError(t, w.handover["web"].Close())
		_, err := unaccepted.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF, "nobody accepts it")
		_, err = w.handover["web"].Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		turn := w.connect(aClient, "203.0.113.1:443")
		go io.WriteString(turn, binding)
		conn, err := w.handover["tcp4"].Accept()
		require.NoError(t, err, "the other one goes on")
		require.Equal(t, w.listener.Addr(), w.handover["tcp4"].Addr())

		require.NoError(t, w.handover["tcp4"].Close())
		require.NoError(t, w.handover["tcp4"].Close(), "closing twice is legal")
		_, err = unsorted.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		<-w.listener.closed
		_, err = w.handover["tcp4"].Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		text := make([]byte, len(binding))
		_, err = io.ReadFull(conn, text)
		require.NoError(t, err, "a connection that was handed over stays")
		conn.Close()
	})
}

// An error of Accept ends nothing: the system may have resources again.
func TestAcceptIsTriedAgain(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, []string{"web"}, false, false)
		began := time.Now()
		w.listener.conns <- accepted{nil, errors.New("too many open files")}
		go w.connect(aClient, "203.0.113.1:443")
		_, err := w.handover["web"].Accept()
		require.NoError(t, err)
		require.Equal(t, acceptPause, time.Since(began), "not at once, again and again")

		w.listener.conns <- accepted{nil, errors.New("too many open files")}
		w.handover["web"].Close() // also in the pause
	})
}
