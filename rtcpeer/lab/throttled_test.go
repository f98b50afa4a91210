//go:build linux

package lab

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/skip"
)

// A Chromium has timers of a page fire once a minute when it has been hidden for five minutes, here for ten seconds: a page
// that has no open data channel (https://developer.chrome.com/blog/timer-throttling-in-chrome-88). So a tab with links over
// WebRTC keeps its timers at one a second: 60 a minute were measured. It is a tab with links through the signaling server
// alone that is throttled: 1 a minute was measured. Either keeps its link for minutes, and whatever happens to its network is
// told rightly at both ends. With RTCPEER_LONG=all, as it takes minutes.
//
// The timers of rtcpeer.js in such a tab are the tick of the link (500 ms), what it is to do before its next tick, the watch
// that notices sleep (1 s), and the probe of the server (15 s). The link does not wait for any of them: what comes from the
// other end has the tab say that it is there (Link.catchUp; rtcpeer/js/test/timers.test.js tests that without a browser). A
// link through the server also looks for a direct path, after 5 s, 20 s, 80 s and so on, and then the page has an
// RTCPeerConnection for some seconds, as it has when an interrupted link is repaired. So the bounds only tell a tab that is
// throttled from one that is not: they meet at 40.
func TestThrottledTab(t *testing.T) {
	skip.VeryLong(t)
	need(t, "ip", "nft", string(chromiumStack))
	kit := newKit(t)
	for _, c := range []struct {
		name        string
		forwarded   bool
		least, most int // how often a timer fires in a minute
	}{{"WebRTC", false, 40, 70}, {"through the server", true, 0, 39}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kit, plan{routers: []kind{homeRouter, homeRouter}})
			ctx, cancel := context.WithTimeout(t.Context(), 10*patience)
			defer cancel()
			w.startSTUN(ctx)
			var flags []string
			if c.forwarded {
				flags = []string{"-relay-links"}
				w.startOpenServer(ctx, false, "--relay-links")
				w.dropAt(1, "meta l4proto udp drop")
			} else {
				w.startOpenServer(ctx, false)
			}
			seen := w.startTabs(2, 1, 2, flags...)
			away := w.startTabs(1, 1, 2, append(flags, "-away="+hidden, "-chromium=enable-features=IntensiveWakeUpThrottling:grace_period_seconds/10")...)
			both := []*tabs{seen, away}
			for _, p := range both {
				require.NoError(t, p.awaitAll(ctx, "linked", 1))
			}

			away.tell(syscall.SIGUSR2)
			time.Sleep(time.Minute)
			before := away.wakes(t, ctx, 1)
			const minutes = 2
			time.Sleep(minutes * time.Minute)
			rate := (away.wakes(t, ctx, 2) - before) / minutes
			t.Logf("hidden for %d minutes: a timer fires %d times a minute", minutes+1, rate)
			require.GreaterOrEqual(t, rate, c.least)
			require.LessOrEqual(t, rate, c.most)
			for _, p := range both {
				t.Logf("meanwhile %d interruptions", p.count("interrupted"))
				require.Zero(t, p.count("disconnected"))
			}

			w.cut(t, ctx, both, 12*time.Second)
			for _, p := range both {
				require.Zero(t, p.count("disconnected"))
			}
			w.cut(t, ctx, both, 40*time.Second)
			for _, p := range both {
				require.NoError(t, p.awaitAll(ctx, "connected", 2))
				require.Equal(t, 1, p.count("disconnected"))
				require.Equal(t, 1, p.count("disconnected "+p.other(t, both)+" (lost)"))
				require.Zero(t, p.count("broken"))
				require.Zero(t, p.count("ended"))
			}
		})
	}
}

// cut has the first seat without network for a while, and waits until each has heard from the other one again.
func (w *world) cut(t *testing.T, ctx context.Context, both []*tabs, lasts time.Duration) {
	t.Helper()
	whole := both[0].count("whole")
	w.nft(routerName(1), "table ip cut {\n\tchain cut {\n\t\ttype filter hook forward priority -20\n\t\tdrop\n\t}\n}\n")
	time.Sleep(lasts)
	w.nft(routerName(1), "delete table ip cut\n")
	back := time.Now()
	for _, p := range both {
		p.tell(syscall.SIGUSR1)
	}
	for i, p := range both {
		require.NoError(t, p.awaitAll(ctx, "whole", whole+1))
		t.Logf("cut for %v: the %s tab has heard of the other one after %v", lasts, []string{"seen", "hidden"}[i], time.Since(back).Round(time.Millisecond))
	}
}

// wakes asks how often a timer of the tab has fired, the nth time.
func (p *tabs) wakes(t *testing.T, ctx context.Context, nth int) int {
	t.Helper()
	p.tell(syscall.SIGHUP)
	require.NoError(t, p.awaitAll(ctx, "woke", nth))
	said := p.out.text()
	_, said, _ = strings.Cut(said[strings.LastIndex(said, " woke "):], "woke ")
	var n int
	var state string
	_, err := fmt.Sscanf(said, "%d times %s", &n, &state)
	require.NoError(t, err)
	require.Equal(t, "hidden", state)
	return n
}

// other returns the id of the other one of two tabs.
func (p *tabs) other(t *testing.T, both []*tabs) string {
	t.Helper()
	for _, q := range both {
		if q != p {
			id, _, _ := strings.Cut(q.out.text(), " ")
			_, err := strconv.Atoi(id)
			require.NoError(t, err)
			return id
		}
	}
	return ""
}
