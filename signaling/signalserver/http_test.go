package signalserver_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

func get(t *testing.T, s *server, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http"+strings.TrimPrefix(s.url, "ws")+"/any/path", nil)
	require.NoError(t, err)
	req.Header = header
	tr := &http.Transport{DisableKeepAlives: true}
	res, err := tr.RoundTrip(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

func upgrade(extra ...string) http.Header {
	h := http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="}}
	for i := 0; i < len(extra); i += 2 {
		h.Set(extra[i], extra[i+1])
	}
	return h
}

func TestRequestsThatAreNoSessions(t *testing.T) {
	s := serve(t, signalserver.Config{
		CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") != "http://evil.example" },
	})
	for name, c := range map[string]struct {
		header http.Header
		status int
		text   string
	}{
		"a browser's visit":   {http.Header{}, http.StatusUpgradeRequired, "This is a signaling server"},
		"no subprotocol":      {upgrade(), http.StatusBadRequest, `speaks the WebSocket subprotocol rtcpeer.v1; the request offers ""`},
		"another subprotocol": {upgrade("Sec-WebSocket-Protocol", "chat"), http.StatusBadRequest, `the request offers "chat"`},
		"a refused origin": {upgrade("Sec-WebSocket-Protocol", "rtcpeer.v1", "Origin", "http://evil.example"),
			http.StatusForbidden, "origin"},
	} {
		t.Run(name, func(t *testing.T) {
			res, body := get(t, s, c.header)
			require.Equal(t, c.status, res.StatusCode)
			if name != "a refused origin" { // that answer is gorilla's: the status alone
				require.Contains(t, body, c.text)
			}
		})
	}
}

// A WebSocket needs HTTP/1.1 (RFC 6455, 4.2.1).
func TestUpgradeOfHTTP10(t *testing.T) {
	s := serve(t, signalserver.Config{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "ws://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: rtcpeer.v1\r\n\r\n")
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Regexp(t, `^HTTP/1\.0 426 `, string(answer))
}

func TestEveryOriginIsAllowedByDefault(t *testing.T) {
	s := serve(t, signalserver.Config{})
	d := websocket.Dialer{Subprotocols: []string{"other", signaling.Subprotocol}}
	conn, res, err := d.DialContext(t.Context(), s.url+"/some/path?x=y", http.Header{"Origin": {"https://elsewhere.example"}})
	require.NoError(t, err)
	res.Body.Close()
	require.Equal(t, signaling.Subprotocol, conn.Subprotocol())
	require.NoError(t, conn.Close())
}

func TestSessionsFarOverTheLimitAreRefusedByHTTP(t *testing.T) {
	s := serve(t, signalserver.Config{MaxSessions: 1})
	for range 1 + 16 {
		conn := s.connect(t)
		defer conn.Close()
	}
	s.eventually(t, "all have begun", func(st signalserver.Stats) bool { return st.Sessions == 17 })
	res, _ := get(t, s, upgrade("Sec-WebSocket-Protocol", "rtcpeer.v1"))
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.Equal(t, "5", res.Header.Get("Retry-After"))
}

func TestWelcomeTellsLimitsAndICEServers(t *testing.T) {
	ice := []signaling.ICEServer{{URLs: []string{"turn:turn.example:3478"}, Username: "u", Credential: "c"}}
	w := serve(t, signalserver.Config{ICEServers: ice}).member(t, signaling.Join{}).welcome
	require.Equal(t, ice, w.ICEServers)
	require.Equal(t, signaling.Limits{MessageBytes: 65536, MessageRate: 100, MessageBurst: 500, Members: 1024, GraceMillis: 30000}, w.Limits)

	w = serve(t, signalserver.Config{MessageRate: -1, Grace: -1}).member(t, signaling.Join{}).welcome
	require.Equal(t, signaling.Limits{MessageBytes: 65536, Members: 1024}, w.Limits)
}

func TestLogHasALineForEachActAndNoSecrets(t *testing.T) {
	var log strings.Builder
	s, err := signalserver.New(signalserver.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	h := newHTTP(t, s)
	a := h.member(t, signaling.Join{Room: "lobby"})
	b := h.member(t, signaling.Join{Room: "lobby"})
	a.wantJoined(b)
	b.signal(1, `"secret"`)
	a.wantSignal(b, `"secret"`)
	b.sendText(`{"kind":"join","resume":"` + b.welcome.Resume + `","topology":5}`)
	b.wantRefused(signaling.CodeBadMessage)
	h.eventually(t, "b is lost", func(st signalserver.Stats) bool { return st.Sessions == 1 })
	back := h.resume(t, b)
	back.send(signaling.Leave{})
	back.wantClosed(websocket.CloseNormalClosure, "")
	shutDown(t, s)

	require.NotContains(t, log.String(), "secret")
	require.NotContains(t, log.String(), b.welcome.Resume)
	for _, want := range []string{
		"msg=joined room=lobby peer=1 remote=127.0.0.1",
		"msg=refused code=bad_message room=lobby peer=",
		"msg=lost reason=bad_message room=lobby",
		"msg=resumed room=lobby",
		"msg=ended reason=leave room=lobby",
		"msg=lost reason=shutting_down room=lobby peer=1",
	} {
		require.Contains(t, log.String(), want)
	}
}

func TestLogSaysWhyAClientIsRefused(t *testing.T) {
	var log strings.Builder
	s, err := signalserver.New(signalserver.Config{
		Log:         slog.New(slog.NewTextHandler(&log, nil)),
		CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") != "http://evil.example" },
		Admit: func(_ context.Context, r signalserver.Request) (signalserver.Grant, error) {
			if r.Join.Token != "good" {
				return signalserver.Grant{}, &signaling.Error{Code: signaling.CodeUnauthorized, Text: "the access token has expired"}
			}
			return signalserver.Grant{MayCreate: true, MayHost: true}, nil
		},
	})
	require.NoError(t, err)
	h := newHTTP(t, s)
	c := h.client(t)
	c.send(signaling.Join{Room: "lobby", Token: "bad"})
	c.wantRefused(signaling.CodeUnauthorized)
	h.member(t, signaling.Join{Room: "den", Token: "good", Password: "hunter2"})
	c = h.client(t)
	c.send(signaling.Join{Room: "den", Token: "good", Password: "guess"})
	c.wantRefused(signaling.CodeWrongPassword)
	res, _ := get(t, h, upgrade("Sec-WebSocket-Protocol", "rtcpeer.v1", "Origin", "http://evil.example"))
	require.Equal(t, http.StatusForbidden, res.StatusCode)
	_, err = s.Ban(signalserver.Ban{Prefix: netip.MustParsePrefix("127.0.0.0/8"), Reason: "cheating"})
	require.NoError(t, err)
	res, _ = get(t, h, upgrade("Sec-WebSocket-Protocol", "rtcpeer.v1"))
	require.Equal(t, http.StatusForbidden, res.StatusCode)
	s.SetDraining(true)
	res, _ = get(t, h, upgrade("Sec-WebSocket-Protocol", "rtcpeer.v1"))
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	shutDown(t, s)

	for _, want := range []string{
		`msg=refused code=unauthorized text="the access token has expired" room=lobby remote=127.0.0.1`,
		"msg=refused code=wrong_password room=den remote=127.0.0.1",
		`msg="WebSocket refused" err="origin not allowed" origin=http://evil.example remote=127.0.0.1`,
		`msg=refused code=forbidden text="banned: cheating" remote=127.0.0.1`,
		"msg=refused code=shutting_down remote=127.0.0.1",
	} {
		require.Contains(t, log.String(), want)
	}
	for _, secret := range []string{"bad", "good", "hunter2", "guess"} {
		require.NotContains(t, log.String(), secret)
	}
}
