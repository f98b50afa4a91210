//go:build unix

package js_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What is served, in Node: its wire, its types, what it decides, its rules and its repairs over a real stack and the real server, what it
// withstands, and the programs of the README.
func TestNode(t *testing.T) {
	node := program(t, "node", "Node 20.14 or later")
	packages(t)
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin+string(filepath.Separator), "example.org/rtcpeer/cmd/signal-server")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "go build: %s", out)

	for _, file := range []string{"wire", "control", "repair", "types", "rules", "rooms", "links", "hostile", "lost", "server", "auth", "scene", "endings", "timers", "readme"} {
		t.Run(file, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), node, "--test-force-exit", "--test-reporter=tap", "test/"+file+".test.js")
			cmd.Env = append(os.Environ(), "RTCPEER_BIN="+bin)
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

// packages installs what package-lock.json names, if that is not there or older than the lock. The file is
// locked meanwhile, since the tests of rtcpeer/interop do the same at the same time.
func packages(t *testing.T) {
	t.Helper()
	npm := program(t, "npm", "npm")
	file, err := os.Open("package-lock.json")
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, syscall.Flock(int(file.Fd()), syscall.LOCK_EX))
	lock, err := file.Stat()
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
