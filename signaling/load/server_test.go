//go:build linux

package load

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A server is a signaling server as a process. It ends with the test.
type server struct {
	t   *testing.T
	url string
	pid int
}

var listening = regexp.MustCompile(`url=(ws://[0-9.:]+)`)

// start runs a server that tells its URL on stderr.
func start(t *testing.T, name string, args ...string) *server {
	t.Helper()
	cmd := exec.Command(name, args...)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	read := make(chan struct{})
	urls := make(chan string, 1)
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if match := listening.FindStringSubmatch(lines.Text()); match != nil {
				urls <- match[1]
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-read
		_ = cmd.Wait() // it was killed
	})
	select {
	case url := <-urls:
		return &server{t: t, url: url, pid: cmd.Process.Pid}
	case <-time.After(30 * time.Second):
		t.Fatalf("%s does not listen", name)
		return nil
	}
}

// clockTick is the unit of times in /proc: USER_HZ, which is 100 on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// cpu is the time that the process has used.
func (s *server) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.pid))
	require.NoError(s.t, err)
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	require.NoError(s.t, err)
	system, err := strconv.Atoi(fields[12])
	require.NoError(s.t, err)
	return time.Duration(user+system) * clockTick
}

// memory is what the process holds, in bytes.
func (s *server) memory() int {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.pid))
	require.NoError(s.t, err)
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	require.NoError(s.t, err)
	return pages * os.Getpagesize()
}

// programs of this module.
type programs struct{ client, server string }

func build(t *testing.T) programs {
	t.Helper()
	bin := t.TempDir()
	out, err := exec.Command("go", "build", "-o", bin, "example.org/rtcpeer/cmd/rtc-client", "example.org/rtcpeer/cmd/signal-server").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return programs{bin + "/rtc-client", bin + "/signal-server"}
}

// start runs signal-server with limits that the load does not reach.
func (p programs) start(t *testing.T) *server {
	return start(t, p.server, "--listen", "127.0.0.1:0", "--message-rate", "0", "--max-rooms", "20000", "--max-sessions", "20000", "--log-level", "info")
}

// marks are the CPU time and the memory that the server had used at certain points of a load.
type marks struct {
	before, joined, rested, sent time.Duration
	empty, full                  int // bytes, before the load and after the rest
	report                       report
}

// report is what rtc-client load prints.
type report struct {
	Joins, Messages struct {
		Count     int
		PerSecond float64 `json:"per_second"`
		P50       float64 `json:"p50_ms"`
		P99       float64 `json:"p99_ms"`
	}
	Errors map[string]int
	OK     bool
}

// perJoin and perMessage are the server's CPU.
func (m marks) perJoin() time.Duration {
	return (m.joined - m.before) / time.Duration(m.report.Joins.Count)
}
func (m marks) perMessage() time.Duration {
	return (m.sent - m.rested) / time.Duration(m.report.Messages.Count)
}

// load runs rtc-client load, and measures the server each time rtc-client reports its progress.
func (s *server) load(client, url string, rooms, members, messages int) (m marks) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, client, "load", "--json", "--rest", "1s", "--rooms", strconv.Itoa(rooms),
		"--members", strconv.Itoa(members), "--messages", strconv.Itoa(messages), url)
	var stdout strings.Builder
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	require.NoError(s.t, err)
	m.before, m.empty = s.cpu(), s.memory()
	require.NoError(s.t, cmd.Start())
	var said strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		switch line := lines.Text(); {
		case strings.HasSuffix(line, "joined"):
			m.joined = s.cpu()
		case strings.HasSuffix(line, "sending"):
			m.rested, m.full = s.cpu(), s.memory()
		case strings.HasSuffix(line, "forwarded"):
			m.sent = s.cpu()
		}
		said.WriteString(lines.Text() + "\n")
	}
	require.NoError(s.t, cmd.Wait(), "%s%s", &said, &stdout)
	require.NoError(s.t, unmarshal(stdout.String(), &m.report))
	require.True(s.t, m.report.OK, "%v", m.report.Errors)
	return m
}
