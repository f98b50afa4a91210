//go:build linux

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
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/npm"
	"example.org/rtcpeer/testdata/skip"
)

// A namedRoad is a path on which the stacks are compared.
type namedRoad struct {
	key string
	line
	short bool // also in the short form
}

var roads = []namedRoad{
	{"one machine", line{}, false},
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

// yielding is rtcpeer with the bulk on a channel of Config.Bulk.
const yielding = "rtcpeer, Bulk"

// filing is rtcpeer whose bulk is one endless file of package transfer.
const filing = "rtcpeer, file"

// flooding is rtcpeer that sends unreliable packets, more than any path here carries.
const flooding = "rtcpeer, flood"

// stacks are what runs over them: a runner each.
var stacks = []string{"rtcpeer", yielding, filing, "pion", "lean", "libdatachannel", "libwebrtc"}

const (
	roadServer = "45.2.0.1"
	roadURL    = "ws://" + roadServer + "/room"
)

// besides are pairs of stacks that send bulk over one bottleneck at the same time. tcp is the kernel's, with cubic.
var besides = [][2]string{{"tcp", "tcp"}, {"rtcpeer", "tcp"}, {"rtcpeer", "rtcpeer"}, {yielding, "tcp"}, {flooding, "tcp"}, {"libdatachannel", "tcp"}}

// A road is a world of two hosts, a and b, and a line between them. A line without any delay is the kernel's.
func newRoad(t *testing.T, kit kit, l line) *world {
	w := &world{t: t, prefix: fmt.Sprintf("%s%d-%d-", namePrefix, os.Getpid(), worlds.Add(1)), kit: kit}
	t.Cleanup(func() { removeNamespaces(t, w.prefix) })
	w.namespace(public)
	if l == (line{}) {
		w.ip(public, "link add near type veth peer name far")
	} else {
		w.carry(l, "near", "far")
	}
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

// newPairing starts the two. Each pairing on a road has a number of its own.
func newPairing(ctx context.Context, w *world, stack string, number int) *pairing {
	p := &pairing{world: w}
	room := fmt.Sprint(roadURL, number)
	for i, host := range []string{"a", "b"} {
		self := []string{roleVariable + "=runner"}
		switch stack {
		case "libdatachannel", "libwebrtc":
			p.ends[i], p.in[i] = w.startTalking(host, nil, "node", "runner.mjs", stack, room)
		case "rtcpeer", yielding, filing, flooding:
			p.ends[i], p.in[i] = w.startTalking(host, self, os.Args[0], stack, room)
		default:
			p.ends[i], p.in[i] = w.startTalking(host, self, os.Args[0], stack, []string{"offer", "answer"}[i], fmt.Sprint(7000+number))
		}
		if stack != "pion" && stack != "lean" {
			_, err := p.ends[i].await(ctx, &p.ends[i].out, `^joined \d+`)
			require.NoError(w.t, err)
		}
	}
	if stack == "pion" || stack == "lean" {
		for i := range p.ends {
			description, err := p.ends[i].await(ctx, &p.ends[i].out, "^description .*$")
			require.NoError(w.t, err)
			p.tell(1-i, description)
		}
	}
	return p
}

// awaitFirst waits for the first packet at the second end, and returns after how many milliseconds it came.
func (p *pairing) awaitFirst(ctx context.Context) float64 {
	first, err := p.ends[1].await(ctx, &p.ends[1].out, `^first (\S+)$`)
	require.NoError(p.t, err)
	took, err := strconv.ParseFloat(first, 64)
	require.NoError(p.t, err)
	return took
}

// close ends both.
func (p *pairing) close(ctx context.Context) {
	for i := range p.ends {
		p.tell(i, "close")
		p.in[i].Close()
	}
	for _, e := range p.ends {
		if err := e.gone(ctx); err != nil {
			p.t.Log(err)
			e.signal(syscall.SIGKILL)
		}
	}
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
	p := newPairing(ctx, w, stack, 0)
	c := comparison{stack: stack, first: p.awaitFirst(ctx)}
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
	p.close(ctx)
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

// openRoad is a road with a signaling server at its first host.
func openRoad(ctx context.Context, t *testing.T, kit kit, l line) *world {
	w := newRoad(t, kit, l)
	server := w.start("a", nil, kit.server, "--listen="+roadServer+":80")
	_, err := server.await(ctx, &server.err, "msg=listening")
	require.NoError(t, err)
	return w
}

// A pathChoice is what a run of TestPaths compares.
type pathChoice struct {
	roads   []namedRoad
	stacks  []string
	besides [][2]string
}

// choose returns those of the long or the short form whose keys match the regular expressions.
func choose(long bool, roadKeys, stackKeys string) (c pathChoice) {
	onlyRoads, only := regexp.MustCompile(roadKeys), regexp.MustCompile(stackKeys)
	for _, r := range roads {
		if (long || r.short) && onlyRoads.MatchString(r.key) {
			c.roads = append(c.roads, r)
		}
	}
	for _, stack := range stacks {
		short := stack == "rtcpeer" || stack == yielding || stack == "libdatachannel"
		if (long || short) && only.MatchString(stack) {
			c.stacks = append(c.stacks, stack)
		}
	}
	for _, b := range besides {
		if (long || b[0] == "rtcpeer") && only.MatchString(b[0]) {
			c.besides = append(c.besides, b)
		}
	}
	return c
}

// TestPaths prints the table of what each stack does on each road, and of what two do at once. Figures are the machine's;
// only that all works is tested.
func TestPaths(t *testing.T) {
	need(t, "ip", "node")
	if err := npm.Install("../js"); err != nil {
		skip.Missing(t, "the stacks of runner.mjs are not here: %v", err)
	}
	kit := newKit(t)
	const lasts = 3
	choice := choose(skip.Everything(), os.Getenv("RTCPEER_LAB_ROADS"), os.Getenv("RTCPEER_LAB_STACKS"))
	var text strings.Builder
	text.WriteString(pathsHead)
	for _, r := range choice.roads {
		t.Run(r.key, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			w := openRoad(ctx, t, kit, r.line)
			for _, stack := range choice.stacks {
				c := compare(ctx, w, stack, lasts)
				c.road = r.key
				fmt.Fprintln(&text, c)
			}
		})
	}
	t.Run("beside", func(t *testing.T) {
		text.WriteString(besideHead)
		for _, b := range choice.besides {
			fmt.Fprintln(&text, besideRow(b, shareBottleneck(t, kit, b)))
		}
	})
	t.Logf("\n%s", &text)
	if path := os.Getenv("RTCPEER_LAB_PATHS"); path != "" {
		require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o644))
	}
}

const besideHead = "\n| beside each other on 50 ms, 50 Mbit/s, 100 ms of queue | MB/s of the first | of the second |\n|---|---|---|\n"

func besideRow(both [2]string, rates [2]float64) string {
	return fmt.Sprintf("| %s, %s | %.2f | %.2f |", both[0], both[1], rates[0], rates[1])
}

// shareBottleneck has two stacks send at the same time, and returns the MB/s of each.
func shareBottleneck(t *testing.T, kit kit, both [2]string) (rates [2]float64) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	w := openRoad(ctx, t, kit, line{Delay: 25 * time.Millisecond, Rate: 50_000_000, Queue: 100 * time.Millisecond})
	const warm, lasts = 5, 15
	var pairs [2]*pairing
	for i, stack := range both {
		pairs[i] = newPairing(ctx, w, stack, i)
		pairs[i].awaitFirst(ctx)
	}
	for i := range pairs {
		if both[i] == flooding {
			pairs[i].tell(0, "flood", 1000, warm+lasts+1)
		} else {
			pairs[i].tell(0, "bulk", 16<<10, warm+lasts+1)
		}
	}
	time.Sleep(warm * time.Second)
	var counted [2]tally
	var wait sync.WaitGroup
	for i, p := range pairs {
		wait.Go(func() { counted[i] = p.counts(ctx, lasts) })
	}
	wait.Wait()
	for i, p := range pairs {
		p.close(ctx)
		rates[i] = float64(counted[i].Bytes) / lasts / 1e6
	}
	return rates
}

const pathsHead = "| path | stack | Join to first packet, ms | 16 KiB, MB/s | 1 KiB, MB/s | CPU, s per 100 MB | longest pause, ms | state alone: p50, p99 ms, lost | state beside bulk |\n" +
	"|---|---|---|---|---|---|---|---|---|\n"

func (c comparison) String() string {
	state := func(s [3]float64) string {
		if s[2] == 100 {
			return "none came"
		}
		return fmt.Sprintf("%.0f, %.0f, %.0f %%", s[0], s[1], s[2])
	}
	return fmt.Sprintf("| %s | %s | %.0f | %.2f | %.2f | %.1f | %.0f | %s | %s |",
		c.road, c.stack, c.first, c.bulk, c.small, c.cpu, c.gap, state(c.alone), state(c.beside))
}
