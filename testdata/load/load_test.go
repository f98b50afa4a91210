//go:build linux

package load

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func unmarshal(text string, to any) error { return json.Unmarshal([]byte(text), to) }

// A join costs at most half of what it costs the demo's server for Node, a forwarded message at most
// a third. Each server is warmed up before it is measured.
func TestNode(t *testing.T) {
	folder, err := filepath.Abs("../../rtcpeer/js")
	require.NoError(t, err)
	if _, err := os.Stat(folder + "/node_modules/ws"); err != nil {
		skip(t, "no ws here: npm ci in rtcpeer/js")
	}
	if _, err := exec.LookPath("node"); err != nil {
		skip(t, "no node here: apt-get install -y nodejs npm")
	}
	p := build(t)
	measure := func(s *server, scheme string) marks {
		const rooms, members, messages = 1000, 4, 64
		s.load(p.client, scheme+s.url, rooms/4, members, messages)
		return s.load(p.client, scheme+s.url, rooms, members, messages)
	}
	node := measure(start(t, "node", "rooms.mjs", folder), "godot+")
	godot := measure(p.start(t), "godot+")
	own := measure(p.start(t), "")

	var text strings.Builder
	text.WriteString("| | CPU a join | of Node's | CPU a forwarded message | of Node's |\n|---|---|---|---|---|\n")
	ratio := func(a, b marks) (join, message float64) {
		return a.perJoin().Seconds() / b.perJoin().Seconds(), a.perMessage().Seconds() / b.perMessage().Seconds()
	}
	for _, row := range []struct {
		name string
		marks
	}{{"Node, ws, the demo's protocol", node}, {"signal-server, the demo's protocol", godot}, {"signal-server, rtcpeer.v1", own}} {
		join, message := ratio(row.marks, node)
		fmt.Fprintf(&text, "| %s | %v | %.2f | %.1f µs | %.2f |\n", row.name, row.perJoin(), join, float64(row.perMessage().Nanoseconds())/1e3, message)
	}
	t.Logf("\n%s", &text)
}

// How the figures grow with the sessions.
func TestGrowth(t *testing.T) {
	sizes := []int{1000, 2000, 5000, 10_000, 15_000}
	if least := uint64(sizes[len(sizes)-1] + 200); openFiles(t) < least {
		skip(t, fmt.Sprintf("the limit of open files is below %d: ulimit -Hn", least))
	}
	p := build(t)
	var text strings.Builder
	text.WriteString("| sessions | joins a second | join p50, p99 | CPU a join | memory a session | messages a second | CPU a message |\n|---|---|---|---|---|---|---|\n")
	for _, n := range sizes {
		const members = 4
		s := p.start(t)
		m := s.load(p.client, s.url, n/members, members, 16)
		fmt.Fprintf(&text, "| %d | %.0f | %.1f ms, %.1f ms | %v | %.1f KB | %.0f | %.1f µs |\n", n, m.report.Joins.PerSecond,
			m.report.Joins.P50, m.report.Joins.P99, m.perJoin(), float64(m.full-m.empty)/float64(n)/1e3,
			m.report.Messages.PerSecond, float64(m.perMessage().Nanoseconds())/1e3)
	}
	t.Logf("\n%s", &text)
	if path := os.Getenv("RTCPEER_LOAD_TABLE"); path != "" {
		require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o644))
	}
}

// openFiles is what Go has made of the limit already: the hard one.
func openFiles(t *testing.T) uint64 {
	t.Helper()
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	return limit.Max
}

func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("RTCPEER_CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}
