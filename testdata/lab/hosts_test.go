package lab

import (
	"context"
	"fmt"
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

// startGamer starts a gamer in the room of all gamers, and returns its id.
func (w *world) startGamer(ctx context.Context, host string, timeout time.Duration) (*process, string) {
	w.t.Helper()
	p := w.startSelfAt(host, nil, "gamer", "--url="+openURL, "--host-timeout="+timeout.String())
	id, err := p.await(ctx, &p.out, `^\d+ joined (\d+)$`)
	require.NoError(w.t, err)
	return p, id
}

// sometimes is the rule of an interface on which one of fifty UDP packets that come in is lost.
func sometimes(iface string) string {
	return chain("filter", "prerouting", `iifname "`+iface+`" meta l4proto udp numgen random mod 100 < 2 drop`)
}

// Stars that outlive their hosts, and the times that their members measure. RTCPEER_LAB_LONG=1 has sixteen players and
// the default host timeout, 10 s.
func TestGames(t *testing.T) {
	need(t, "ip", "nft")
	kit := newKit(t)
	t.Run("host killed", func(t *testing.T) {
		t.Parallel()
		hostIsKilled(t, kit)
	})
	for _, l := range []line{
		{Delay: 20 * time.Millisecond},
		{Delay: 100 * time.Millisecond},
		{Delay: 10 * time.Millisecond, Back: 50 * time.Millisecond},
	} {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			timesOn(t, kit, l)
		})
	}
}

// hostIsKilled kills the host of a game while it relays at 60 Hz over lines that lose packets, and then the next one.
func hostIsKilled(t *testing.T, kit kit) {
	players, timeout := 4, time.Second
	if os.Getenv("RTCPEER_LAB_LONG") != "" {
		players, timeout = 16, 10*time.Second
	}
	w := newWorld(t, kit, plan{routers: open(players)})
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	w.startOpenServer(ctx, false)
	var gamers []*process
	var ids []string
	for i := range players {
		w.nft(public, sometimes(fmt.Sprint("line", i+1)))
		w.nft(router(i+1), sometimes("wan"))
		p, id := w.startGamer(ctx, seat(i+1), timeout)
		gamers, ids = append(gamers, p), append(ids, id)
		wantLines(t, ctx, gamers, func(at int) (all []string) {
			for other, id := range ids {
				if other != at {
					all = append(all, `^\d+ connected `+id+`$`)
				}
			}
			return all
		})
	}
	for term := 2; term <= 3; term++ {
		killed := time.Now()
		gamers[0].signal(syscall.SIGKILL)
		gamers, ids = gamers[1:], ids[1:]
		wantLines(t, ctx, gamers, func(int) []string {
			return []string{fmt.Sprintf(`^\d+ host %s term %d`, ids[0], term), `^\d+ linked with ` + ids[0] + `$`}
		})
		var last int64
		for _, p := range gamers {
			at, err := p.await(ctx, &p.out, `^(\d+) linked with `+ids[0]+`$`)
			require.NoError(t, err)
			ms, err := strconv.ParseInt(at, 10, 64)
			require.NoError(t, err)
			last = max(last, ms-killed.UnixMilli())
		}
		t.Logf("| %d | %v | %d | %d |", len(gamers), timeout, term, last)
	}
	for _, p := range gamers {
		p.interrupt()
		_, err := p.await(ctx, &p.out, `^received [1-9]\d*$`)
		require.NoError(t, err)
		require.NotContains(t, p.out.text(), "wrong")
		for _, line := range regexp.MustCompile(`(?m)^\d+ disconnected .*$`).FindAllString(p.out.text(), -1) {
			require.NotContains(t, ids[1:], strings.Fields(line)[2], "a guest that stays: %s", line)
		}
	}
}

// wantLines waits until each process has printed some lines.
func wantLines(t *testing.T, ctx context.Context, all []*process, lines func(at int) []string) {
	t.Helper()
	for at, p := range all {
		for _, line := range lines(at) {
			_, err := p.await(ctx, &p.out, line)
			require.NoError(t, err, "process %d: %s", at, line)
		}
	}
}

// timesOn measures round trips and clocks on a line whose delay is known, and perhaps not the same in both directions.
func timesOn(t *testing.T, kit kit, l line) {
	if _, err := os.Stat(tunDevice); err != nil {
		t.Skipf("no long lines: %v", err)
	}
	w := newWorld(t, kit, plan{routers: open(2), line: &l})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	w.startOpenServer(ctx, false)
	near, nearID := w.startGamer(ctx, seat(2), time.Second)
	far, farID := w.startGamer(ctx, seat(1), time.Second)
	for p, id := range map[*process]string{near: farID, far: nearID} {
		_, err := p.await(ctx, &p.out, `^\d+ connected `+id+`$`)
		require.NoError(t, err)
	}
	rtt, offset, clock := w.times(ctx, near, farID)
	far.interrupt()
	ahead, err := far.await(ctx, &far.out, `^clock (\S+)$`)
	require.NoError(t, err)
	off := (offset - (duration(t, ahead) - clock)).Abs()
	t.Logf("| %v | %.1f | %.1f |", l, rtt.Seconds()*1000, off.Seconds()*1000)
	require.Greater(t, rtt, l.Delay+l.back()-time.Millisecond)
	require.LessOrEqual(t, off, rtt/2+10*time.Millisecond, "as Node.Offset says")
}

// times returns what a gamer has measured of another one, when it has done so a few times, and of its own clock.
func (w *world) times(ctx context.Context, p *process, of string) (rtt, offset, clock time.Duration) {
	w.t.Helper()
	text := func(line string) time.Duration {
		got, err := p.await(ctx, &p.out, line)
		require.NoError(w.t, err)
		return duration(w.t, got)
	}
	rtt, offset = text(`^time 4 of `+of+` rtt (\S+) `), text(`^time 4 of `+of+` rtt \S+ offset (\S+)$`)
	p.interrupt()
	return rtt, offset, text(`^clock (\S+)$`)
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	require.NoError(t, err)
	return d
}

// open returns routers that translate nothing.
func open(n int) []kind { return slices.Repeat(kinds[:1], n) }
