//go:build unix

package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"
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

// readSignal reads the next offer or answer. Candidates may come before it.
func (s *scriptedSocket) readSignal(ctx context.Context, which signaling.SignalType) (m scriptedMessage, err error) {
	for err == nil && m.Data.Type != which {
		m, err = s.read(ctx)
	}
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

// leftMeanwhile has a member leave while the game has no server, and come back later.
func (g *games) leftMeanwhile(ctx context.Context, t *testing.T) error {
	s := startScriptedServer(t)
	game, socket, err := g.enterScripted(ctx, t, s, 5, `{"id":5}`)
	if err != nil {
		return err
	}
	if _, err := socket.readSignal(ctx, signaling.Offer); err != nil {
		return err
	}
	if err := socket.conn.Close(); err != nil {
		return err
	}
	socket, _, err = s.accept(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(socket.write(welcome("")), game.signals(ctx, "member 5 joins", "signaling_lost", "member 5 leaves", "signaling_resumed")); err != nil {
		return err
	}
	offers, err := socket.untilPing(ctx)
	if err != nil {
		return err
	}
	require.Zero(t, offers)
	if err := socket.write(`{"kind":"joined","member":{"id":5}}`); err != nil {
		return err
	}
	offer, err := socket.readSignal(ctx, signaling.Offer)
	if err != nil {
		return err
	}
	require.Equal(t, 1, offer.Data.Attempt)
	return errors.Join(game.signals(ctx, "signaling_resumed", "member 5 joins"), game.clean(ctx))
}

// newICEServers has the server replace its ICE servers before a member joins.
func (g *games) newICEServers(ctx context.Context, t *testing.T) error {
	s := startScriptedServer(t)
	game, socket, err := g.enterScripted(ctx, t, s, 1, "")
	if err != nil {
		return err
	}
	if err := errors.Join(
		socket.write(`{"kind":"ice_servers","ice_servers":[{"urls":["stun:new.example"]}]}`),
		socket.write(`{"kind":"joined","member":{"id":5}}`)); err != nil {
		return err
	}
	if _, err := socket.readSignal(ctx, signaling.Offer); err != nil {
		return err
	}
	f, err := game.Facts(ctx)
	if err != nil {
		return err
	}
	require.Contains(t, strings.Join(f.Game.Diary, "\n"), "ICE servers stun:new.example")
	return nil
}

// restartedMember has the program of a member be restarted: the game hears of it at once, or in the welcome.
func (g *games) restartedMember(ctx context.Context, t *testing.T) error {
	s := startScriptedServer(t)
	game, socket, err := g.enterScripted(ctx, t, s, 1, `{"id":5,"incarnation":"A"}`)
	if err != nil {
		return err
	}
	offeredAnew := func() error {
		offer, err := socket.readSignal(ctx, signaling.Offer)
		if err == nil && offer.Data.Attempt != 1 {
			err = fmt.Errorf("the offer has attempt %d", offer.Data.Attempt)
		}
		return err
	}
	if err := errors.Join(offeredAnew(),
		socket.write(`{"kind":"joined","member":{"id":5,"incarnation":"A","metadata":"the same program"}}`),
		socket.write(`{"kind":"joined","member":{"id":5,"incarnation":"B"}}`), offeredAnew()); err != nil {
		return err
	}
	f, err := game.Facts(ctx)
	if err != nil {
		return err
	}
	require.Equal(t, []string{"member 5 joins", "member 5 leaves", "member 5 joins"}, f.Game.Signals)
	if err := socket.conn.Close(); err != nil {
		return err
	}
	socket, _, err = s.accept(ctx)
	if err != nil {
		return err
	}
	return errors.Join(socket.write(welcome(`{"id":5,"incarnation":"C"}`)), offeredAnew(),
		game.signals(ctx, "signaling_lost", "member 5 leaves", "member 5 joins", "signaling_resumed"), game.clean(ctx))
}

// refusedMember has a member refuse the link, and leave the room later.
func (g *games) refusedMember(ctx context.Context, t *testing.T) error {
	s := startScriptedServer(t)
	game, socket, err := g.enterScripted(ctx, t, s, 1, `{"id":5}`)
	if err != nil {
		return err
	}
	if err := socket.write(`{"kind":"signal","from":5,"data":{"type":"refuse","text":"not you"}}`); err != nil {
		return err
	}
	if err := socket.write(`{"kind":"left","id":5,"reason":"left"}`); err != nil {
		return err
	}
	return game.signals(ctx, "member 5 joins", "failed 5 refused", "member 5 leaves")
}

// restartedOfferer has the program of a member with a larger id be restarted: it counts its offers from 1 again.
func (g *games) restartedOfferer(ctx context.Context, t *testing.T) error {
	s := startScriptedServer(t)
	_, socket, err := g.enterScripted(ctx, t, s, 1, `{"id":12,"incarnation":"A"}`)
	if err != nil {
		return err
	}
	for range 2 {
		offerer, err := webrtc.NewPeerConnection(webrtc.Configuration{})
		if err != nil {
			return err
		}
		defer offerer.Close()
		_, err = offerer.CreateDataChannel("reliable", nil)
		if err != nil {
			return err
		}
		offer, err := offerer.CreateOffer(nil)
		if err != nil {
			return err
		}
		frame, err := json.Marshal(map[string]any{"kind": "signal", "from": 12, "data": map[string]any{"type": "offer", "attempt": 1, "sdp": offer.SDP}})
		if err := errors.Join(err, socket.write(string(frame))); err != nil {
			return err
		}
		answer, err := socket.readSignal(ctx, signaling.Answer)
		if err != nil {
			return err
		}
		require.Equal(t, 1, answer.Data.Attempt)
		if err := socket.write(`{"kind":"joined","member":{"id":12,"incarnation":"B"}}`); err != nil {
			return err
		}
	}
	return nil
}

// restartedHost has a program take the place of a host that a game has a link with, and that does not close it.
func (g *games) restartedHost(ctx context.Context, t *testing.T) error {
	p, err := g.gather(ctx, t, rtcpeer.Config{Topology: rtcpeer.Star}, inGo, inAddon)
	if err != nil {
		return err
	}
	old, game := p[0].player.(native), p[1]
	node, err := rtcpeer.Join(ctx, g.server.url(old.Room()), rtcpeer.Config{Topology: rtcpeer.Star, Resume: old.ResumeToken()})
	if err != nil {
		return err
	}
	again := participate("its next program", native{node})
	t.Cleanup(func() { _ = again.leaveAfterOthers() })
	require.Equal(t, old.ID(), again.ID())
	if err := again.meets(ctx, game); err != nil {
		return err
	}
	if err := game.await(ctx, "connected of both programs", func(log []rtcpeer.Event) bool {
		log = slices.DeleteFunc(slices.Clone(log), func(ev rtcpeer.Event) bool { return ev.Kind != rtcpeer.PeerConnected })
		return len(log) == 2
	}); err != nil {
		return err
	}
	return errors.Join(again.says(ctx, game, "to the game"), game.says(ctx, again, "from the game"))
}

// kickedFromMesh has a host take one of two games out of a mesh: the other game ends its link with it.
func (g *games) kickedFromMesh(ctx context.Context, t *testing.T) error {
	p, err := g.gather(ctx, t, rtcpeer.Config{Topology: rtcpeer.Mesh, Framed: true}, inGo, inAddon, inAddon)
	if err != nil {
		return err
	}
	if err := p[0].player.(native).Kick(ctx, p[1].ID(), "be nice"); err != nil {
		return err
	}
	return errors.Join(p[2].loses(ctx, p[1], noReason), p[1].loses(ctx, p[2], noReason))
}
