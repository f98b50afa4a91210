//go:build !js

package websocket_test

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/websocket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server on the loopback, and returns it with its URL.
func serve(t *testing.T, config websocket.Config) (*websocket.Server, string) {
	t.Helper()
	server, err := websocket.NewServer(config)
	require.NoError(t, err)
	listener := httptest.NewServer(server)
	t.Cleanup(func() {
		err := server.Close()
		if _, late := errors.AsType[*rtcpeer.UndeliveredError](err); !late { // the guests have left, perhaps a moment ago
			require.NoError(t, err)
		}
		listener.Close()
	})
	return server, "ws" + strings.TrimPrefix(listener.URL, "http")
}

func dial(t *testing.T, url string, config websocket.Config) *rtcpeer.Node {
	t.Helper()
	n, err := websocket.Dial(t.Context(), url, config)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := n.Close(); err != nil { // some tests have a server that does not read all
			require.ErrorAs(t, err, new(*rtcpeer.UndeliveredError))
		}
	})
	return n
}

// star is a server with guests, who all have seen each other: the server is the first.
func star(t *testing.T, config websocket.Config, guests int) []rtcpeer.Peer {
	t.Helper()
	server, url := serve(t, config)
	peers := []rtcpeer.Peer{server}
	for range guests {
		peers = append(peers, dial(t, url, config))
	}
	for _, p := range peers {
		for range guests {
			require.Equal(t, rtcpeer.PeerConnected, next(t, p).Kind, "peer %d", p.ID())
		}
	}
	return peers
}

// next returns a peer's next event, or fails after a time that no healthy machine needs.
func next(t *testing.T, p rtcpeer.Peer) rtcpeer.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ev, err := p.Receive(ctx)
	require.NoError(t, err, "peer %d waits for an event", p.ID())
	return ev
}

func wantConnected(t *testing.T, p rtcpeer.Peer, id rtcpeer.PeerID) {
	t.Helper()
	require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerConnected, Peer: id}, next(t, p))
}

func wantDisconnected(t *testing.T, p rtcpeer.Peer, id rtcpeer.PeerID, reason rtcpeer.DisconnectReason) {
	t.Helper()
	ev := next(t, p)
	require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerDisconnected, Peer: id, Reason: reason}, ev, "reason %v", ev.Reason)
}

// wantPacket takes the next event, which must be this packet, on the one channel in the one mode.
func wantPacket(t *testing.T, p rtcpeer.Peer, from rtcpeer.PeerID, data string) {
	t.Helper()
	ev := next(t, p)
	require.Equal(t, rtcpeer.PacketReceived, ev.Kind, "peer %d: %+v", p.ID(), ev)
	require.Equal(t, rtcpeer.Packet{Peer: from, Data: []byte(data)}, ev.Packet)
}

func send(t *testing.T, p rtcpeer.Peer, to rtcpeer.PeerID, data string) {
	t.Helper()
	require.NoError(t, p.Send(t.Context(), rtcpeer.Packet{Peer: to, Data: []byte(data)}))
}

// bare is one end of a WebSocket without anything of ours: a Godot game, by its bytes.
type bare struct {
	t    *testing.T
	conn *gorilla.Conn
}

// bareGuest connects to a server.
func bareGuest(t *testing.T, url string) *bare {
	t.Helper()
	conn, _, err := gorilla.DefaultDialer.DialContext(t.Context(), url, nil)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return &bare{t: t, conn: conn}
}

// bareServer gives each guest that connects to play, and closes the connection after.
func bareServer(t *testing.T, play func(*bare)) (url string) {
	t.Helper()
	var upgrader gorilla.Upgrader
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		conn, err := upgrader.Upgrade(w, req, nil)
		if err == nil {
			play(&bare{t: t, conn: conn})
			conn.Close()
		}
	}))
	t.Cleanup(listener.Close)
	return "ws" + strings.TrimPrefix(listener.URL, "http")
}

func (b *bare) send(inHex string) {
	b.t.Helper()
	data, err := hex.DecodeString(inHex)
	require.NoError(b.t, err)
	require.NoError(b.t, b.conn.WriteMessage(gorilla.BinaryMessage, data))
}

// want reads the next message, which must be this one, binary.
func (b *bare) want(inHex string) {
	b.t.Helper()
	require.Equal(b.t, inHex, hex.EncodeToString(b.read()))
}

func (b *bare) read() []byte {
	b.t.Helper()
	require.NoError(b.t, b.conn.SetReadDeadline(time.Now().Add(patience)))
	kind, data, err := b.conn.ReadMessage()
	require.NoError(b.t, err)
	require.Equal(b.t, gorilla.BinaryMessage, kind)
	return data
}

// wantClose reads until the end, which must be a close frame with this code, and closes as well.
func (b *bare) wantClose(code int) {
	b.t.Helper()
	defer b.conn.Close()
	require.NoError(b.t, b.conn.SetReadDeadline(time.Now().Add(patience)))
	for {
		if _, _, err := b.conn.ReadMessage(); err != nil {
			require.True(b.t, gorilla.IsCloseError(err, code), "want close %d, got %v", code, err)
			return
		}
	}
}

// id reads the first frame.
func (b *bare) id() (id rtcpeer.PeerID, inHex string) {
	b.t.Helper()
	data := b.read()
	require.Len(b.t, data, 4)
	return rtcpeer.PeerID(data[0]) | rtcpeer.PeerID(data[1])<<8 | rtcpeer.PeerID(data[2])<<16 | rtcpeer.PeerID(data[3])<<24,
		hex.EncodeToString(data)
}

// Methods that need a signaling server, which this package does not have, return an error at once.
func TestMethodsThatNeedASignalingServer(t *testing.T) {
	server, url := serve(t, websocket.Config{})
	guest := dial(t, url, websocket.Config{})
	wantConnected(t, server, guest.ID())
	for name, err := range map[string]error{
		"lock":         server.SetLocked(t.Context(), true),
		"kick":         server.Kick(t.Context(), guest.ID(), "idle"),
		"successor":    server.SetSuccessor(t.Context(), guest.ID()),
		"set metadata": guest.SetMetadata(t.Context(), []byte(`{"name":"Ann"}`)),
	} {
		require.ErrorContains(t, err, name)
		require.ErrorContains(t, err, "needs a signaling server")
	}
	require.NoError(t, server.Send(t.Context(), rtcpeer.Packet{Peer: guest.ID(), Data: []byte("hello")}))
}
