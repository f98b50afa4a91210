//go:build !js

package websocket_test

import (
	"context"
	"encoding/hex"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/websocket"
)

const (
	patience = time.Minute
	tick     = time.Millisecond
)

// A Godot game in a room of ours, in its bytes (GODOT: SceneMultiplayer over WebSocketMultiplayerPeer).
func TestServerInBytes(t *testing.T) {
	server, url := serve(t, websocket.Config{})
	conn, resp, err := gorilla.DefaultDialer.DialContext(t.Context(), url, nil)
	require.NoError(t, err)
	defer conn.Close()
	require.Empty(t, resp.Header.Get("Sec-WebSocket-Protocol"))
	require.Empty(t, resp.Header.Get("Sec-WebSocket-Extensions"), "no permessage-deflate")
	require.True(t, strings.EqualFold("upgrade", resp.Header.Get("Connection")), "Godot compares the whole value")
	a := &bare{t: t, conn: conn}
	idA, hexA := a.id()
	wantConnected(t, server, idA)

	a.send("036869") // hi
	wantPacket(t, server, idA, "hi")
	send(t, server, idA, "yo")
	a.want("03796f")

	b := bareGuest(t, url)
	idB, hexB := b.id()
	wantConnected(t, server, idB)
	a.want("0701" + hexB)
	b.want("0701" + hexA)

	a.send("0703" + hexB + "036869")
	b.want("0703" + hexA + "036869")
	a.send("070300000000" + "036869")
	b.want("0703" + hexA + "036869")
	wantPacket(t, server, idA, "hi")
	a.send("0703ffffffff" + "00aabbcc") // an RPC for all but the server
	b.want("0703" + hexA + "00aabbcc")

	require.NoError(t, a.conn.WriteMessage(gorilla.TextMessage, []byte("\x03text")))
	wantPacket(t, server, idA, "text")
	require.NoError(t, a.conn.WriteMessage(gorilla.BinaryMessage, nil)) // means nothing
	fragments, err := a.conn.NextWriter(gorilla.BinaryMessage)
	require.NoError(t, err)
	for range 3 {
		_, err := fragments.Write([]byte(strings.Repeat("\x03", 5000))) // over gorilla's buffer: frames
		require.NoError(t, err)
	}
	require.NoError(t, fragments.Close())
	wantPacket(t, server, idA, strings.Repeat("\x03", 14999))

	require.NoError(t, a.conn.WriteMessage(gorilla.CloseMessage, gorilla.FormatCloseMessage(1000, "")))
	a.wantClose(1000)
	wantDisconnected(t, server, idA, rtcpeer.ByPeer)
	b.want("0702" + hexA)
	b.conn.NetConn().Close() // as Godot's close() does
	wantDisconnected(t, server, idB, rtcpeer.ByPeer)
}

// Godot's close() with packets unread is a reset, and an end like any other.
func TestReset(t *testing.T) {
	server, url := serve(t, websocket.Config{})
	guest := bareGuest(t, url)
	id, _ := guest.id()
	wantConnected(t, server, id)
	require.NoError(t, guest.conn.NetConn().(*net.TCPConn).SetLinger(0))
	guest.send("036869")
	guest.conn.NetConn().Close()
	ev := next(t, server)
	if ev.Kind == rtcpeer.PacketReceived { // if the reset has not overtaken it
		ev = next(t, server)
	}
	require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerDisconnected, Peer: id, Reason: rtcpeer.ByPeer}, ev)
}

func TestBareInBytes(t *testing.T) {
	server, url := serve(t, websocket.Config{Bare: true})
	guest := bareGuest(t, url)
	id, _ := guest.id()
	wantConnected(t, server, id)
	guest.send("0703")
	wantPacket(t, server, id, "\x07\x03")
	send(t, server, id, "hi")
	guest.want("6869")
}

func TestGuestInBytes(t *testing.T) {
	done := make(chan struct{})
	url := bareServer(t, func(host *bare) {
		defer close(done)
		host.send("05000000")
		host.send("070107000000") // with the id, in one segment perhaps
		host.want("036869")
		host.want("07030700000003796f")
		host.send("07030700000003aa")
		host.wantClose(1000)
	})
	guest := dial(t, url, websocket.Config{})
	require.Equal(t, rtcpeer.PeerID(5), guest.ID())
	wantConnected(t, guest, 1)
	wantConnected(t, guest, 7)
	send(t, guest, 1, "hi")
	send(t, guest, 7, "yo")
	wantPacket(t, guest, 7, "\xaa")
	require.NoError(t, guest.Close())
	<-done
}

// Packets of any size are one frame, though gorilla would write large ones in several.
func TestOneFrameForEachPacket(t *testing.T) {
	frames := make(chan string, 1)
	url := bareServer(t, func(host *bare) {
		host.send("05000000")
		head := make([]byte, 4)
		_, err := host.conn.NetConn().Read(head)
		if err == nil {
			frames <- hex.EncodeToString(head)
		}
		host.conn.ReadMessage() // nonsense by now; it waits for the guest's end
	})
	guest := dial(t, url, websocket.Config{})
	wantConnected(t, guest, 1)
	send(t, guest, 1, strings.Repeat("x", 60000))
	require.Equal(t, "82feea61", <-frames, "final, binary, masked, 60001 bytes")
}

func TestBadFirstFrames(t *testing.T) {
	tests := []struct{ name, first, want string }{
		{"too short", "050000", "not an id of 4 bytes"},
		{"too long", "0500000000", "not an id of 4 bytes"},
		{"empty", "", "not an id of 4 bytes"},
		{"the server's", "01000000", "the server assigned id 1: want 2 or more"},
		{"zero", "00000000", "the server assigned id 0"},
		{"negative", "ffffffff", "the server assigned id -1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url := bareServer(t, func(host *bare) {
				host.send(tt.first)
				host.conn.ReadMessage() // until the guest has closed
			})
			_, err := websocket.Dial(t.Context(), url, websocket.Config{})
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "websocket: dial "+url)
		})
	}
	t.Run("none", func(t *testing.T) {
		url := bareServer(t, func(host *bare) {
			host.conn.WriteMessage(gorilla.CloseMessage, gorilla.FormatCloseMessage(1000, ""))
		})
		_, err := websocket.Dial(t.Context(), url, websocket.Config{})
		require.ErrorContains(t, err, "closed by the server before its id")
	})
	t.Run("a refusal", func(t *testing.T) {
		url := bareServer(t, func(host *bare) {
			host.conn.WriteMessage(gorilla.CloseMessage, gorilla.FormatCloseMessage(1008, "too late"))
		})
		_, err := websocket.Dial(t.Context(), url, websocket.Config{})
		require.ErrorIs(t, err, rtcpeer.ErrRefused)
		require.ErrorContains(t, err, "too late")
	})
	t.Run("in time", func(t *testing.T) {
		url := bareServer(t, func(host *bare) { host.conn.ReadMessage() })
		_, err := websocket.Dial(t.Context(), url, websocket.Config{HandshakeTimeout: 50 * time.Millisecond})
		require.ErrorContains(t, err, "no id received within 50ms")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = websocket.Dial(ctx, url, websocket.Config{})
		require.ErrorIs(t, err, context.Canceled)
	})
}

// What no packet can be ends the socket that brought it, with its code, and no other.
func TestMisbehaved(t *testing.T) {
	tests := []struct {
		name string
		do   func(*gorilla.Conn) error
		code int
		err  error
	}{
		{"oversized", func(c *gorilla.Conn) error {
			return c.WriteMessage(gorilla.BinaryMessage, make([]byte, 65536))
		}, 1009, rtcpeer.ErrPacketTooLarge},
		{"reserved bits", func(c *gorilla.Conn) error {
			_, err := c.NetConn().Write([]byte{0xf2, 0x80, 0, 0, 0, 0})
			return err
		}, 1002, nil},
		{"unmasked", func(c *gorilla.Conn) error {
			_, err := c.NetConn().Write([]byte{0x82, 1, 3})
			return err
		}, 1002, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server, url := serve(t, websocket.Config{})
			good, bad := bareGuest(t, url), bareGuest(t, url)
			goodID, _ := good.id()
			badID, _ := bad.id()
			next(t, server)
			next(t, server)
			require.NoError(t, tt.do(bad.conn))
			bad.wantClose(tt.code)
			wantMisbehaved(t, server, badID, tt.err)
			good.send("036869")
			wantPacket(t, server, goodID, "hi")
		})
	}
	t.Run("a server", func(t *testing.T) {
		url := bareServer(t, func(host *bare) {
			host.send("05000000")
			host.conn.WriteMessage(gorilla.BinaryMessage, make([]byte, 65536))
			host.wantClose(1009)
		})
		guest := dial(t, url, websocket.Config{})
		wantConnected(t, guest, 1)
		wantMisbehaved(t, guest, 1, rtcpeer.ErrPacketTooLarge)
	})
}

// wantMisbehaved takes the next event, which is the end of a link with a peer, and says why.
func wantMisbehaved(t *testing.T, p rtcpeer.Peer, id rtcpeer.PeerID, why error) {
	t.Helper()
	ev := next(t, p)
	require.ErrorIs(t, ev.Err, why)
	ev.Err = nil
	require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerDisconnected, Peer: id, Reason: rtcpeer.Misbehaved}, ev)
}

// Frames that are none of the relay's cost their packet, and nothing else.
func TestMalformed(t *testing.T) {
	server, url := serve(t, websocket.Config{})
	guest := bareGuest(t, url)
	id, _ := guest.id()
	wantConnected(t, server, id)
	for _, bad := range []string{"03", "07", "0703", "070300000000", "07030000000007", "070105000000"} {
		guest.send(bad)
	}
	guest.send("036869")
	wantPacket(t, server, id, "hi")
	require.EqualValues(t, 6, server.Stats().Dropped["malformed"])
}

func TestHandshake(t *testing.T) {
	never := func(*http.Request) bool { return false }
	page := http.Header{"Origin": {"https://game.example"}}
	tests := []struct {
		name          string
		server, guest websocket.Config
		want          string // "": it works
	}{
		{"a page from anywhere", websocket.Config{}, websocket.Config{Header: page}, ""},
		{"a page that is not wanted", websocket.Config{CheckOrigin: never}, websocket.Config{Header: page}, "refused by the other end"},
		{"subprotocol", websocket.Config{Subprotocols: []string{"a", "b"}}, websocket.Config{Subprotocols: []string{"b", "c"}}, ""},
		{"subprotocol missing", websocket.Config{Subprotocols: []string{"a"}}, websocket.Config{}, "the request must offer a subprotocol of this server"},
		{"subprotocol of another kind", websocket.Config{Subprotocols: []string{"a"}}, websocket.Config{Subprotocols: []string{"b"}}, "the request must offer a subprotocol of this server"},
		{"subprotocol not known", websocket.Config{}, websocket.Config{Subprotocols: []string{"b"}}, `the server chose subprotocol "" of ["b"]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server, url := serve(t, tt.server)
			guest, err := websocket.Dial(t.Context(), url+"?token=secret", tt.guest)
			if tt.want != "" {
				require.ErrorContains(t, err, tt.want)
				require.NotContains(t, err.Error(), "secret")
				return
			}
			require.NoError(t, err)
			defer guest.Close()
			wantConnected(t, server, guest.ID())
		})
	}
	_, url := serve(t, websocket.Config{})
	resp, err := http.Get("http" + strings.TrimPrefix(url, "ws"))
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	http.DefaultClient.CloseIdleConnections()
}
