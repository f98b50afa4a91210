//go:build !js

package signalclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/text"

	"github.com/gorilla/websocket"
)

// A dialer makes the connections of one client.
type dialer struct {
	cfg    Config
	url    string
	shown  string // the URL for errors and logs
	header http.Header

	inHurry  func() bool       // nil: never
	answered map[string]string // the address that last answered for a name; owned by reach
}

func newDialer(u *url.URL, cfg Config) dialer {
	d := dialer{cfg: cfg, shown: bare(u).String(), header: cfg.Header}
	if u.User != nil && d.header.Get("Authorization") == "" {
		password, _ := u.User.Password()
		req := http.Request{Header: http.Header{}}
		req.SetBasicAuth(u.User.Username(), password)
		d.header = req.Header
		for name, values := range cfg.Header {
			d.header[name] = values
		}
	}
	plain := *u
	plain.User = nil // a WebSocket URL has no user name (RFC 6455, section 3)
	d.url = plain.String()
	return d
}

// hurry makes reach try harder while f returns true.
func (d *dialer) hurry(f func() bool) { d.inHurry = f }

func (d *dialer) hurries() bool { return d.inHurry != nil && d.inHurry() }

// openOnce is one attempt of open. It offers the subprotocols in more in addition to that of the dialect.
func (d *dialer) openOnce(ctx context.Context, patient bool, more []string, talk func(*conn) error) (*conn, error) {
	late := fmt.Errorf("no answer within %v: %w", d.cfg.DialTimeout, os.ErrDeadlineExceeded)
	timed, cancel := context.WithTimeoutCause(ctx, d.cfg.DialTimeout, late)
	defer cancel()

	c := newConn(d.shown, d.cfg.Dialect)
	c.deadAfter, c.release = d.cfg.DeadAfter, func() bool { return true }
	resp, err := d.connect(timed, c, more)
	if err == nil && patient && c.release() {
		timed, c.release = ctx, context.AfterFunc(ctx, c.abort)
	}
	if err == nil {
		err = talk(c)
	}
	if !c.release() && err == nil { // the context has closed the socket after the welcome
		err = timed.Err()
	}
	if err != nil {
		c.abort()
		failure := d.failure(timed, resp, err)
		if e, ok := errors.AsType[*DialError](failure); ok {
			silent := c.below == nil || timed.Err() != nil && c.came.Load() == 0
			e.unreached = silent && !errors.Is(err, syscall.ECONNREFUSED)
		}
		return nil, failure
	}
	return c, nil
}

// connect fills in the WebSocket and its socket. Until c.release is called, the end of ctx closes the socket, which
// is the only way to interrupt a handshake at any point.
func (d *dialer) connect(ctx context.Context, c *conn, more []string) (*http.Response, error) {
	ws := websocket.Dialer{
		Subprotocols:    d.offered(more),
		TLSClientConfig: d.cfg.TLS,
		Proxy:           d.cfg.proxy,
		NetDialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
			socket, err := d.reach(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			c.below = socket
			c.release = context.AfterFunc(ctx, func() { socket.Close() })
			return countedConn{socket, &c.came}, nil
		},
	}
	// With a deadline the socket could time out a moment before ctx, and the cause would be lost.
	conn, resp, err := ws.DialContext(context.WithoutCancel(ctx), d.url, d.header)
	if err != nil {
		return resp, err
	}
	c.use(conn)
	return nil, c.chose(conn.Subprotocol(), more)
}

// failure wraps the error of an attempt in a DialError, unless it already has a type of its own.
func (d *dialer) failure(ctx context.Context, resp *http.Response, err error) error {
	_, refused := errors.AsType[*signaling.Error](err)
	_, malformed := errors.AsType[*ProtocolError](err)
	if refused || malformed {
		return err
	}
	e := &DialError{URL: d.shown}
	switch {
	case ctx.Err() != nil:
		e.Err = context.Cause(ctx)
		e.Retry = !errors.Is(e.Err, context.Canceled)
	case resp != nil:
		e.Status = resp.StatusCode
		e.Err = answered(resp)
		e.Retry = e.Status >= 500 || e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout
	default:
		e.Err, e.Retry = explain(err)
	}
	return e
}

// explain adds a remedy to err, and reports whether trying again later may help.
func explain(err error) (explained error, retry bool) {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w: is signal-server running there?", err), true
	}
	if lookup, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Errorf("%w: check the host name", err), !lookup.IsNotFound
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return fmt.Errorf("%w: the server does not use TLS on this port: try ws://", err), false
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("%w: use the host name in the certificate, and trust its issuer", err), false
	}
	if goodbye(err) {
		return fmt.Errorf("closed by the server before its welcome: %w", err), true
	}
	return err, broken(err)
}

// broken reports whether err is an error of the connection, and not of the data that came through it.
func broken(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || goodbye(err) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}

// silent reports whether err is a timeout.
func silent(err error) bool {
	late, ok := errors.AsType[net.Error](err)
	return ok && late.Timeout()
}

// goodbye reports whether the other end closed the connection, with a close frame or without.
func goodbye(err error) bool {
	_, formal := errors.AsType[*websocket.CloseError](err)
	return formal || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// closeFrame returns the content of the close frame that ended a connection.
func closeFrame(err error) (code int, text string, ok bool) {
	formal, ok := errors.AsType[*websocket.CloseError](err)
	if !ok {
		return 0, "", false
	}
	return formal.Code, formal.Text, true
}

// answered describes an HTTP answer that is not a WebSocket.
func answered(resp *http.Response) error {
	answer := fmt.Sprintf("not a WebSocket: %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	if target, err := resp.Location(); err == nil {
		return fmt.Errorf("%s: redirected to %s", answer, bare(target))
	}
	body, _ := io.ReadAll(resp.Body) // from memory: gorilla keeps at most 1 KiB
	if words := strings.Join(strings.Fields(string(body)), " "); words != "" {
		answer += fmt.Sprintf(": %q", text.Shorten(words, text.Most))
	}
	return errors.New(answer)
}
