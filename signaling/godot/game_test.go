package godot_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/godot"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/bubble"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is far longer than anything here takes, in real time and in the fake one of synctest.
const patience = 2 * time.Minute

// The demo's types of messages.
const (
	join = iota
	identify
	peerConnect
	peerDisconnect
	offer
	answer
	candidate
	seal
)

// A server is a signalserver that speaks Godot's dialect with games.
type server struct {
	*signalserver.Server
	url  string
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// serve starts a server on a port of the loopback interface.
func serve(t *testing.T, config signalserver.Config) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return serveOn(t, l, new(net.Dialer).DialContext, config)
}

// within runs a test in fake time. The sockets are pipes.
func within(t *testing.T, config signalserver.Config, story func(t *testing.T, s *server)) {
	t.Helper()
	bubble.Test(t, func(t *testing.T) { story(t, serveInMemory(t, config)) })
}

func serveInMemory(t *testing.T, config signalserver.Config) *server {
	t.Helper()
	network := bubble.NewNetwork()
	return serveOn(t, network, network.DialContext, config)
}

func serveOn(t *testing.T, l net.Listener, dial func(context.Context, string, string) (net.Conn, error), config signalserver.Config) *server {
	t.Helper()
	config.Plain = godot.Server()
	s, err := signalserver.New(config)
	require.NoError(t, err)
	h := &http.Server{Handler: s}
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.Serve(l)
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx))
		h.Close()
		<-done
	})
	return &server{Server: s, url: "ws://" + l.Addr().String(), dial: dial}
}

// A game is a client of the demo, as far as its socket: what comes is read all the time, by one
// goroutine that ends with the socket.
type game struct {
	t      *testing.T
	conn   *websocket.Conn
	frames chan string
	closed chan error
	id     int64
	lobby  string
}

// game opens a WebSocket without a subprotocol.
func (s *server) game(t *testing.T, path string) *game {
	t.Helper()
	d := websocket.Dialer{NetDialContext: s.dial}
	conn, res, err := d.DialContext(t.Context(), s.url+path, nil)
	require.NoError(t, err)
	res.Body.Close()
	require.Empty(t, conn.Subprotocol())
	g := &game{t: t, conn: conn, frames: make(chan string, 4096), closed: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.read()
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return g
}

func (g *game) read() {
	defer close(g.frames)
	for {
		_, frame, err := g.conn.ReadMessage()
		if err != nil {
			g.closed <- err
			return
		}
		g.frames <- string(frame)
	}
}

// member is a game in a lobby, or in a new one; flag is 0 for a mesh.
func (s *server) member(t *testing.T, lobby string, flag int) *game {
	t.Helper()
	g := s.game(t, "/")
	g.send(join, flag, lobby)
	g.wantID()
	return g
}

// wantID takes the answers to a JOIN up to the last.
func (g *game) wantID() {
	g.t.Helper()
	first := g.next()
	require.Equal(g.t, identify, first.Type)
	g.id = first.ID
	for m := g.next(); ; m = g.next() {
		if m.Type == join {
			g.lobby = m.Data
			return
		}
		require.Equal(g.t, peerConnect, m.Type)
	}
}

func (g *game) send(kind int, id any, data string) {
	g.t.Helper()
	b, err := json.Marshal(map[string]any{"type": kind, "id": id, "data": data})
	require.NoError(g.t, err)
	g.sendText(string(b))
}

func (g *game) sendText(frame string) {
	g.t.Helper()
	require.NoError(g.t, g.conn.WriteMessage(websocket.TextMessage, []byte(frame)))
}

type message struct {
	Type int
	ID   int64
	Data string
}

func (g *game) text() string {
	g.t.Helper()
	select {
	case frame, ok := <-g.frames:
		if !ok {
			g.t.Fatalf("game %d: socket closed: %v", g.id, <-g.closed)
		}
		return frame
	case <-time.After(patience):
		g.t.Fatalf("game %d: nothing received", g.id)
	}
	return ""
}

func (g *game) next() (m message) {
	g.t.Helper()
	require.NoError(g.t, json.Unmarshal([]byte(g.text()), &m))
	return m
}

// want takes the next frame, which is exactly that.
func (g *game) want(kind int, id any, data string) {
	g.t.Helper()
	quoted, err := json.Marshal(data)
	require.NoError(g.t, err)
	require.Equal(g.t, fmt.Sprintf(`{"type":%d,"id":%d,"data":%s}`, kind, id, quoted), g.text())
}

func (g *game) wantClosed(code int, text string) {
	g.t.Helper()
	select {
	case frame, ok := <-g.frames:
		require.False(g.t, ok, "want the socket closed, got %s", frame)
	case <-time.After(patience):
		g.t.Fatalf("game %d: socket not closed", g.id)
	}
	closed, ok := errors.AsType[*websocket.CloseError](<-g.closed)
	require.True(g.t, ok, "want close %d %q, not a broken socket", code, text)
	require.Equal(g.t, websocket.CloseError{Code: code, Text: text}, *closed)
}

// wantNothing shows that nothing was sent to g since it last received something: what it tells
// itself by way of another is the next that comes.
func (g *game) wantNothing(other *game) {
	g.t.Helper()
	other.send(offer, g.id, "nothing in between")
	g.want(offer, other.id, "nothing in between")
}

// vanish ends the connection without a word, as a lost network does.
func (g *game) vanish() { g.conn.NetConn().Close() }

// A browser is a member that speaks rtcpeer.v1, at the level of frames.
type browser struct {
	*game
	welcome signaling.Welcome
}

func (s *server) browser(t *testing.T, j signaling.Join) *browser {
	t.Helper()
	d := websocket.Dialer{NetDialContext: s.dial, Subprotocols: []string{signaling.Subprotocol}}
	conn, res, err := d.DialContext(t.Context(), s.url, nil)
	require.NoError(t, err)
	res.Body.Close()
	b := &browser{game: &game{t: t, conn: conn, frames: make(chan string, 4096), closed: make(chan error, 1)}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.read()
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	b.say(j)
	b.welcome = b.hear().(signaling.Welcome)
	b.id = int64(b.welcome.ID)
	return b
}

func (b *browser) say(m signaling.Message) {
	b.t.Helper()
	frame, err := signaling.JSON.Encode(m)
	require.NoError(b.t, err)
	b.sendText(string(frame))
}

func (b *browser) hear() signaling.Message {
	b.t.Helper()
	m, err := signaling.JSON.Decode([]byte(b.text()))
	require.NoError(b.t, err)
	return m
}

func (b *browser) signal(to int64, data string) {
	b.t.Helper()
	b.say(signaling.Signal{To: signaling.PeerID(to), Data: []byte(data)})
}

func (b *browser) wantSignal(from int64, data string) {
	b.t.Helper()
	s, ok := b.hear().(signaling.Signal)
	require.True(b.t, ok)
	require.Equal(b.t, signaling.PeerID(from), s.From)
	require.JSONEq(b.t, data, string(s.Data))
}
