package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/js"
	"example.org/rtcpeer/signaling/signalserver"
)

// speedScript is what a page of TestModuleSpeed runs. Each end answers pings, and tells when what was sent has all come.
const speedScript = `<!doctype html><title>speed</title><script type="module">
	import { join } from "./rtcpeer.js";
	let node, peer, came = 0, total = 0;
	const answers = [];
	const answer = () => new Promise((resolve) => answers.push(resolve));
	const byte = (n) => new Uint8Array([n]);
	async function hear() {
		for await (const event of node) {
			if (event.kind === "connected") peer = event.peer;
			if (event.kind !== "packet") continue;
			const { data } = event.packet;
			if (data.length === 1 && data[0] === 1) node.trySend({ peer, data: byte(2) });
			else if (data.length === 1) answers.shift()?.();
			else if ((came += data.length) === total) [came] = [0, node.trySend({ peer, data: byte(2) })];
		}
	}
	globalThis.enter = async (room) => { node = await join(room); hear(); return "joined"; };
	globalThis.linked = () => peer !== undefined;
	globalThis.expect = (bytes) => { total = bytes; };
	globalThis.fill = async (bytes, size) => {
		const data = new Uint8Array(size), done = answer(), began = performance.now();
		for (let sent = 0; sent < bytes; sent += size) await node.send({ peer, data });
		await done;
		return String(bytes / 1e3 / (performance.now() - began));
	};
	globalThis.trips = async (n) => {
		const times = [];
		for (let i = 0; i < n; i++) {
			const done = answer(), began = performance.now();
			node.trySend({ peer, data: byte(1) });
			await done;
			times.push(performance.now() - began);
		}
		return JSON.stringify(times);
	};
	globalThis.loaded = true;
</script>`

// A speed is what two tabs reach with one version of the module.
type speed struct {
	throughput float64 // MB/s of reliable packets of 16 KiB
	cost       float64 // ms of CPU of all of the browser, for each MB sent; 0 if the system does not tell
	roundTrip  float64 // ms of a reliable packet of a byte and its answer, on average
}

// TestModuleSpeed has two tabs of one Chromium send to each other with rtcpeer.js. With RTCPEER_JS_BEFORE, the file of
// another version of it, two tabs of each version are open, and send in turns. The medians of their figures are compared.
func TestModuleSpeed(t *testing.T) {
	file := os.Getenv("RTCPEER_JS_BEFORE")
	if file == "" {
		t.Skip("compares, and fails for no figure: set RTCPEER_JS_BEFORE to the file of an earlier rtcpeer.js")
	}
	earlier, err := os.ReadFile(file)
	require.NoError(t, err)
	modules := map[string][]byte{"now": js.Module(), "before": earlier}
	turns := slices.Repeat([]string{"before", "now", "now", "before"}, 10)
	b := openBrowser(t)
	url := speedSite(t, modules)
	pairs := make(map[string]*speedPair)
	for version := range modules {
		pairs[version] = openPair(t, b, url, version)
		pairs[version].measure(t) // SCTP finds its window, and the script is compiled
	}
	speeds := make(map[string][]speed)
	for _, version := range turns {
		got := pairs[version].measure(t)
		t.Logf("%-6s %5.1f MB/s, %.1f ms of CPU a MB, round trip %.2f ms", version, got.throughput, got.cost, got.roundTrip)
		require.Positive(t, got.throughput)
		speeds[version] = append(speeds[version], got)
	}
	now, before := medianSpeed(speeds["now"]), medianSpeed(speeds["before"])
	t.Logf("throughput: %.1f MB/s, before %.1f, ratio %.2f", now.throughput, before.throughput, now.throughput/before.throughput)
	t.Logf("CPU: %.1f ms a MB, before %.1f, ratio %.2f", now.cost, before.cost, now.cost/before.cost)
	t.Logf("round trip: %.2f ms, before %.2f, ratio %.2f", now.roundTrip, before.roundTrip, now.roundTrip/before.roundTrip)
}

// speedSite serves the page with each of the modules, in folders of their names, and the rooms.
func speedSite(t *testing.T, modules map[string][]byte) string {
	rooms, err := signalserver.New(signalserver.Config{})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/", rooms)
	for version, module := range modules {
		mux.HandleFunc("/"+version+"/", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, speedScript)
		})
		mux.HandleFunc("/"+version+"/rtcpeer.js", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
			w.Write(module)
		})
	}
	site := httptest.NewServer(mux)
	t.Cleanup(func() {
		rooms.Shutdown(context.Background())
		site.Close()
	})
	return site.URL
}

// A speedPair is two tabs with a link.
type speedPair struct{ from, to *tab }

func openPair(t *testing.T, b *browser, url, version string) *speedPair {
	t.Helper()
	var tabs []*tab
	for range 2 {
		tab := b.open(t, url+"/"+version+"/")
		tab.waitFor(t, "globalThis.loaded")
		require.Equal(t, "joined", tab.await(t, fmt.Sprintf("enter(%q)", "/speed-"+version)))
		tabs = append(tabs, tab)
	}
	for _, tab := range tabs {
		tab.waitFor(t, "linked()")
	}
	return &speedPair{tabs[0], tabs[1]}
}

func (p *speedPair) measure(t *testing.T) (got speed) {
	t.Helper()
	const bytes, trips = 8 << 20, 200
	p.to.text(t, fmt.Sprintf("expect(%d)", bytes))
	before := cpuOfChildren()
	_, err := fmt.Sscan(p.from.await(t, fmt.Sprintf("fill(%d, 16384)", bytes)), &got.throughput)
	require.NoError(t, err)
	got.cost = (cpuOfChildren() - before).Seconds() * 1e3 / (bytes / 1e6)
	var times []float64
	require.NoError(t, json.Unmarshal([]byte(p.from.await(t, fmt.Sprintf("trips(%d)", trips))), &times))
	for _, d := range times {
		got.roundTrip += d / trips
	}
	return got
}

func medianSpeed(speeds []speed) (s speed) {
	middle := func(of func(speed) float64) float64 {
		var values []float64
		for _, s := range speeds {
			values = append(values, of(s))
		}
		slices.Sort(values)
		return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	}
	return speed{
		middle(func(s speed) float64 { return s.throughput }),
		middle(func(s speed) float64 { return s.cost }),
		middle(func(s speed) float64 { return s.roundTrip }),
	}
}

// cpuOfChildren returns the CPU time of the processes that this one has started, and of those that they have, as Linux tells it.
// On a machine that others use too it says more of a version than its throughput does.
func cpuOfChildren() time.Duration {
	const tick = 10 * time.Millisecond // USER_HZ
	type process struct{ parent, ticks int }
	all := make(map[int]process)
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		text, _ := os.ReadFile(file)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		_, rest, _ := strings.Cut(string(text), ") ") // after the name
		if fields := strings.Fields(rest); len(fields) > 12 {
			parent, _ := strconv.Atoi(fields[1])
			user, _ := strconv.Atoi(fields[11])
			system, _ := strconv.Atoi(fields[12])
			all[pid] = process{parent, user + system}
		}
	}
	ticks := 0
	for _, p := range all {
		for at := p.parent; at > 0; at = all[at].parent {
			if at == os.Getpid() {
				ticks += p.ticks
				break
			}
		}
	}
	return time.Duration(ticks) * tick
}
