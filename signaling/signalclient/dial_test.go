package signalclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

func TestDialErrorsSayWhatToDo(t *testing.T) {
	httpSays := func(code int, body string) func(t *testing.T) string {
		return httpServer(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, body, code) })
	}
	for _, row := range []struct {
		name   string
		server func(t *testing.T) string // returns the URL
		status int
		text   string
		retry  bool
	}{
		{"nothing listens", nothing, 0, "connection refused: is signal-server running there?", true},
		{"not HTTP", rawServer("SSH-2.0-OpenSSH_9.2\r\n"), 0, `malformed HTTP response "SSH-2.0-OpenSSH_9.2"`, false},
		{"closes at once", rawServer(""), 0, "closed by the server before its welcome", true},
		{"plain web page", httpSays(200, "<h1>It\n works</h1>"), 200, `not a WebSocket: 200 OK: "<h1>It works</h1>"`, false},
		{"wrong path", httpSays(404, ""), 404, "not a WebSocket: 404 Not Found", false},
		{"gateway without a server", httpSays(502, "bad gateway"), 502, "502 Bad Gateway", true},
		{"too many", httpSays(429, "slow down"), 429, "slow down", true},
		{"redirect", httpServer(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example/lobby?key=secret", http.StatusFound)
		}), 302, "not a WebSocket: 302 Found: redirected to https://elsewhere.example/lobby", false},
		{"another subprotocol", httpServer(func(w http.ResponseWriter, r *http.Request) {
			ws, err := (&websocket.Upgrader{Subprotocols: []string{"chat.v2"}}).Upgrade(w, r, nil)
			if err == nil {
				ws.Close()
			}
		}), 0, `the WebSocket is not a signaling server: it chose subprotocol "", not "rtcpeer.v1"`, false},
		{"closes before welcome", httpServer(func(w http.ResponseWriter, r *http.Request) {
			ws, err := (&websocket.Upgrader{Subprotocols: []string{signaling.Subprotocol}}).Upgrade(w, r, nil)
			if err == nil {
				_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1012, "restart"), time.Now().Add(time.Second))
				ws.Close()
			}
		}), 0, "closed by the server before its welcome: websocket: close 1012: restart", true},
		{"no TLS there", func(t *testing.T) string {
			return strings.Replace(httpSays(200, "")(t), "http:", "wss:", 1)
		}, 0, "the server does not use TLS on this port: try ws://", false},
		{"certificate of a stranger", func(t *testing.T) string {
			srv := httptest.NewUnstartedServer(http.NotFoundHandler())
			srv.Config.ErrorLog = quietLog
			srv.StartTLS()
			t.Cleanup(srv.Close)
			return srv.URL
		}, 0, "use the host name in the certificate, and trust its issuer", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			url := row.server(t)
			_, err := Dial(t.Context(), strings.Replace(url, "://", "://user:secret@", 1)+"/lobby?key=secret", signaling.Join{}, Config{})
			failed, ok := errors.AsType[*DialError](err)
			require.True(t, ok, err)
			require.ErrorContains(t, err, row.text)
			require.Equal(t, row.status, failed.Status)
			require.Equal(t, row.retry, failed.Retry, err)
			require.Equal(t, row.retry, Retry(err))
			require.Equal(t, strings.Replace(url, "http", "ws", 1)+"/lobby", failed.URL)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestUnknownHost(t *testing.T) {
	for _, found := range []bool{true, false} {
		cfg := Config{dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "nosuch", IsNotFound: !found}}
		}}
		_, err := Dial(t.Context(), "ws://nosuch/lobby", signaling.Join{}, cfg)
		require.ErrorContains(t, err, "lookup nosuch: no such host: check the host name")
		require.Equal(t, found, Retry(err), "a resolver that did not answer may do so later")
	}
}

// The room of the URL is asked for only when the caller names none.
func TestDialTakesRoomFromURL(t *testing.T) {
	for _, row := range []struct{ path, room, want string }{
		{"", "", "lobby"},
		{"", "den", "den"},
		{"/", "", ""},
		{"/not.a.room", "den", "den"},
	} {
		t.Run(row.path+" "+row.room, func(t *testing.T) {
			srv := serve(t, listen(t, "127.0.0.1:0"), welcome)
			join(t, srv.URL+row.path, signaling.Join{Room: signaling.RoomName(row.room)}, Config{})
			require.Equal(t, row.want, string(srv.accept(t).join.Room))
		})
	}
}

func TestDialSendsUserAndHeader(t *testing.T) {
	for _, row := range []struct {
		name, user string
		header     http.Header
		want       string
	}{
		{"user", "user:secret@", http.Header{"X-Key": {"k"}}, "Basic dXNlcjpzZWNyZXQ="},
		{"header wins", "user:secret@", http.Header{"X-Key": {"k"}, "Authorization": {"Bearer b"}}, "Bearer b"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := make(chan http.Header, 1)
			url := httpServer(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header })(t)
			_, err := Dial(t.Context(), strings.Replace(url, "://", "://"+row.user, 1), signaling.Join{}, Config{Header: row.header})
			require.Error(t, err)
			header := <-got
			require.Equal(t, row.want, header.Get("Authorization"))
			require.Equal(t, "k", header.Get("X-Key"))
		})
	}
}

func TestDialRefusesBadArguments(t *testing.T) {
	for _, row := range []struct {
		name, url string
		join      signaling.Join
		cfg       Config
		text      string
	}{
		{"URL", "localhost", signaling.Join{}, Config{}, "want ws://host:port/room"},
		{"room in URL", "ws://localhost/a.b", signaling.Join{}, Config{}, "only letters"},
		{"join", "ws://localhost/lobby", signaling.Join{Topology: "ring"}, Config{}, "want mesh or star"},
		{"check timeout", "ws://localhost/lobby", signaling.Join{}, Config{CheckTimeout: -1}, "Config.CheckTimeout -1ns: want 0 or more"},
		{"timeout", "ws://localhost/lobby", signaling.Join{}, Config{DialTimeout: -1}, "Config.DialTimeout -1ns: want 0 or more"},
		{"dialect", "ws://localhost/lobby", signaling.Join{}, Config{Dialect: &signaling.ClientDialect{}}, "Config.Dialect: want Encode, NewDecoder and Closed"},
		{"backoff", "ws://localhost/lobby", signaling.Join{}, Config{BackoffMin: 2, BackoffMax: 1}, "Config.BackoffMin 2ns: want at most BackoffMax, 1ns"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := Dial(t.Context(), row.url, row.join, row.cfg)
			require.ErrorContains(t, err, row.text)
			require.False(t, Retry(err))
		})
	}
}

// Whatever the server is silent about, an attempt ends in time and says how long it took.
func TestDialTimesOut(t *testing.T) {
	for _, row := range []struct {
		name, scheme string
		server       func(t *testing.T, p *pipeNet)
	}{
		{"connect", "ws", func(*testing.T, *pipeNet) {}},
		{"TLS handshake", "wss", acceptOnly},
		{"HTTP handshake", "ws", acceptOnly},
		{"welcome", "ws", func(t *testing.T, p *pipeNet) { serve(t, p, func(*session) {}) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				p := newPipeNet()
				row.server(t, p)
				began := time.Now()
				_, err := Dial(t.Context(), row.scheme+"://localhost/lobby", signaling.Join{}, Config{dial: p.dial})
				require.Equal(t, 10*time.Second, time.Since(began))
				require.EqualError(t, err, "signalclient: dial "+row.scheme+"://localhost/lobby: no answer within 10s: i/o timeout")
				require.True(t, Retry(err))
			})
			bubble.Test(t, func(t *testing.T) {
				p := newPipeNet()
				row.server(t, p)
				ctx, cancel := context.WithCancelCause(t.Context())
				why := errors.New("changed my mind")
				time.AfterFunc(time.Second, func() { cancel(fmt.Errorf("%w: %w", why, context.Canceled)) })
				began := time.Now()
				_, err := Dial(ctx, row.scheme+"://localhost/lobby", signaling.Join{}, Config{dial: p.dial})
				require.Equal(t, time.Second, time.Since(began))
				require.ErrorIs(t, err, why)
				require.False(t, Retry(err))
			})
		})
	}
}

func TestServerRefuses(t *testing.T) {
	for _, code := range []signaling.Code{signaling.CodeSealed, signaling.CodeServerFull} {
		srv := serve(t, listen(t, "127.0.0.1:0"), func(s *session) {
			s.send(&signaling.Error{Code: code, Text: "not now"})
		})
		_, err := Dial(t.Context(), srv.URL, signaling.Join{}, Config{})
		require.ErrorIs(t, err, &signaling.Error{Code: code, Text: "not now"})
		require.Equal(t, code.Retry(), Retry(err))
	}
}

func TestServerAnswersJoinWithGarbage(t *testing.T) {
	for _, row := range []struct{ name, frame, text string }{
		{"not JSON", "hello", `invalid character 'h' looking for beginning of value in "hello"`},
		{"long", strings.Repeat("x", 1000), strings.Repeat("x", 77) + "..."},
		{"wrong field", `{"kind":"welcome","id":"seven"}`, "field id: unexpected string in"},
		{"not yet", `{"kind":"sealed"}`, "sealed before welcome"},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := serve(t, listen(t, "127.0.0.1:0"), func(s *session) { s.write([]byte(row.frame)) })
			_, err := Dial(t.Context(), srv.URL, signaling.Join{}, Config{})
			malformed, ok := errors.AsType[*ProtocolError](err)
			require.True(t, ok, err)
			require.Equal(t, srv.URL, malformed.URL)
			require.ErrorContains(t, err, row.text)
			require.Less(t, len(err.Error()), 300)
			require.False(t, Retry(err))
		})
	}
}

func TestRetryOfOtherErrors(t *testing.T) {
	require.True(t, Retry(ErrBufferFull))
	require.True(t, Retry(&LostError{Err: syscall.ECONNRESET}))
	require.False(t, Retry(ErrClosed))
	require.False(t, Retry(nil))
}
