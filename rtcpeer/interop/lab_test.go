//go:build unix

package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/js"
)

// A lab has hosts, where players can be, and is where hosts and players call home to.
type lab struct {
	t     *testing.T // whose end is the lab's
	web   *httptest.Server
	files string // folder of the Go programs for pages, and of rtcpeer.js as it is served

	mu      sync.Mutex // guards the fields below
	hosts   map[string]func() (*host, error)
	calls   map[string]chan *websocket.Conn // by "/host?kind=..." or "/player?n=..."
	players int
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, files: t.TempDir(), hosts: make(map[string]func() (*host, error)), calls: make(map[string]chan *websocket.Conn)}
	mux := http.NewServeMux()
	mux.Handle("GET /rtcpeer.js", js.Handler())
	mux.Handle("GET /wasm/", http.StripPrefix("/wasm/", http.FileServer(http.Dir(l.files))))
	mux.Handle("GET /wasm_exec.js", file(filepath.Join(goroot(t), "lib/wasm/wasm_exec.js")))
	for _, name := range []string{"player.mjs", "player.html", "host.html"} {
		mux.Handle("GET /"+name, file("testdata/"+name))
	}
	mux.HandleFunc("GET /host", l.called)
	mux.HandleFunc("GET /player", l.called)
	l.web = httptest.NewServer(mux)
	t.Cleanup(l.web.Close)
	return l
}

func file(path string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) })
}

func goroot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// compile makes the js tests of a package into a program for pages.
func (l *lab) compile(name, pkg string) error {
	cmd := exec.Command("go", "test", "-c", "-ldflags=-s -w", "-o", filepath.Join(l.files, name), pkg)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go test -c %s: %w: %s", pkg, err, out)
	}
	return nil
}

// called takes the WebSocket of a host or of a player and hands it to the test that waits for it.
func (l *lab) called(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	id := r.FormValue("kind") + r.FormValue("n")
	select {
	case l.call(r.URL.Path + " " + id) <- conn:
	default:
		conn.Close() // it calls more often than anybody expects
	}
}

// call is where a host or a player calls: each time it starts or is loaded.
func (l *lab) call(name string) chan *websocket.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls[name] == nil {
		l.calls[name] = make(chan *websocket.Conn, 4)
	}
	return l.calls[name]
}

func (l *lab) await(ctx context.Context, name string) (*websocket.Conn, error) {
	select {
	case conn := <-l.call(name):
		return conn, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%s does not call: %w", name, context.Cause(ctx))
	}
}

// host returns the host of a kind, which the first call starts.
func (l *lab) host(k kind) (*host, error) {
	l.mu.Lock()
	start := l.hosts[k.host]
	if start == nil {
		start = sync.OnceValues(func() (*host, error) { return l.startHost(k.host) })
		l.hosts[k.host] = start
	}
	l.mu.Unlock()
	return start()
}

// A page is what a host is asked for: a player's, in a frame or a tab of its own, or a Go program's.
type page struct {
	Do   string            `json:"do"` // open, reload, close
	N    int               `json:"n"`
	Tab  bool              `json:"tab,omitempty"`
	Wasm string            `json:"wasm,omitempty"`
	Args []string          `json:"args,omitempty"`
	Env  map[string]string `json:"env,omitempty"`
}

// open has a host start a player.
func (l *lab) open(ctx context.Context, h *host, p page) (*remote, error) {
	l.mu.Lock()
	l.players++
	p.Do, p.N = "open", l.players
	l.mu.Unlock()
	if err := h.order(p); err != nil {
		return nil, err
	}
	return l.adopt(ctx, h, p)
}

// adopt takes the player of a page that was opened or reloaded.
func (l *lab) adopt(ctx context.Context, h *host, p page) (*remote, error) {
	conn, err := l.await(ctx, "/player "+strconv.Itoa(p.N))
	if err != nil {
		return nil, fmt.Errorf("%w; the host said %q", err, h.said())
	}
	return newRemote(h, p, conn), nil
}

// order sends a frame. It is small, and the other end reads.
func (h *host) order(p page) error {
	frame, err := json.Marshal(p)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.conn.WriteMessage(websocket.TextMessage, frame)
}
