package js_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/js"
)

// mostServed is the largest the module may be on its way, in bytes.
const mostServed = 12 << 10

func TestServed(t *testing.T) {
	server := httptest.NewServer(js.Handler())
	defer server.Close()

	plain := get(t, server.URL, "identity", "")
	require.Equal(t, http.StatusOK, plain.StatusCode)
	require.Equal(t, "text/javascript; charset=utf-8", plain.Header.Get("Content-Type"))
	require.Equal(t, js.Module(), read(t, plain.Body))

	zipped := get(t, server.URL, "gzip", "")
	require.Equal(t, "gzip", zipped.Header.Get("Content-Encoding"))
	require.NotEqual(t, plain.Header.Get("ETag"), zipped.Header.Get("ETag"))
	body := read(t, zipped.Body)
	require.LessOrEqual(t, len(body), mostServed)
	t.Logf("%d bytes of source, %d as served, %d gzipped", len(js.Source), len(js.Module()), len(body))
	z, err := gzip.NewReader(bytes.NewReader(body))
	require.NoError(t, err)
	require.Equal(t, js.Module(), read(t, z))

	again := get(t, server.URL, "gzip", zipped.Header.Get("ETag"))
	require.Equal(t, http.StatusNotModified, again.StatusCode)
	require.Empty(t, read(t, again.Body))

	resp, err := http.Post(server.URL, "text/plain", nil)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
}

func get(t *testing.T, url, encoding, tag string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	req.Header.Set("Accept-Encoding", encoding)
	req.Header.Set("If-None-Match", tag)
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func read(t *testing.T, r io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return b
}

// What is served, in Node: its wire, its types, its rules over a real stack and the real server, what it
// withstands, and the programs of the README.
func TestNode(t *testing.T) {
	node := program(t, "node", "Node 20.14 or later")
	packages(t)
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin+string(filepath.Separator), "example.org/rtcpeer/cmd/signal-server")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "go build: %s", out)
	served := filepath.Join(t.TempDir(), "rtcpeer.js")
	require.NoError(t, os.WriteFile(served, js.Module(), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(served), "package.json"), []byte(`{"type":"module"}`), 0o644))

	for _, file := range []string{"wire", "types", "rules", "server", "endings", "timers", "readme"} {
		t.Run(file, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), node, "--test-force-exit", "--test-reporter=tap", "test/"+file+".test.js")
			cmd.Env = append(os.Environ(), "RTCPEER_BIN="+bin, "RTCPEER_JS="+served)
			report(t, cmd)
		})
	}
}

// report runs a file of tests until it has told how they went. What may hang then is the exit, in which
// @roamhq/wrtc stops its threads.
func report(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var out strings.Builder
	pipe, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	passed := false
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		line := lines.Text()
		out.WriteString(line + "\n")
		passed = passed || line == "# fail 0"
		if strings.HasPrefix(line, "# duration_ms") {
			break
		}
	}
	late := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
	defer late.Stop()
	err = cmd.Wait()
	require.True(t, passed, "%v\n%s", err, &out)
}

// packages installs what package-lock.json names, if that is not there or older than the lock.
func packages(t *testing.T) {
	t.Helper()
	npm := program(t, "npm", "npm")
	lock, err := os.Stat("package-lock.json")
	require.NoError(t, err)
	installed, err := os.Stat("node_modules/.package-lock.json")
	if err == nil && !installed.ModTime().Before(lock.ModTime()) {
		return
	}
	if out, err := exec.CommandContext(t.Context(), npm, "ci").CombinedOutput(); err != nil {
		missing(t, "the packages of rtcpeer/js (npm ci: %v: %s)", err, out)
	}
}

// program returns the path of a program.
func program(t *testing.T, command, name string) string {
	t.Helper()
	path, err := exec.LookPath(command)
	if err != nil {
		missing(t, "%s", name)
	}
	return path
}

// missing skips a test that lacks what is to be installed first, but fails it in CI.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("RTCPEER_CI") == "1" {
		t.Fatalf("not here: "+format, args...)
	}
	t.Skipf("install first: "+format, args...)
}
