package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// scrape returns the figures at a URL, by name and labels.
func scrape(t *testing.T, url string) map[string]float64 {
	t.Helper()
	status, body := fetch(t, url)
	require.Equal(t, http.StatusOK, status)
	values := make(map[string]float64)
	for line := range strings.Lines(body) {
		if m := regexp.MustCompile(`^(\S+) (\S+)\n$`).FindStringSubmatch(line); m != nil && line[0] != '#' {
			value, err := strconv.ParseFloat(m[2], 64)
			require.NoError(t, err, line)
			values[strings.TrimPrefix(m[1], namespace)] = value
		}
	}
	return values
}

// Each metric changes when what it measures happens, and at no other time.
func TestMetricsMove(t *testing.T) {
	p := start(t, nil, "--max-members=2")
	var first, second *caller
	before := scrape(t, pageOf(p)+"metrics")
	require.Contains(t, before, "go_goroutines")
	require.NotContains(t, before, "turn_relays")
	for _, step := range []struct {
		name string
		do   func()
		want map[string]float64 // by how much more
	}{
		{"nothing", func() {}, nil},
		{"a session", func() { first = call(t, p.url, nil) }, map[string]float64{"sessions": 1}},
		{"a room", func() { first.join(signaling.Join{Room: "lobby"}) }, map[string]float64{
			"rooms": 1, "members": 1, "joins_total": 1, `seconds_count{phase="join"}`: 1,
			`frames_total{direction="in"}`: 1, `frames_total{direction="out"}`: 1}},
		{"a member", func() {
			second = call(t, p.url, nil)
			second.join(signaling.Join{Room: "lobby"})
			first.receive()
		}, map[string]float64{"sessions": 1, "members": 1, "joins_total": 1, `seconds_count{phase="join"}`: 1,
			`frames_total{direction="in"}`: 1, `frames_total{direction="out"}`: 2}},
		{"a signal", func() {
			second.send(signaling.Signal{To: 1, Data: json.RawMessage(`"` + strings.Repeat("x", 1000) + `"`)})
			first.receive()
		}, map[string]float64{"signals_total": 1, `seconds_count{phase="signal"}`: 1,
			`frames_total{direction="in"}`: 1, `frames_total{direction="out"}`: 1}},
		{"a refusal", func() {
			full := call(t, p.url, nil)
			require.Equal(t, signaling.CodeRoomFull, full.refused(signaling.Join{Room: "lobby"}))
			require.NoError(t, full.conn.Close())
		}, map[string]float64{`refused_total{code="room_full"}`: 1,
			`frames_total{direction="in"}`: 1, `frames_total{direction="out"}`: 1}},
	} {
		step.do()
		after := awaitFigures(t, p, step.name, before, step.want)
		if step.name == "a signal" {
			for _, name := range []string{`bytes_total{direction="in"}`, `bytes_total{direction="out"}`} {
				require.Greater(t, after[name]-before[name], 1000.0)
			}
			require.Positive(t, after[`seconds_sum{phase="signal"}`])
		}
		before = after
	}
}

// awaitFigures waits until each figure has moved by what is wanted, and the others have not: some are
// counted only after the client has its answer.
func awaitFigures(t *testing.T, p *program, step string, before, want map[string]float64) map[string]float64 {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		after, moved := scrape(t, pageOf(p)+"metrics"), map[string]float64{}
		for _, name := range []string{"sessions", "rooms", "members", "joins_total", "resumes_total", "signals_total",
			`frames_total{direction="in"}`, `frames_total{direction="out"}`,
			`seconds_count{phase="join"}`, `seconds_count{phase="signal"}`, `refused_total{code="room_full"}`} {
			if d := after[name] - before[name]; d != 0 {
				moved[name] = d
			}
		}
		if maps.Equal(moved, want) {
			return after
		}
		require.True(t, time.Now().Before(deadline), "%s: got %v, want %v", step, moved, want)
	}
}

// awaitFigure waits until a figure at a URL is as wanted. What has not been counted yet is 0.
func awaitFigure(t *testing.T, url, name string, want float64) {
	t.Helper()
	var got float64
	is := func() bool { got = scrape(t, url)[name]; return got == want }
	require.True(t, eventually(t.Context(), is), "%s is %v, want %v", name, got, want)
}

func TestMetricsListener(t *testing.T) {
	for _, c := range []struct {
		arg             string
		here, elsewhere int
	}{
		{"--metrics-listen=127.0.0.1:0", http.StatusUpgradeRequired, http.StatusOK},
		{"--metrics-listen=off", http.StatusUpgradeRequired, 0},
	} {
		p := start(t, nil, c.arg)
		status, _ := fetch(t, pageOf(p)+"metrics")
		require.Equal(t, c.here, status, c.arg)
		if c.elsewhere != 0 {
			require.Contains(t, scrape(t, p.other(t, "--metrics-listen")+"/metrics"), "rooms")
			status, _ = fetch(t, p.other(t, "--metrics-listen")+"/debug/pprof/")
			require.Equal(t, http.StatusNotFound, status)
		}
	}
}
