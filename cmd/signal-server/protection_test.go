package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// Nothing is decompressed: it is not agreed upon, and a frame that claims to be compressed ends the session.
func TestNoCompression(t *testing.T) {
	p := start(t, nil)
	d := websocket.Dialer{EnableCompression: true, Subprotocols: []string{signaling.Subprotocol}}
	conn, res, err := d.DialContext(t.Context(), p.url, nil)
	require.NoError(t, err)
	res.Body.Close()
	defer conn.Close()
	require.Empty(t, res.Header.Get("Sec-WebSocket-Extensions"))

	// FIN, RSV1 (compressed) and text; masked with zeros; what would be 64 KiB of one letter.
	bomb := []byte{0xc1, 0x80 | 5, 0, 0, 0, 0, 0x4a, 0x04, 0x02, 0x00, 0x00}
	_, err = conn.NetConn().Write(bomb)
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	_, _, err = conn.ReadMessage()
	require.True(t, websocket.IsCloseError(err, websocket.CloseProtocolError), "%v", err)
}

func TestHugeHeaders(t *testing.T) {
	p, small := start(t, nil), start(t, nil, "--max-header=1024")
	const most, room = http.StatusRequestHeaderFieldsTooLarge, 4 << 10 // net/http adds so much to the limit
	for _, c := range []struct {
		p          *program
		size, want int
	}{{p, 12 << 10, http.StatusOK}, {p, 16<<10 + room, most}, {small, 1 << 10, http.StatusOK}, {small, 1<<10 + room, most}} {
		status, _ := request(t, "GET", pageOf(c.p)+"healthz", http.Header{"X-Long": {strings.Repeat("x", c.size)}})
		require.Equal(t, c.want, status, c.size)
	}
	_, res, err := websocket.DefaultDialer.DialContext(t.Context(), p.url, http.Header{"X-Long": {strings.Repeat("x", 64<<10)}})
	require.ErrorIs(t, err, websocket.ErrBadHandshake)
	res.Body.Close()
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, res.StatusCode)
}

// One address does not take the places of all, and its joins are counted; what stands behind a proxy is
// told apart.
func TestLimitsOfAddresses(t *testing.T) {
	from := func(address string) http.Header { return http.Header{"X-Forwarded-For": {address}} }
	p := start(t, nil, "--trusted-proxy=127.0.0.1", "--max-per-address=2", "--connect-rate=0", "--join-rate=0")
	for range 2 {
		call(t, p.url, from("203.0.113.5")).join(signaling.Join{})
	}
	require.False(t, welcome(t, p.url, from("203.0.113.5")))
	require.True(t, welcome(t, p.url, from("203.0.113.6")))
	for range 4 {
		require.True(t, welcome(t, p.url, from("10.0.0.1")), "a private network may be a proxy's")
	}
}

// welcome reports whether a join succeeds; it may be refused as HTTP or over the WebSocket.
func welcome(t *testing.T, url string, header http.Header) bool {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{signaling.Subprotocol}}
	conn, res, err := d.DialContext(t.Context(), url, header)
	if err != nil {
		require.ErrorIs(t, err, websocket.ErrBadHandshake)
		res.Body.Close()
		return false
	}
	res.Body.Close()
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte(`{"kind":"join"}`)))
	_, frame, err := conn.ReadMessage()
	return err == nil && strings.Contains(string(frame), `"welcome"`)
}

func TestOrigins(t *testing.T) {
	p := start(t, nil, "--allow-origin=https://game.example", "--allow-origin=https://*.itch.example,null")
	own := pageOf(p)
	for origin, want := range map[string]bool{
		"":                             true, // a program
		strings.TrimSuffix(own, "/"):   true, // the server's own page
		"https://game.example":         true,
		"HTTPS://GAME.example":         true,
		"null":                         true,
		"https://a.itch.example":       true,
		"https://b.a.itch.example":     true,
		"http://game.example":          false,
		"https://game.example:8443":    false,
		"https://game.example.evil":    false,
		"https://evil-game.example":    false,
		"https://itch.example":         false,
		"https://evilitch.example":     false,
		"http://a.itch.example":        false,
		"https://evil/.itch.example":   false,
		"https://evil?x=.itch.example": false,
	} {
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		require.Equal(t, want, welcome(t, p.url, header), origin)
	}
	everyone := start(t, nil)
	require.True(t, welcome(t, everyone.url, http.Header{"Origin": {"https://anywhere.example"}}))
}
