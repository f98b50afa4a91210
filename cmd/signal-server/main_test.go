package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/atonce"
	"example.org/rtcpeer/testdata/skip"
)

const (
	exitOK    = cli.ExitOK
	exitUsage = cli.ExitUsage
)

// programs are what the test binary can also be started as.
var programs = map[string]func(){"signal-server": main}

func TestMain(m *testing.M) {
	testscript.Main(noLeaks{m}, programs)
}

// noLeaks is a testing.M that fails when goroutines are left, for testscript has the place of goleak.
type noLeaks struct{ *testing.M }

func (m noLeaks) Run() int {
	atonce.Set(skip.Shorter(8, 4)) // RTCPEER_LONG adds Firefoxes. What measures time, or keeps the processors busy by itself, is not parallel.
	code := m.M.Run()
	closeBrowser()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("..", "..", "testdata", "scripts", "signal-server"),
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"freeport": freePort,
			"get":      get,
			"sigterm":  sigterm,
		},
	})
}

// freePort NAME sets the variable NAME to a port of the loopback interface that nobody uses.
func freePort(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Check(l.Close())
	ts.Setenv(args[0], fmt.Sprint(l.Addr().(*net.TCPAddr).Port))
}

// get URL STATUS TEXT waits until there is a server at URL and checks what it answers.
func get(ts *testscript.TestScript, _ bool, args []string) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	deadline := time.Now().Add(time.Minute)
	res, err := client.Get(args[0])
	for ; err != nil && time.Now().Before(deadline); res, err = client.Get(args[0]) {
		<-time.After(5 * time.Millisecond) // another process starts: there is nothing to be woken by
	}
	ts.Check(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	if got := fmt.Sprint(res.StatusCode); got != args[1] || !strings.Contains(string(body), args[2]) {
		ts.Fatalf("%s: got %s %q, want %s %q", args[0], got, body, args[1], args[2])
	}
}

// sigterm sends SIGTERM to the programs in the background, which the command kill cannot.
func sigterm(ts *testscript.TestScript, _ bool, _ []string) {
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	}
}

// A program is run, on a free port.
type program struct {
	url    string
	log    chan string       // its lines, closed when it has ended
	others map[string]string // addresses of its other listeners, by flag
	stop   func() (code int)
}

func start(t testing.TB, env map[string]string, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	code := make(chan int, 1)
	go func() {
		defer w.Close()
		code <- run(ctx, append([]string{"--listen=127.0.0.1:0"}, args...), io.Discard, w, append(environ(env), "GOGC=100")) // several share this process: none sets the collector
	}()
	p := &program{log: make(chan string, 10_000), others: make(map[string]string)}
	go func() {
		defer close(p.log)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			p.log <- lines.Text()
		}
	}()
	p.stop = func() int { cancel(); return <-code }
	t.Cleanup(func() {
		cancel()
		for range p.log { // the program waits until its log is read, at its end, too
		}
	})

	first := <-p.log
	for strings.Contains(first, "lease gained") { // of one of several servers, which may be faster
		first = <-p.log
	}
	require.Contains(t, first, "listening")
	p.url = regexp.MustCompile(`wss?://[^" ]+`).FindString(first)
	return p
}

func TestFirstLineTellsAnAddressThatWorks(t *testing.T) {
	p := start(t, map[string]string{"SIGNAL_SERVER_MAX_MEMBERS": "7", "SIGNAL_SERVER_GRACE": "0"},
		"--max-members=8", "--ice-server=stun:a.example:3478", "--ice-server=stun:b.example:3478")
	require.Contains(t, <-p.log, "members cannot return after a restart")
	d := websocket.Dialer{Subprotocols: []string{signaling.Subprotocol}}
	conn, res, err := d.DialContext(t.Context(), p.url+"/lobby", nil)
	require.NoError(t, err)
	res.Body.Close()
	defer conn.Close()
	require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte(`{"kind":"join"}`)))
	_, frame, err := conn.ReadMessage()
	require.NoError(t, err)
	m, err := signaling.JSON.Decode(frame)
	require.NoError(t, err)
	w := m.(signaling.Welcome)
	require.Equal(t, 8, w.Limits.Members, "a flag goes before the environment")
	require.Zero(t, w.Limits.GraceMillis)
	require.Equal(t, []string{"stun:a.example:3478", "stun:b.example:3478"}, w.ICEServers[0].URLs)

	code := make(chan int, 1)
	go func() { code <- p.stop() }()
	_, frame, err = conn.ReadMessage()
	require.NoError(t, err)
	require.Contains(t, string(frame), "shutting_down")
	_, _, err = conn.ReadMessage()
	require.EqualError(t, err, "websocket: close 1001 (going away): shutting_down")
	require.Equal(t, exitOK, <-code)
}

// A game of Godot's needs no other address than a browser, and no path.
func TestGodotsGamesOnAnyPath(t *testing.T) {
	for _, args := range [][]string{{}, {"--no-page"}} {
		p := start(t, nil, args...)
		for _, path := range []string{"", "/", "/healthz", "/rtcpeer.js", "/a//b?c=d"} {
			conn, res, err := websocket.DefaultDialer.DialContext(t.Context(), p.url+path, nil)
			require.NoError(t, err, path)
			res.Body.Close()
			require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte(`{"data":"","id":0,"type":0}`)))
			_, frame, err := conn.ReadMessage()
			require.NoError(t, err)
			require.Equal(t, `{"type":1,"id":1,"data":"true"}`, string(frame))
			conn.Close()
		}
		require.Equal(t, exitOK, p.stop())
	}
}

// Only who asks for a WebSocket is sent to the rooms; what else can be asked of HTTP gets the answer that it would
// get without.
func TestOtherUpgrades(t *testing.T) {
	p := start(t, nil)
	for _, c := range []struct {
		path, upgrade string
		want          int
	}{
		{"healthz", "h2c", http.StatusOK},
		{"readyz", "TLS/1.0, HTTP/1.1", http.StatusOK},
		{"metrics", "h2c", http.StatusOK},
		{"", "foo", http.StatusOK},
		{"", "websocketish", http.StatusOK},
		{"lobby", "h2c", http.StatusUpgradeRequired},
		{"healthz", "websocket", http.StatusBadRequest}, // without the rest of a handshake
		{"healthz", "h2c, WebSocket", http.StatusBadRequest},
	} {
		status, _ := request(t, "GET", pageOf(p)+c.path, http.Header{"Connection": {"Upgrade, HTTP2-Settings"}, "Upgrade": {c.upgrade}, "Http2-Settings": {"AAMAAABkAAQAAP__"}})
		require.Equal(t, c.want, status, "%+v", c)
	}
}

func TestJSONLogAndResumeKeyFromEnvironment(t *testing.T) {
	p := start(t, map[string]string{"SIGNAL_SERVER_RESUME_KEY": "0123456789abcdef", "SIGNAL_SERVER_LOG_FORMAT": "json"})
	require.Regexp(t, `^ws://127.0.0.1:\d+$`, p.url)
	require.Equal(t, exitOK, p.stop())
	for line := range p.log {
		require.True(t, strings.HasPrefix(line, "{"), line)
		require.NotContains(t, line, "restart")
	}
}

func TestMistakesHaveExitCode2(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for _, arg := range []string{"--bogus", "--max-rooms=-1", "--listen=" + taken.Addr().String()} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{arg}, &stdout, &stderr, noEnv)
		require.Equal(t, exitUsage, code, arg)
		require.Empty(t, stdout.String())
		require.Regexp(t, `^signal-server: [^\n]+\n$`, stderr.String(), "one line")
	}
}

func TestNotReadyWhileDraining(t *testing.T) {
	p := start(t, nil, "--admin-listen=127.0.0.1:0", "--admin-token="+adminToken)
	for _, c := range []struct {
		method string // of /drain, before
		path   string
		status int
	}{
		{"", "/healthz", http.StatusOK},
		{"", "/readyz", http.StatusOK},
		{"POST", "/healthz", http.StatusOK},
		{"POST", "/readyz", http.StatusServiceUnavailable},
		{"DELETE", "/readyz", http.StatusOK},
	} {
		if c.method != "" {
			status, _ := p.administer(t, c.method, "/drain")
			require.Equal(t, http.StatusNoContent, status)
		}
		status, _ := fetch(t, pageOf(p)+c.path[1:])
		require.Equal(t, c.status, status, "%+v", c)
	}
}
