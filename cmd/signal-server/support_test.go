package main

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/signal-server/internal/admin"
	"example.org/rtcpeer/cmd/signal-server/internal/keytest"
	"example.org/rtcpeer/cmd/signal-server/internal/logqueue"
	"example.org/rtcpeer/cmd/signal-server/internal/metrics"
	"example.org/rtcpeer/cmd/signal-server/internal/page"
	"example.org/rtcpeer/cmd/signal-server/internal/settings"
	"example.org/rtcpeer/signaling"
)

const adminToken = "administrators-only"

// plainClient keeps no connection, which would outlive its test.
var plainClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func fetch(t *testing.T, url string) (status int, body string) {
	t.Helper()
	return request(t, "GET", url, nil)
}

func request(t *testing.T, method, url string, header http.Header) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := plainClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(content)
}

// other returns the address of a listener that is not for members, by its flag.
func (p *program) other(t *testing.T, flag string) string {
	t.Helper()
	if address, known := p.others[flag]; known {
		return address
	}
	for line := range p.log {
		if m := regexp.MustCompile(`also listening" flag=(\S+) address=(\S+)`).FindStringSubmatch(line); m != nil {
			p.others[m[1]] = "http://" + m[2]
			if m[1] == flag {
				return p.others[flag]
			}
		}
	}
	require.Fail(t, "no such listener", flag)
	return ""
}

func (p *program) administer(t *testing.T, method, path string) (status int, body string) {
	t.Helper()
	return request(t, method, p.other(t, "--admin-listen")+path, http.Header{"Authorization": {"Bearer " + adminToken}})
}

// A caller is a client of the signaling server, message by message.
type caller struct {
	t    *testing.T
	conn *websocket.Conn
}

func call(t *testing.T, url string, header http.Header) *caller {
	t.Helper()
	return callBy(t, websocket.Dialer{}, url, header)
}

func callBy(t *testing.T, d websocket.Dialer, url string, header http.Header) *caller {
	t.Helper()
	d.Subprotocols = []string{signaling.Subprotocol}
	conn, res, err := d.DialContext(t.Context(), url, header)
	require.NoError(t, err)
	res.Body.Close()
	t.Cleanup(func() { conn.Close() })
	return &caller{t, conn}
}

func (c *caller) send(m signaling.Message) {
	c.t.Helper()
	frame, err := signaling.JSON.Encode(m)
	require.NoError(c.t, err)
	require.NoError(c.t, c.conn.WriteMessage(websocket.TextMessage, frame))
}

func (c *caller) receive() signaling.Message {
	c.t.Helper()
	_, frame, err := c.conn.ReadMessage()
	require.NoError(c.t, err)
	m, err := signaling.JSON.Decode(frame)
	require.NoError(c.t, err)
	return m
}

// listen receives until the connection ends, so that the member answers pings all the time. What it returns is closed then.
func (c *caller) listen() <-chan signaling.Message {
	heard := make(chan signaling.Message, 100)
	go func() {
		defer close(heard)
		for {
			_, frame, err := c.conn.ReadMessage()
			if err != nil {
				return
			}
			if m, err := signaling.JSON.Decode(frame); err == nil {
				heard <- m
			}
		}
	}()
	return heard
}

func (c *caller) join(j signaling.Join) signaling.Welcome {
	c.t.Helper()
	c.send(j)
	m := c.receive()
	require.IsType(c.t, signaling.Welcome{}, m, "%v", m)
	return m.(signaling.Welcome)
}

// refused joins, and returns with what code that is refused.
func (c *caller) refused(j signaling.Join) signaling.Code {
	c.t.Helper()
	c.send(j)
	m := c.receive()
	require.IsType(c.t, new(signaling.Error), m, "%v", m)
	return m.(*signaling.Error).Code
}

var (
	writeFile        = keytest.File
	writeCertificate = keytest.Certificate
	keyFiles         = keytest.Pair
)

const (
	adminFlag = admin.ListenFlag
	namespace = metrics.Namespace
)

// addPage adds the page of members to mux.
func addPage(mux *http.ServeMux) { page.Add(mux, pageFiles()) }

// upgrades passes requests for a WebSocket to rooms, and all others to pages.
func upgrades(rooms, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if websocket.IsWebSocketUpgrade(r) {
			rooms.ServeHTTP(w, r)
		} else {
			pages.ServeHTTP(w, r)
		}
	})
}

var noEnv settings.Environment

// environ is an environment of these variables.
func environ(variables map[string]string) (env settings.Environment) {
	for name, value := range variables {
		env = append(env, name+"="+value)
	}
	return env
}

// tell runs a command that does not serve.
func tell(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, &out, &err, noEnv)
	return code, out.String(), strings.TrimSpace(err.String())
}

// noLog takes what a server says and keeps none of it.
func noLog(t testing.TB) *logqueue.Queue {
	t.Helper()
	q := logqueue.New(io.Discard)
	t.Cleanup(q.Close)
	return q
}
