//go:build unix

package wasmtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// browser is a Chromium with one page, the runner.
type browser struct {
	files string // folder of the wasm files
	web   *httptest.Server
	jobs  chan *job

	mu      sync.Mutex // guards the field below
	running map[int]*job
}

// A job is a test program and its end.
type job struct {
	ID   int               `json:"id"`
	Wasm string            `json:"wasm"`
	Args []string          `json:"args"`
	Env  map[string]string `json:"env"`

	done   chan struct{} // closed when the fields below are set
	code   string
	output string
}

// startBrowser returns a Chromium, with more flags than those that keep it quiet, that runs what is in
// folder files.
func startBrowser(t *testing.T, files string, flags ...string) *browser {
	t.Helper()
	b := &browser{files: files, jobs: make(chan *job), running: make(map[int]*job)}
	mux := http.NewServeMux()
	mux.Handle("GET /wasm_exec.js", file(filepath.Join(goroot(t), "lib/wasm/wasm_exec.js")))
	mux.Handle("GET /{$}", file("testdata/runner.html"))
	mux.Handle("GET /wasm/", http.StripPrefix("/wasm/", http.FileServer(http.Dir(files))))
	mux.HandleFunc("GET /next", b.next)
	mux.HandleFunc("POST /done", b.done)
	b.web = httptest.NewServer(mux)

	t.Cleanup(func() {
		b.web.CloseClientConnections()
		b.web.Close()
	})
	openPage(t, b.web.URL+"/", flags...)
	return b
}

// openPage starts a Chromium on a page, and ends it with the test. Without a Chromium the test is
// skipped, or fails where RTCPEER_CI says that there must be one.
func openPage(t *testing.T, url string, flags ...string) {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		require.Empty(t, os.Getenv("RTCPEER_CI"), "no chromium here: apt-get install -y chromium")
		t.Skip("no chromium here: apt-get install -y chromium")
	}
	profile, err := os.MkdirTemp("", "chromium")
	require.NoError(t, err)
	var log bytes.Buffer
	cmd := exec.Command(path, append(flags, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--user-data-dir="+profile, url)...)
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it is many processes
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		_ = os.RemoveAll(profile)
		if t.Failed() {
			t.Logf("chromium said: %s", tail(log.String()))
		}
	})
}

// tail leaves out what is said of a bus that no container has.
func tail(log string) string {
	var lines []string
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "dbus/") {
			lines = append(lines, line[:min(len(line), 200)])
		}
	}
	return strings.Join(lines[max(len(lines)-30, 0):], "")
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

// compile makes the js tests of a package into folder/name.
func compile(t *testing.T, folder, name, pkg string) {
	t.Helper()
	cmd := exec.Command("go", "test", "-c", "-ldflags=-s -w", "-o", filepath.Join(folder, name), pkg)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// start has the page run a test program; wait waits for it.
func (b *browser) start(t *testing.T, wasm string, env map[string]string, args ...string) *job {
	t.Helper()
	b.mu.Lock()
	j := &job{
		ID: len(b.running) + 1, Wasm: "/wasm/" + wasm, Env: env,
		Args: append([]string{wasm, "-test.v", "-test.timeout=2m"}, args...),
		done: make(chan struct{}),
	}
	b.running[j.ID] = j
	b.mu.Unlock()
	select {
	case b.jobs <- j:
	case <-time.After(time.Minute):
		require.FailNow(t, "the page asks for nothing")
	}
	return j
}

// wait fails the test with what the program printed, unless it has passed.
func (j *job) wait(t *testing.T) {
	t.Helper()
	select {
	case <-j.done:
	case <-time.After(2 * time.Minute):
		require.FailNow(t, "the page has not finished", "%v", j.Args)
	}
	t.Logf("in the page:\n%s", j.output)
	require.Equal(t, "0", j.code, "exit code of %v", j.Args)
	require.NotContains(t, j.output, "call to released function")
}

func (b *browser) next(w http.ResponseWriter, r *http.Request) {
	select {
	case j := <-b.jobs:
		_ = json.NewEncoder(w).Encode(j)
	case <-r.Context().Done():
	}
}

func (b *browser) done(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.Atoi(r.FormValue("job"))
	output, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	j := b.running[id]
	b.mu.Unlock()
	if j == nil {
		http.NotFound(w, r)
		return
	}
	j.code, j.output = r.Header.Get("Exit-Code"), string(output)
	close(j.done)
}
