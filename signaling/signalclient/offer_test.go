package signalclient

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// The client sends its join within the request for the WebSocket. A server that does not know that, and one behind a proxy
// that refuses such a request, get the same join as a frame. Each server gets it once.
func TestJoinInTheUpgradeRequest(t *testing.T) {
	large := signaling.Join{Room: "lobby", Token: strings.Repeat("t", 4000)}
	for _, row := range []struct {
		name     string
		join     signaling.Join
		earlier  bool // the server knows one subprotocol
		refused  int  // how a proxy answers a large header; 0: not at all
		requests int32
		frames   int32 // of joins, on a WebSocket that offers one subprotocol or is answered so
	}{
		{"with the request", signaling.Join{Room: "lobby"}, false, 0, 1, 0},
		{"an earlier server", signaling.Join{Room: "lobby"}, true, 0, 1, 1},
		{"too large for a request", large, false, 0, 1, 1},
		{"a proxy that says 431", signaling.Join{Room: "lobby"}, false, http.StatusRequestHeaderFieldsTooLarge, 2, 1},
		{"nginx", signaling.Join{Room: "lobby"}, false, http.StatusBadRequest, 2, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			var requests, frames atomic.Int32
			inner, err := signalserver.New(signalserver.Config{Recovery: -1})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, inner.Shutdown(context.Background())) })
			url := httpServer(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				switch offered := websocket.Subprotocols(r); {
				case row.refused != 0 && len(offered) > 1:
					http.Error(w, "header too large", row.refused)
					return
				case row.earlier || len(offered) == 1:
					r.Header.Set("Sec-Websocket-Protocol", signaling.Subprotocol)
					frames.Add(1)
				}
				inner.ServeHTTP(w, r)
			})(t)
			c := join(t, strings.Replace(url, "http", "ws", 1), row.join, Config{})
			require.Equal(t, row.join.Room, receive(t, c).(signaling.Welcome).Room)
			require.NoError(t, c.Send(t.Context(), signaling.List{}))
			require.IsType(t, signaling.Rooms{}, receive(t, c), "a second join would be an error")
			require.Equal(t, row.requests, requests.Load())
			require.Equal(t, row.frames, frames.Load())
		})
	}
}

func TestResumeInTheUpgradeRequest(t *testing.T) {
	s := serveReal(t, listen(t, "127.0.0.1:0"))
	c := join(t, s.URL, signaling.Join{Room: "lobby"}, quick)
	w := receive(t, c).(signaling.Welcome)
	s.cut()
	require.IsType(t, signaling.Disconnected{}, receive(t, c))
	back := receive(t, c).(signaling.Welcome)
	require.Equal(t, w.ID, back.ID)
	require.True(t, back.Resumed)
}
