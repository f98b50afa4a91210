package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pires/go-proxyproto"

	"example.org/rtcpeer/signaling"
)

// A server is the server that is attacked.
type server struct{ url string }

// patience is how long a client waits for an answer.
const patience = 10 * time.Second

func (s *server) address() string { return strings.TrimPrefix(s.url, "ws://") }

// dial opens a TCP connection that appears to come from the address from.
func (s *server) dial(ctx context.Context, to string, from netip.Addr) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", to)
	if err != nil {
		return nil, err
	}
	client := &net.TCPAddr{IP: from.AsSlice(), Port: 1024 + rand.IntN(60000)}
	server := &net.TCPAddr{IP: net.IPv4(198, 51, 100, 1), Port: 443}
	if from.Is6() {
		server.IP = net.ParseIP("2001:db8::1")
	}
	if _, err := proxyproto.HeaderProxyFromAddrs(2, client, server).WriteTo(conn); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// connect opens a WebSocket.
func (s *server) connect(ctx context.Context, from netip.Addr) (*peer, error) {
	d := websocket.Dialer{Subprotocols: []string{signaling.Subprotocol}, HandshakeTimeout: patience,
		NetDialContext: func(ctx context.Context, _, address string) (net.Conn, error) { return s.dial(ctx, address, from) }}
	conn, res, err := d.DialContext(ctx, s.url, nil)
	if err != nil {
		if res != nil {
			err = fmt.Errorf("%w: %s", err, res.Status)
		}
		return nil, err
	}
	return &peer{conn: conn}, nil
}

// A peer is a client of the signaling server.
type peer struct{ conn *websocket.Conn }

func (p *peer) send(m signaling.Message) error {
	frame, err := signaling.JSON.Encode(m)
	if err != nil {
		return err
	}
	p.conn.SetWriteDeadline(time.Now().Add(patience))
	return p.conn.WriteMessage(websocket.TextMessage, frame)
}

// receive returns the next message. If that is an error from the server, receive returns it as its error.
func (p *peer) receive() (signaling.Message, error) {
	p.conn.SetReadDeadline(time.Now().Add(patience))
	_, frame, err := p.conn.ReadMessage()
	if err != nil {
		return nil, err
	}
	m, err := signaling.JSON.Decode(frame)
	if refused, is := m.(*signaling.Error); is {
		return nil, refused
	}
	return m, err
}

func (p *peer) join(j signaling.Join) (signaling.Welcome, error) {
	if err := p.send(j); err != nil {
		return signaling.Welcome{}, err
	}
	m, err := p.receive()
	if err != nil {
		return signaling.Welcome{}, err
	}
	w, is := m.(signaling.Welcome)
	if !is {
		return w, fmt.Errorf("a welcome was expected, and not %T", m)
	}
	return w, nil
}

// vanish closes the connection without a close frame.
func (p *peer) vanish() { p.conn.NetConn().Close() }

// enter connects and joins.
func (s *server) enter(ctx context.Context, from netip.Addr, j signaling.Join) (*peer, signaling.Welcome, error) {
	p, err := s.connect(ctx, from)
	if err != nil {
		return nil, signaling.Welcome{}, err
	}
	w, err := p.join(j)
	if err != nil {
		p.vanish()
		return nil, w, err
	}
	return p, w, nil
}

// check checks that the server answers, accepts PROXY headers, and has the features that are attacked.
func (s *server) check(ctx context.Context) error {
	p, w, err := s.enter(ctx, honest(), signaling.Join{})
	if err != nil {
		return err
	}
	defer p.vanish()
	for _, n := range needed {
		if !n.is(w) {
			return fmt.Errorf("no %s", n.flag)
		}
	}
	_, err = s.figures(ctx)
	return err
}

// figures returns the values of /metrics, by name and labels.
func (s *server) figures(ctx context.Context) (map[string]float64, error) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) { return s.dial(ctx, address, honest()) }}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address()+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("/metrics: %s", res.Status)
	}
	figures := make(map[string]float64)
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			figures[name] = n
		}
	}
	return figures, nil
}

// turnOf returns the address and the credential of a TURN server in a welcome that uses the given transport.
func turnOf(w signaling.Welcome, transport string) (at string, credential signaling.ICEServer, found bool) {
	for _, server := range w.ICEServers {
		for _, address := range server.URLs {
			if u, err := url.Parse(address); err == nil && u.Scheme == "turn" && u.RawQuery == "transport="+transport {
				return u.Opaque, server, true
			}
		}
	}
	return "", credential, false
}

// data returns signal data of about the given number of bytes.
func data(bytes int) json.RawMessage { return json.RawMessage(`"` + strings.Repeat("x", bytes) + `"`) }
