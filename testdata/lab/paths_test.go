package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// roads are the paths on which the stacks are compared.
var roads = []struct {
	key string
	line
	short bool // also in the short form
}{
	{"5ms", line{Delay: 2500 * time.Microsecond}, false},
	{"50ms", line{Delay: 25 * time.Millisecond}, false},
	{"150ms", line{Delay: 75 * time.Millisecond}, false},
	{"50ms, 0.1% lost", line{Delay: 25 * time.Millisecond, Loss: 0.001}, false},
	{"50ms, 1% lost", line{Delay: 25 * time.Millisecond, Loss: 0.01}, true},
	{"50ms, 5% lost", line{Delay: 25 * time.Millisecond, Loss: 0.05}, false},
	{"50ms, 25% lost", line{Delay: 25 * time.Millisecond, Loss: 0.25}, false},
	{"50ms, 35% lost", line{Delay: 25 * time.Millisecond, Loss: 0.35}, false},
	{"50ms, 50Mbit/s", line{Delay: 25 * time.Millisecond, Rate: 50_000_000, Queue: 100 * time.Millisecond}, true},
	{"50ms, 20Mbit/s, 1% lost", line{Delay: 25 * time.Millisecond, Rate: 20_000_000, Queue: 100 * time.Millisecond, Loss: 0.01}, false},
	{"50ms, 2Mbit/s", line{Delay: 25 * time.Millisecond, Rate: 2_000_000, Queue: 200 * time.Millisecond}, false},
	{"50ms, overtaking", line{Delay: 25 * time.Millisecond, Jitter: 10 * time.Millisecond}, false},
}

// stacks are what runs over them: a runner each.
var stacks = []string{"rtcpeer", "pion", "lean", "libdatachannel", "libwebrtc"}

const (
	roadServer = "45.2.0.1"
	roadURL    = "ws://" + roadServer + "/room"
)

// A road is a world of two hosts, a and b, and a line between them.
func newRoad(t *testing.T, kit kit, l line) *world {
	w := &world{t: t, prefix: fmt.Sprintf("%s%d-%d-", namePrefix, os.Getpid(), worlds.Add(1)), kit: kit}
	t.Cleanup(func() { removeNamespaces(t, w.prefix) })
	w.namespace(public)
	w.carry(l, "near", "far")
	for i, host := range []string{"a", "b"} {
		w.namespace(host)
		device := []string{"near", "far"}[i]
		w.ip(public, fmt.Sprintf("link set %s netns %s%s", device, w.prefix, host))
		w.ip(host, fmt.Sprintf("addr add 45.2.0.%d/24 dev %s", i+1, device), fmt.Sprintf("link set %s txqueuelen 10000 up", device))
	}
	return w
}

// A pairing is two runners of one stack on a road.
type pairing struct {
	*world
	ends [2]*process
	in   [2]io.WriteCloser
}

func newPairing(ctx context.Context, w *world, stack string) *pairing {
	p := &pairing{world: w}
	node := stack == "libdatachannel" || stack == "libwebrtc"
	for i, host := range []string{"a", "b"} {
		switch {
		case node:
			p.ends[i], p.in[i] = w.startTalking(host, nil, "node", "runner.mjs", stack, roadURL)
		case stack == "rtcpeer":
			p.ends[i], p.in[i] = w.startTalking(host, []string{roleVariable + "=runner"}, os.Args[0], stack, roadURL)
		default:
			p.ends[i], p.in[i] = w.startTalking(host, []string{roleVariable + "=runner"}, os.Args[0], stack, []string{"offer", "answer"}[i])
		}
		if node || stack == "rtcpeer" {
			_, err := p.ends[i].await(ctx, &p.ends[i].out, `^joined \d+`)
			require.NoError(w.t, err)
		}
	}
	if !node && stack != "rtcpeer" {
		for i := range p.ends {
			description, err := p.ends[i].await(ctx, &p.ends[i].out, "^description .*$")
			require.NoError(w.t, err)
			p.tell(1-i, description)
		}
	}
	return p
}

// tell gives an end a line.
func (p *pairing) tell(end int, words ...any) {
	_, err := fmt.Fprintln(p.in[end], words...)
	require.NoError(p.t, err)
}

// counts waits for what the second end has counted in the next so many seconds.
func (p *pairing) counts(ctx context.Context, seconds float64) (t tally) {
	before := strings.Count(p.ends[1].out.text(), "counted ")
	p.tell(1, "count", seconds)
	line, err := p.ends[1].await(ctx, &p.ends[1].out, fmt.Sprintf(`(?:[\s\S]*?^counted (.*)$){%d}`, before+1))
	require.NoError(p.t, err)
	require.NoError(p.t, json.Unmarshal([]byte(line), &t))
	return t
}

// quiet waits until nothing more comes.
func (p *pairing) quiet(ctx context.Context) {
	for p.counts(ctx, 0.4).Bytes > 0 {
		require.NoError(p.t, ctx.Err())
	}
}

// cpu is what both ends have used so far, in seconds.
func (p *pairing) cpu() (seconds float64) {
	for _, e := range p.ends {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", e.cmd.Process.Pid))
		require.NoError(p.t, err)
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		for _, f := range fields[11:13] { // user and system
			ticks, err := strconv.ParseFloat(f, 64)
			require.NoError(p.t, err)
			seconds += ticks / 100
		}
	}
	return seconds
}

// A comparison is what one stack did on one road.
type comparison struct {
	road, stack   string
	first         float64    // from the beginning of the second end to the first packet there, in ms
	bulk, small   float64    // MB/s of packets of 16 KiB, of 1 KiB
	cpu           float64    // seconds for 100 MB of the former, at both ends
	gap           float64    // the longest pause of it, in ms
	alone, beside [3]float64 // ms that state was on its way: p50, p99, and what share was lost, in percent
}

// percentiles of what the second end has counted.
func ages(t tally, lasts float64) [3]float64 {
	a := slices.Sorted(slices.Values(t.Ages))
	if len(a) == 0 {
		return [3]float64{0, 0, 100}
	}
	return [3]float64{a[len(a)/2], a[len(a)*99/100], max(100*(1-float64(len(a))/(lasts*stateRate)), 0)}
}

// compare has a stack do its work on a road: alone and both at once.
func compare(ctx context.Context, w *world, stack string, lasts float64) comparison {
	p := newPairing(ctx, w, stack)
	c := comparison{stack: stack}
	first, err := p.ends[1].await(ctx, &p.ends[1].out, `^first (\S+)$`)
	require.NoError(w.t, err)
	c.first, err = strconv.ParseFloat(first, 64)
	require.NoError(w.t, err)
	const warm = 2 // seconds until a window is as large as it gets
	bulk := func(size int, and ...any) (tally, float64) {
		p.tell(0, "bulk", size, lasts+warm+0.5)
		if len(and) > 0 {
			p.tell(0, and...)
		}
		time.Sleep(warm * time.Second)
		before := p.cpu()
		t := p.counts(ctx, lasts)
		return t, p.cpu() - before
	}
	t, cpu := bulk(16 << 10)
	c.bulk, c.gap = float64(t.Bytes)/lasts/1e6, t.Gap
	c.cpu = cpu / (float64(t.Bytes) / 1e8)
	time.Sleep(time.Second)
	p.quiet(ctx)
	t, _ = bulk(1 << 10)
	c.small = float64(t.Bytes) / lasts / 1e6
	time.Sleep(time.Second)
	p.quiet(ctx)
	p.tell(0, "state", lasts+1)
	time.Sleep(time.Second / 2)
	c.alone = ages(p.counts(ctx, lasts), lasts)
	time.Sleep(time.Second)
	t, _ = bulk(16<<10, "state", lasts+warm+0.5)
	c.beside = ages(t, lasts)
	for i := range p.ends {
		p.tell(i, "close")
		p.in[i].Close()
	}
	for _, e := range p.ends {
		if err := e.gone(ctx); err != nil {
			w.t.Log(err)
			e.signal(syscall.SIGKILL)
		}
		w.t.Log(e.out.text())
	}
	return c
}

// startTalking is start, and returns the program's stdin.
func (w *world) startTalking(host string, env []string, name string, args ...string) (*process, io.WriteCloser) {
	w.t.Helper()
	reader, writer, err := os.Pipe()
	require.NoError(w.t, err)
	p := w.startWith(reader, host, env, name, args...)
	reader.Close()
	return p, writer
}

// TestPaths prints the table of what each stack does on each road. Figures are the machine's; only that all works is
// tested.
func TestPaths(t *testing.T) {
	need(t, "ip", "node")
	removeAbandoned(t)
	kit := newKit(t)
	lasts := 3.0
	some := regexp.MustCompile(os.Getenv("RTCPEER_LAB_ROADS"))
	only := regexp.MustCompile(os.Getenv("RTCPEER_LAB_STACKS"))
	var table []comparison
	for _, r := range roads {
		if os.Getenv("RTCPEER_LAB_LONG") == "" && !r.short || !some.MatchString(r.key) {
			continue
		}
		t.Run(r.key, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			w := newRoad(t, kit, r.line)
			server := w.start("a", nil, kit.server, "--listen="+roadServer+":80")
			_, err := server.await(ctx, &server.err, "msg=listening")
			require.NoError(t, err)
			for _, stack := range stacks {
				if !only.MatchString(stack) {
					continue
				}
				c := compare(ctx, w, stack, lasts)
				c.road = r.key
				table = append(table, c)
				t.Log(c)
			}
		})
	}
	var text strings.Builder
	text.WriteString(pathsHead)
	for _, c := range table {
		fmt.Fprintln(&text, c)
	}
	t.Logf("\n%s", &text)
	if path := os.Getenv("RTCPEER_LAB_PATHS"); path != "" {
		require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o644))
	}
}

const pathsHead = "| path | stack | Join to first packet, ms | 16 KiB, MB/s | 1 KiB, MB/s | CPU, s per 100 MB | longest pause, ms | state alone: p50, p99 ms, lost | state beside bulk |\n" +
	"|---|---|---|---|---|---|---|---|---|\n"

func (c comparison) String() string {
	state := func(s [3]float64) string { return fmt.Sprintf("%.0f, %.0f, %.0f %%", s[0], s[1], s[2]) }
	return fmt.Sprintf("| %s | %s | %.0f | %.2f | %.2f | %.1f | %.0f | %s | %s |",
		c.road, c.stack, c.first, c.bulk, c.small, c.cpu, c.gap, state(c.alone), state(c.beside))
}
