package signalserver_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/atonce"
	"example.org/rtcpeer/testdata/bubble"
)

func TestMain(m *testing.M) {
	atonce.Set(4)
	goleak.VerifyTestMain(m)
}

// patience is far longer than anything here takes, in real time and in the fake one of synctest.
const patience = 2 * time.Minute

// A server is a Server behind an http.Server, on TCP or in memory.
type server struct {
	*signalserver.Server
	url  string
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// serve starts a server on a port of the loopback interface.
func serve(t testing.TB, config signalserver.Config) *server {
	t.Helper()
	s, err := signalserver.New(config)
	require.NoError(t, err)
	return newHTTP(t, s)
}

func newHTTP(t testing.TB, s *signalserver.Server) *server {
	t.Helper()
	h := httptest.NewServer(s)
	t.Cleanup(func() {
		shutDown(t, s)
		h.Close()
	})
	return &server{Server: s, url: "ws" + strings.TrimPrefix(h.URL, "http"), dial: new(net.Dialer).DialContext}
}

// serveInMemory starts a server whose sockets are pipes, for tests in the fake time of synctest.
func serveInMemory(t testing.TB, config signalserver.Config) *server {
	t.Helper()
	s, err := signalserver.New(config)
	require.NoError(t, err)
	network := bubble.NewNetwork()
	h := &http.Server{Handler: s}
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.Serve(network)
	}()
	t.Cleanup(func() {
		shutDown(t, s)
		h.Close()
		<-done
	})
	return &server{Server: s, url: "ws://memory", dial: network.DialContext}
}

func shutDown(t testing.TB, s *signalserver.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, s.Shutdown(ctx))
}

// connect opens a WebSocket and does nothing more.
func (s *server) connect(t testing.TB) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{NetDialContext: s.dial, Subprotocols: []string{signaling.Subprotocol}}
	conn, res, err := d.DialContext(t.Context(), s.url, nil)
	require.NoError(t, err)
	res.Body.Close()
	return conn
}

// A client speaks the protocol with a server and fails its test when the server does something
// else than it wants. What comes is read all the time, by one goroutine that ends with the socket.
type client struct {
	t        testing.TB
	conn     *websocket.Conn
	received chan signaling.Message
	closed   chan error
	welcome  signaling.Welcome // the last one
}

func (s *server) client(t testing.TB) *client {
	t.Helper()
	return newClient(t, s.connect(t))
}

// clientFrom is one of an address, where Config.RemoteAddr is from.
func (s *server) clientFrom(t testing.TB, remote string) *client {
	t.Helper()
	return newClient(t, s.connectFrom(t, remote))
}

// connectFrom is connect from such an address.
func (s *server) connectFrom(t testing.TB, remote string) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{NetDialContext: s.dial, Subprotocols: []string{signaling.Subprotocol}}
	conn, res, err := d.DialContext(t.Context(), s.url, http.Header{"X-From": {remote}})
	require.NoError(t, err)
	res.Body.Close()
	return conn
}

func newClient(t testing.TB, conn *websocket.Conn) *client {
	t.Helper()
	c := &client{t: t, conn: conn, received: make(chan signaling.Message, 4096), closed: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.read()
	}()
	t.Cleanup(func() {
		c.conn.Close()
		<-done
	})
	return c
}

func (c *client) read() {
	defer close(c.received)
	for {
		_, frame, err := c.conn.ReadMessage()
		if err != nil {
			c.closed <- err
			return
		}
		m, err := signaling.JSON.Decode(frame)
		if err != nil {
			c.closed <- err
			return
		}
		c.received <- m
	}
}

// member joins and returns after the welcome.
func (s *server) member(t testing.TB, j signaling.Join) *client {
	t.Helper()
	c := s.client(t)
	c.send(j)
	c.wantWelcome()
	return c
}

func (c *client) id() signaling.PeerID { return c.welcome.ID }

func (c *client) send(m signaling.Message) {
	c.t.Helper()
	frame, err := signaling.JSON.Encode(m)
	require.NoError(c.t, err)
	c.sendText(string(frame))
}

func (c *client) sendText(frame string) {
	c.t.Helper()
	require.NoError(c.t, c.conn.WriteMessage(websocket.TextMessage, []byte(frame)))
}

func (c *client) signal(to signaling.PeerID, data string) {
	c.t.Helper()
	c.send(signaling.Signal{To: to, Data: []byte(data)})
}

func (c *client) receive() signaling.Message {
	c.t.Helper()
	select {
	case m, ok := <-c.received:
		if !ok {
			c.t.Fatalf("member %d: socket closed: %v", c.id(), <-c.closed)
		}
		return m
	case <-time.After(patience):
		c.t.Fatalf("member %d: nothing received", c.id())
	}
	return nil
}

// want reads the next message, which is m. A new ticket may come at any time before: a second after a kick, for instance.
func (c *client) want(m signaling.Message) {
	c.t.Helper()
	got := c.receive()
	for got.Kind() == signaling.KindResume && m.Kind() != signaling.KindResume {
		got = c.receive()
	}
	require.Equal(c.t, m, got)
}

func (c *client) wantWelcome() signaling.Welcome {
	c.t.Helper()
	m := c.receive()
	w, ok := m.(signaling.Welcome)
	require.True(c.t, ok, "want a welcome, got %v", m)
	c.welcome = w
	return w
}

func (c *client) wantJoined(other *client) {
	c.t.Helper()
	c.want(signaling.Joined{Member: signaling.Member{ID: other.id()}})
}

func (c *client) wantLeft(other *client, reason signaling.LeftReason) {
	c.t.Helper()
	c.want(signaling.Left{ID: other.id(), Reason: reason})
}

func (c *client) wantSignal(from *client, data string) {
	c.t.Helper()
	c.want(signaling.Signal{From: from.id(), Data: []byte(data)})
}

func (c *client) wantError(code signaling.Code) *signaling.Error {
	c.t.Helper()
	m := c.receive()
	e, ok := m.(*signaling.Error)
	require.True(c.t, ok, "want error %s, got %#v", code, m)
	require.Equal(c.t, code, e.Code, e.Text)
	return e
}

func (c *client) wantClosed(code int, text string) {
	c.t.Helper()
	select {
	case m, ok := <-c.received:
		require.False(c.t, ok, "want the socket closed, got %#v", m)
	case <-time.After(patience):
		c.t.Fatalf("member %d: socket not closed", c.id())
	}
	err := <-c.closed
	closed, ok := errors.AsType[*websocket.CloseError](err)
	require.True(c.t, ok, "want close code %d, got %v", code, err)
	require.Equal(c.t, websocket.CloseError{Code: code, Text: text}, *closed)
}

// wantRefused is the end of a session with an error of the given code.
func (c *client) wantRefused(code signaling.Code) {
	c.t.Helper()
	closeCode := websocket.ClosePolicyViolation
	switch {
	case code == signaling.CodeShuttingDown:
		closeCode = websocket.CloseGoingAway
	case code.Retry():
		closeCode = 4013
	}
	c.wantError(code)
	c.wantClosed(closeCode, string(code))
}

// wantNothing shows that nothing was sent to the member since it last received something: the
// answer to a question asked now is the next that comes.
func (c *client) wantNothing() {
	c.t.Helper()
	c.send(signaling.Signal{To: c.id(), Data: []byte("0")})
	c.wantError(signaling.CodeUnknownPeer)
}

// vanish ends the connection without a word, as a lost network does.
func (c *client) vanish() { c.conn.NetConn().Close() }

// eventually waits until the server's figures are as they should be.
func (s *server) eventually(t testing.TB, what string, ok func(signalserver.Stats) bool) {
	t.Helper()
	require.Eventually(t, func() bool { return ok(s.Stats()) }, patience, time.Millisecond, what)
}
