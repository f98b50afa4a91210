//go:build !js

package websocket

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"example.org/rtcpeer/rtcpeer"

	gorilla "github.com/gorilla/websocket"
)

// Dial makes a guest of the server at a ws:// or wss:// URL. It returns when the server has sent the guest's id. The
// PeerConnected of the host follows, and then those of the other guests. ctx and HandshakeTimeout limit Dial, not the
// guest's life. The caller must Close the node.
//
// Errors: a *DialError, which wraps rtcpeer.ErrRefused if the server does not want a guest; an error about the Config.
func Dial(ctx context.Context, url string, config Config) (*rtcpeer.Node, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	late := fmt.Errorf("no id received within %v: %w", config.HandshakeTimeout, os.ErrDeadlineExceeded)
	ctx, cancel := context.WithTimeoutCause(ctx, config.HandshakeTimeout, late)
	defer cancel()

	d := dialer{config: config}
	id, err := d.dial(ctx, url)
	if err != nil {
		d.abort()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, &DialError{URL: shown(url), Status: d.status, Err: err}
	}
	r := newRoom(config, id)
	r.enterHost(d.conn, d.trusted)
	config.Node.Transport = socketTransport{r}
	return rtcpeer.New(ctx, r, config.Node)
}

// dialer makes one connection.
type dialer struct {
	config  Config
	below   net.Conn // the connection under the WebSocket; nil before there is one
	release func() bool
	conn    *gorilla.Conn
	trusted bool // the server is of this package: see pushesBack
	status  int
}

// dial does the handshake, and waits for the id. The end of ctx closes the connection below, which is the only way to
// interrupt it at any point.
func (d *dialer) dial(ctx context.Context, url string) (rtcpeer.PeerID, error) {
	ws := gorilla.Dialer{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: d.config.TLS,
		Subprotocols:    d.config.Subprotocols,
		// This has room for the largest packet: gorilla would split it into several frames.
		WriteBufferSize: d.config.maxMessage(),
		NetDialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
			conn, err := d.connect(ctx, network, addr)
			if err == nil {
				d.below = conn
				d.release = context.AfterFunc(ctx, func() { conn.Close() })
			}
			return conn, err
		},
	}
	header := d.config.Header.Clone()
	if header == nil {
		header = make(http.Header)
	}
	header.Set(pushesBack, "1")
	conn, resp, err := ws.DialContext(context.WithoutCancel(ctx), url, header)
	if err != nil {
		return 0, d.explain(resp, err)
	}
	d.conn, d.trusted = conn, saysPushesBack(resp.Header)
	if p := conn.Subprotocol(); !slices.Contains(d.config.Subprotocols, p) && (p != "" || len(d.config.Subprotocols) > 0) {
		return 0, fmt.Errorf("the server chose subprotocol %q of %q", p, d.config.Subprotocols)
	}
	id, err := readID(conn)
	if !d.release() && err == nil { // too late
		err = ctx.Err()
	}
	return id, err
}

func (d *dialer) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	if d.config.DialContext != nil {
		return d.config.DialContext(ctx, network, addr)
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}

func (d *dialer) abort() {
	if d.below != nil {
		d.release()
		d.below.Close()
	}
}

// explain returns the error for an answer that is not a WebSocket.
func (d *dialer) explain(resp *http.Response, err error) error {
	if resp == nil {
		return err
	}
	d.status = resp.StatusCode
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 256)) // from memory: gorilla keeps at most 1 KiB
	text := strings.Join(strings.Fields(string(body)), " ")
	if d.status == http.StatusForbidden {
		return fmt.Errorf("%w: %q", rtcpeer.ErrRefused, text)
	}
	return fmt.Errorf("the server refused the WebSocket: %d %s: %q", d.status, http.StatusText(d.status), text)
}

// readID reads the first message, which is the guest's id in 4 bytes. (The socket sets the limit of a message anew.)
func readID(conn *gorilla.Conn) (rtcpeer.PeerID, error) {
	const size = 4
	conn.SetReadLimit(size)
	_, first, err := conn.ReadMessage()
	if bye, ok := errors.AsType[*gorilla.CloseError](err); ok {
		if bye.Code == closeRefused {
			return 0, fmt.Errorf("%w: %q", rtcpeer.ErrRefused, bye.Text)
		}
		return 0, fmt.Errorf("closed by the server before its id: %w", err)
	}
	if err != nil && !errors.Is(err, gorilla.ErrReadLimit) {
		return 0, err
	}
	if len(first) != size {
		return 0, fmt.Errorf("the first message is not an id of %d bytes: check that the server is a WebSocketMultiplayerPeer", size)
	}
	id := rtcpeer.PeerID(binary.LittleEndian.Uint32(first))
	if id <= rtcpeer.Server {
		return 0, fmt.Errorf("the server assigned id %d: want 2 or more", id)
	}
	conn.SetReadDeadline(time.Time{})
	return id, nil
}

// shown returns a URL without the parts that may be secret.
func shown(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(not a URL)"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
