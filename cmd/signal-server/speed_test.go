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
	roundTrip  float64 // ms of a reliable packet of a byte and its answer, the median
}

// TestModuleSpeed has two tabs of one Chromium send to each other with rtcpeer.js. With RTCPEER_JS_BEFORE, the file of
// another version of it, two tabs of each version are open, and send in turns. Each turn is compared with the one of the
// other version right beside it, when the machine was as busy, and the medians and quartiles of these ratios are told.
func TestModuleSpeed(t *testing.T) {
	file := os.Getenv("RTCPEER_JS_BEFORE")
	if file == "" {
		t.Skip("compares, and fails for no figure: set RTCPEER_JS_BEFORE to the file of an earlier rtcpeer.js")
	}
	earlier, err := os.ReadFile(file)
	require.NoError(t, err)
	modules := map[string][]byte{"now": js.Module(), "before": earlier}
	b := openBrowser(t)
	url := speedSite(t, modules)
	pairs := make(map[string]*speedPair)
	for version := range modules {
		pairs[version] = openPair(t, b, url, version)
		pairs[version].measure(t) // SCTP finds its window, and the script is compiled
	}
	var throughput, cost, roundTrip []float64
	for n := range 40 {
		order := []string{"before", "now"}
		if n%2 == 1 {
			slices.Reverse(order)
		}
		got := make(map[string]speed)
		for _, version := range order {
			s := pairs[version].measure(t)
			t.Logf("%-6s %5.1f MB/s, %.1f ms of CPU a MB, round trip %.2f ms", version, s.throughput, s.cost, s.roundTrip)
			require.Positive(t, s.throughput)
			got[version] = s
		}
		now, before := got["now"], got["before"]
		throughput = append(throughput, now.throughput/before.throughput)
		cost = append(cost, now.cost/before.cost)
		roundTrip = append(roundTrip, now.roundTrip/before.roundTrip)
	}
	t.Logf("now/before: throughput %s, CPU for each MB %s, round trip %s", quartiles(throughput), quartiles(cost), quartiles(roundTrip))
}

// quartiles tells the median, and between what the middle half is.
func quartiles(values []float64) string {
	slices.Sort(values)
	n := len(values)
	return fmt.Sprintf("%.2f (%.2f to %.2f)", (values[(n-1)/2]+values[n/2])/2, values[n/4], values[3*n/4])
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
	const bytes, trips = 4 << 20, 100
	p.to.text(t, fmt.Sprintf("expect(%d)", bytes))
	before := cpuOfChildren()
	_, err := fmt.Sscan(p.from.await(t, fmt.Sprintf("fill(%d, 16384)", bytes)), &got.throughput)
	require.NoError(t, err)
	got.cost = (cpuOfChildren() - before).Seconds() * 1e3 / (bytes / 1e6)
	var times []float64
	require.NoError(t, json.Unmarshal([]byte(p.from.await(t, fmt.Sprintf("trips(%d)", trips))), &times))
	slices.Sort(times)
	got.roundTrip = times[trips/2] // one that waits for another program is none of the module's
	return got
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
