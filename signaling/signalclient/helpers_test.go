package signalclient

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A testServer is a WebSocket server whose answer to each join is the test's to choose.
type testServer struct {
	URL      string
	sessions chan *session // those whose answer is done; when full, later ones are not told
	count    atomic.Int32  // of connections
	stop     func()
}

// A session is the server's end of one connection.
type session struct {
	*websocket.Conn
	n    int // 1 is the first connection to this server
	join signaling.Join
}

// serve answers each connection to ln with answer, until the test ends.
func serve(t *testing.T, ln net.Listener, answer func(*session)) *testServer {
	t.Helper()
	s := &testServer{URL: "ws://" + ln.Addr().String() + "/lobby", sessions: make(chan *session, 16)}
	upgrader := websocket.Upgrader{Subprotocols: []string{signaling.Subprotocol}}
	var mu sync.Mutex
	var all []*websocket.Conn
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		mu.Lock()
		all = append(all, ws)
		context.AfterFunc(t.Context(), func() { ws.Close() }) // so that nobody waits for its goodbye
		one := &session{Conn: ws, n: int(s.count.Add(1))}
		mu.Unlock()
		_, frame, err := ws.ReadMessage()
		if err != nil {
			return
		}
		if m, err := signaling.JSON.Decode(frame); err == nil {
			one.join, _ = m.(signaling.Join)
		}
		answer(one)
		select {
		case s.sessions <- one:
		default:
		}
	})}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(ln) })
	s.stop = sync.OnceFunc(func() {
		_ = srv.Close()
		mu.Lock()
		for _, ws := range all {
			_ = ws.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	t.Cleanup(s.stop)
	return s
}

// welcome gives every member the id 7 and a token that tells how often it came.
func welcome(s *session) { s.send(welcomeTo(s)) }

func welcomeTo(s *session) signaling.Welcome {
	return signaling.Welcome{
		ID: 7, Room: "lobby", Topology: signaling.Mesh, Host: signaling.Host,
		Resume: "token-" + strconv.Itoa(s.n), Resumed: s.join.Resume != "",
	}
}

func (s *session) send(m signaling.Message) {
	frame, err := signaling.JSON.Encode(m)
	if err != nil {
		panic(err) // the test's own mistake
	}
	s.write(frame)
}

func (s *session) write(frame []byte) { _ = s.WriteMessage(websocket.TextMessage, frame) }

// read returns the client's next message.
func (s *session) read(t *testing.T) signaling.Message {
	t.Helper()
	_, frame, err := s.ReadMessage()
	require.NoError(t, err)
	m, err := signaling.JSON.Decode(frame)
	require.NoError(t, err)
	return m
}

// accept returns the next session that has its answer.
func (s *testServer) accept(t *testing.T) *session {
	t.Helper()
	select {
	case one := <-s.sessions:
		return one
	case <-time.After(30 * time.Second):
		t.Fatal("the client did not come")
		return nil
	}
}

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	return ln
}

// patience is longer than anything here takes, in real time and in a bubble's.
const patience = 2 * time.Minute

// quick is a Config for tests that wait for a redial on a real network.
var quick = Config{BackoffMin: time.Millisecond, BackoffMax: 20 * time.Millisecond}

func dial(t *testing.T, url string, cfg Config) *Client {
	t.Helper()
	return join(t, url, signaling.Join{}, cfg)
}

func join(t *testing.T, url string, join signaling.Join, cfg Config) *Client {
	t.Helper()
	c, err := Dial(t.Context(), url, join, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func receive(t *testing.T, c *Client) signaling.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	m, err := c.Receive(ctx)
	require.NoError(t, err)
	return m
}

// receiveEnd returns the error after the last message.
func receiveEnd(t *testing.T, c *Client) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		if _, err := c.Receive(ctx); err != nil {
			require.NoError(t, ctx.Err(), "the client did not end")
			return err
		}
	}
}

func signalTo(id signaling.PeerID, n int) signaling.Signal {
	return signaling.Signal{To: id, Data: json.RawMessage(strconv.Itoa(n))}
}

// A pipeNet is a network in memory that can hang.
type pipeNet struct {
	*bubble.Network
	hung atomic.Bool
}

func newPipeNet() *pipeNet { return &pipeNet{Network: bubble.NewNetwork()} }

func (p *pipeNet) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if p.hung.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return p.DialContext(ctx, network, address)
}

// hang has every later dial wait for its context.
func (p *pipeNet) hang() { p.hung.Store(true) }
