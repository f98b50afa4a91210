//go:build linux

package load

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.org/rtcpeer/testdata/npm"
	"example.org/rtcpeer/testdata/skip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func unmarshal(text string, to any) error { return json.Unmarshal([]byte(text), to) }

// The CPU of a join and of a forwarded message, compared with that of the demo's server for Node: in a fresh process, and
// then as medians of several turns. Node is faster then, because it compiles code that runs often.
func TestNode(t *testing.T) {
	skip.Laboratory(t)
	folder, err := filepath.Abs("../../rtcpeer/js")
	require.NoError(t, err)
	if _, err := exec.LookPath("node"); err != nil {
		skip.Missing(t, "no node here: apt-get install -y nodejs npm")
	}
	if err := npm.Install(folder); err != nil {
		skip.Missing(t, "no ws here: %v", err)
	}
	const rooms, members, messages, rounds = 1000, 4, 64, 5
	p := build(t)
	runners := newRunners()
	runners[0].server = start(t, "node", "rooms.mjs", folder)
	for _, r := range runners[1:] {
		r.server = p.start(t)
	}
	for _, r := range runners {
		r.cold = r.load(p.client, r.scheme+r.url, rooms/4, members, messages)
	}
	for range rounds {
		for _, r := range runners {
			m := r.load(p.client, r.scheme+r.url, rooms, members, messages)
			r.joins, r.messages = append(r.joins, m.perJoin()), append(r.messages, m.perMessage())
		}
	}
	node := runners[0]
	var text strings.Builder
	text.WriteString(nodeHead)
	for _, r := range runners {
		fmt.Fprintln(&text, r.row(node))
	}
	t.Logf("\n%s", &text)
}

const nodeHead = "| | CPU per join, first 1,000 | later | relative to Node | CPU per forwarded message, first 64,000 | later | relative to Node |\n|---|---|---|---|---|---|---|\n"

// row is the row of the table, in which the figures are compared with those of Node.
func (r *runner) row(node *runner) string {
	return fmt.Sprintf("| %s | %.0f µs | %.0f µs | %.2f | %.1f µs | %.1f µs | %.2f |", r.name,
		micro(r.cold.perJoin()), micro(median(r.joins)), ratio(r.joins, node.joins),
		micro(r.cold.perMessage()), micro(median(r.messages)), ratio(r.messages, node.messages))
}

// A runner is one server in a comparison, and what it took.
type runner struct {
	*server
	name, scheme    string
	cold            marks // of its first load
	joins, messages []time.Duration
}

// newRunners returns Node and its rivals, without their servers.
func newRunners() []*runner {
	return []*runner{
		{name: "Node, ws, the demo's protocol", scheme: "godot+"},
		{name: "signal-server, the demo's protocol", scheme: "godot+"},
		{name: "signal-server, rtcpeer.v1"},
	}
}

func median(d []time.Duration) time.Duration { return slices.Sorted(slices.Values(d))[len(d)/2] }

func micro(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

func ratio(a, b []time.Duration) float64 { return median(a).Seconds() / median(b).Seconds() }

// sizes are how many sessions TestGrowth has.
var sizes = []int{1000, 2000, 5000, 10_000, 15_000}

const growthHead = "| sessions | joins per second | join p50, p99 | CPU per join | resident memory per session | messages per second | CPU per message |\n|---|---|---|---|---|---|---|\n"

// growthRow is the row of the table for so many sessions.
func (m marks) growthRow(sessions int) string {
	return fmt.Sprintf("| %d | %.0f | %.1f ms, %.1f ms | %.0f µs | %.1f KB | %.0f | %.1f µs |", sessions, m.report.Joins.PerSecond,
		m.report.Joins.P50, m.report.Joins.P99, micro(m.perJoin()), float64(m.full-m.empty)/float64(sessions)/1e3,
		m.report.Messages.PerSecond, micro(m.perMessage()))
}

// How the figures grow with the sessions.
func TestGrowth(t *testing.T) {
	skip.Laboratory(t)
	if least := uint64(sizes[len(sizes)-1] + 200); openFiles(t) < least {
		skip.Missing(t, "the limit of open files is below %d: ulimit -Hn", least)
	}
	p := build(t)
	var text strings.Builder
	text.WriteString(growthHead)
	for _, n := range sizes {
		const members = 4
		s := p.start(t)
		m := s.load(p.client, s.url, n/members, members, 16)
		fmt.Fprintln(&text, m.growthRow(n))
	}
	t.Logf("\n%s", &text)
	if path := os.Getenv("RTCPEER_LOAD_TABLE"); path != "" {
		require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o644))
	}
}

// Rooms come and go, 24,000 in all, and the server's memory is in the last third what it was in the first.
func TestChurn(t *testing.T) {
	skip.Laboratory(t)
	const rounds, rooms, members = 12, 2000, 2
	if openFiles(t) < rooms*members+200 {
		skip.Missing(t, "the limit of open files is below %d: ulimit -Hn", rooms*members+200)
	}
	p := build(t)
	s := p.start(t)
	var after []int // resident bytes after each round
	for range rounds {
		s.load(p.client, s.url, rooms, members, 1)
		after = append(after, s.memory())
	}
	t.Logf("resident memory after each %d rooms, in MB: %v", rooms, megabytes(after))
	require.LessOrEqual(t, slices.Min(after[rounds*2/3:]), slices.Min(after[:rounds/3])*5/4, "the least, which has little garbage in it")
}

func megabytes(bytes []int) (list []string) {
	for _, b := range bytes {
		list = append(list, fmt.Sprintf("%.0f", float64(b)/1e6))
	}
	return list
}

// openFiles returns the hard limit of open files, to which Go has already raised the soft one.
func openFiles(t *testing.T) uint64 {
	t.Helper()
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	return limit.Max
}
