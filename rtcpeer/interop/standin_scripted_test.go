//go:build unix

package interop

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
)

// Games with the addon at a server of which the test writes every message.

// scriptedServer hands each WebSocket to the test.
type scriptedServer struct {
	web     *httptest.Server
	sockets chan *scriptedSocket
	mute    atomic.Bool // requests get no answer
}

type scriptedSocket struct{ conn *websocket.Conn }

// scriptedMessage has the fields of a member's message that the tests look at.
type scriptedMessage struct {
	Kind   string               `json:"kind"`
	Resume string               `json:"resume"`
	To     rtcpeer.PeerID       `json:"to"`
	Data   signaling.SignalData `json:"data"`
}

func startScriptedServer(t *testing.T) *scriptedServer {
	t.Helper()
	s := &scriptedServer{sockets: make(chan *scriptedSocket, 100)}
	s.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var socket io.Closer
		if s.mute.Load() {
			raw, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			socket = raw
		} else {
			conn, err := (&websocket.Upgrader{Subprotocols: []string{signaling.Subprotocol}}).Upgrade(w, r, nil)
			if err != nil {
				return
			}
			socket = conn
			s.sockets <- &scriptedSocket{conn}
		}
		t.Cleanup(func() { socket.Close() })
	}))
	t.Cleanup(s.web.Close)
	return s
}

// accept waits for a game's next connection, and returns its join as well.
func (s *scriptedServer) accept(ctx context.Context) (*scriptedSocket, scriptedMessage, error) {
	select {
	case socket := <-s.sockets:
		join, err := socket.read(ctx)
		return socket, join, err
	case <-ctx.Done():
		return nil, scriptedMessage{}, fmt.Errorf("no connection: %w", context.Cause(ctx))
	}
}

func (s *scriptedSocket) read(ctx context.Context) (m scriptedMessage, err error) {
	deadline, _ := ctx.Deadline()
	if err := s.conn.SetReadDeadline(deadline); err != nil {
		return m, err
	}
	err = s.conn.ReadJSON(&m)
	return m, err
}

// untilPing reads until the game asks for an answer. It returns the offers that came before that.
func (s *scriptedSocket) untilPing(ctx context.Context) (offers int, err error) {
	for {
		m, err := s.read(ctx)
		if err != nil || m.Kind == "ping" {
			return offers, err
		}
		if m.Data.Type == signaling.Offer {
			offers++
		}
	}
}

func (s *scriptedSocket) write(frame string) error {
	return s.conn.WriteMessage(websocket.TextMessage, []byte(frame))
}

// welcome is that of member 9 of a mesh, whom the token R lets come back.
func welcome(members string) string {
	return fmt.Sprintf(`{"kind":"welcome","id":9,"room":"room","topology":"mesh","host":1,"members":[%s],"resume":"R","limits":{}}`, members)
}

// enterScripted has a game with the addon join. Its seconds are timeScale times as short as others.
func (g *games) enterScripted(ctx context.Context, t *testing.T, s *scriptedServer, timeScale int, members string) (*participant, *scriptedSocket, error) {
	t.Helper()
	type entered struct {
		game *participant
		err  error
	}
	done := make(chan entered, 1)
	url := strings.Replace(s.web.URL, "http", "ws", 1) + "/room"
	go func() {
		game, err := g.enter(ctx, inAddon, url, rtcpeer.Config{Topology: rtcpeer.Mesh}, map[string]any{"timeScale": timeScale})
		done <- entered{game, err}
	}()
	socket, _, err := s.accept(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := socket.write(welcome(members)); err != nil {
		return nil, nil, err
	}
	e := <-done
	if e.err == nil {
		t.Cleanup(func() { _ = e.game.leave() })
	}
	return e.game, socket, e.err
}

// deadServer has the server of a game fall silent without closing the WebSocket, and then not answer a request.
func (g *games) deadServer(ctx context.Context, t *testing.T) error {
	s := startScriptedServer(t)
	game, _, err := g.enterScripted(ctx, t, s, 10, "")
	if err != nil {
		return err
	}
	s.mute.Store(true)
	if err := game.signals(ctx, "signaling_lost"); err != nil {
		return err
	}
	s.mute.Store(false)
	socket, join, err := s.accept(ctx)
	if err != nil {
		return err
	}
	require.Equal(t, "R", join.Resume)
	if err := socket.write(welcome("")); err != nil {
		return err
	}
	for range 3 { // a server that answers is not lost
		if _, err := socket.untilPing(ctx); err != nil {
			return err
		}
		if err := socket.write(`{"kind":"error","code":"unknown_kind","text":"kind \"ping\""}`); err != nil {
			return err
		}
	}
	return game.signals(ctx, "signaling_lost", "signaling_resumed")
}

// deadRequests has the server of a game be lost for good, and accept connections that it never answers.
func (g *games) deadRequests(ctx context.Context, t *testing.T) error {
	s := startScriptedServer(t)
	game, socket, err := g.enterScripted(ctx, t, s, 10, "")
	if err != nil {
		return err
	}
	s.mute.Store(true)
	if err := socket.conn.Close(); err != nil {
		return err
	}
	return game.signals(ctx, "signaling_lost", "no signaling")
}
