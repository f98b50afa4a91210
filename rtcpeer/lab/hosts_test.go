//go:build linux

package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/skip"
)

// startGamer starts a gamer in the room of all gamers, and returns its id.
func (w *world) startGamer(ctx context.Context, host string, timeout time.Duration, flags ...string) (*process, string) {
	w.t.Helper()
	p := w.startSelfAt(host, nil, "gamer", append(flags, "--url="+openURL, "--host-timeout="+timeout.String())...)
	id, err := p.await(ctx, &p.out, `^\d+ joined (\d+)$`)
	require.NoError(w.t, err)
	return p, id
}

// sometimes is the rule of an interface on which one of fifty UDP packets that come in is lost.
func sometimes(iface string) string {
	return chain("filter", "prerouting", `iifname "`+iface+`" meta l4proto udp numgen random mod 100 < 2 drop`)
}

// Stars that outlive their hosts, and the times that their members measure. RTCPEER_LONG=all has sixteen players and
// the default host timeout, 10 s.
func TestGames(t *testing.T) {
	need(t, "ip", "nft")
	kit := newKit(t)
	var found gameFindings
	t.Cleanup(func() { t.Logf("\n%s", found.markdown(takeovers(skip.Everything()))) })
	t.Run("host killed", func(t *testing.T) {
		t.Parallel()
		hostIsKilled(t, kit, false, &found)
	})
	t.Run("elected host killed at once", func(t *testing.T) {
		t.Parallel()
		hostIsKilled(t, kit, true, &found)
	})
	t.Run("nobody can be host", func(t *testing.T) {
		t.Parallel()
		nobodyCanBeHost(t, kit)
	})
	t.Run("host started again", func(t *testing.T) {
		t.Parallel()
		hostIsStartedAgain(t, kit)
	})
	for _, l := range clockLines {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			timesOn(t, kit, l, &found)
		})
	}
}

// hostIsKilled kills the host of a game while it relays at 60 Hz over lines that lose packets, and then the next one: when all
// are linked with it, or as soon as it knows that it is the host.
func hostIsKilled(t *testing.T, kit kit, atOnce bool, found *gameFindings) {
	players, timeout := gameSize(skip.Everything())
	w, ctx := newGame(t, kit, players)
	gamers, ids := w.startGamers(ctx, players, func(int) []string { return nil }, timeout)
	wantHeard(ctx, t, gamers, ids, 1)
	for term := 2; term <= 3; term++ {
		killed := time.Now()
		gamers[0].signal(syscall.SIGKILL)
		gamers, ids = gamers[1:], ids[1:]
		if atOnce && term == 2 {
			_, err := gamers[0].await(ctx, &gamers[0].out, fmt.Sprintf(`^\d+ host %s term 2`, ids[0]))
			require.NoError(t, err)
			continue
		}
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
		found.tookOver(takeover{len(gamers), timeout, term, atOnce}, last)
		wantHeard(ctx, t, gamers, ids, term)
	}
	endGamers(ctx, t, gamers, ids[1:])
}

// newGame is a world with a server and so many players, whose lines lose packets.
func newGame(t *testing.T, kit kit, players int) (*world, context.Context) {
	w := newWorld(t, kit, plan{routers: open(players)})
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	w.startOpenServer(ctx, false)
	for i := range players {
		w.nft(public, sometimes(fmt.Sprint("line", i+1)))
		w.nft(routerName(i+1), sometimes("wan"))
	}
	return w, ctx
}

// startGamers starts one gamer after the other, each with its flags. The first is the host. It returns when all know of all.
func (w *world) startGamers(ctx context.Context, players int, flags func(i int) []string, timeout time.Duration) (gamers []*process, ids []string) {
	w.t.Helper()
	for i := range players {
		p, id := w.startGamer(ctx, seatName(i+1), timeout, flags(i)...)
		gamers, ids = append(gamers, p), append(ids, id)
		wantLines(w.t, ctx, gamers, func(at int) (all []string) {
			for other, id := range ids {
				if other != at {
					all = append(all, `^\d+ connected `+id+`$`)
				}
			}
			return all
		})
	}
	return gamers, ids
}

// wantHeard waits until each gamer has heard each other one under the host of a term.
func wantHeard(ctx context.Context, t *testing.T, gamers []*process, ids []string, term int) {
	t.Helper()
	wantLines(t, ctx, gamers, func(at int) (all []string) {
		for other, id := range ids {
			if other != at {
				all = append(all, fmt.Sprintf(`^\d+ heard %s in term %d$`, id, term))
			}
		}
		return all
	})
}

// endGamers ends gamers. Each has received packets, none twice or out of order, and those that stayed were always connected.
func endGamers(ctx context.Context, t *testing.T, gamers []*process, stay []string) {
	t.Helper()
	for _, p := range gamers {
		p.interrupt()
		_, err := p.await(ctx, &p.out, `^received [1-9]\d*$`)
		require.NoError(t, err)
		require.NotContains(t, p.out.text(), "wrong")
		for _, line := range regexp.MustCompile(`(?m)^\d+ disconnected .*$`).FindAllString(p.out.text(), -1) {
			require.NotContains(t, stay, strings.Fields(line)[2], "a guest that stays: %s", line)
		}
	}
}

// nobodyCanBeHost kills the host of a game whose guests may not be the host: each is told that the room has ended, and why.
func nobodyCanBeHost(t *testing.T, kit kit) {
	w, ctx := newGame(t, kit, 3)
	gamers, _ := w.startGamers(ctx, 3, func(i int) []string { return []string{fmt.Sprintf("--never-host=%v", i > 0)} }, time.Second)
	gamers[0].signal(syscall.SIGKILL)
	wantLines(t, ctx, gamers[1:], func(int) []string {
		return []string{`^\d+ ended rtcpeer: the host is gone: .*nobody there can take its place$`}
	})
}

// hostIsStartedAgain kills the host of a game, and starts its program again: it is the host that it was.
func hostIsStartedAgain(t *testing.T, kit kit) {
	w, ctx := newGame(t, kit, 3)
	place := "--place=" + filepath.Join(t.TempDir(), "token")
	gamers, ids := w.startGamers(ctx, 3, func(i int) []string {
		if i == 0 {
			return []string{place}
		}
		return nil
	}, 10*time.Second)
	killed := time.Now()
	gamers[0].signal(syscall.SIGKILL)
	require.NoError(t, gamers[0].gone(ctx))
	again, id := w.startGamer(ctx, seatName(1), 10*time.Second, place)
	require.Equal(t, ids[0], id)
	gamers[0] = again
	wantLines(t, ctx, gamers, func(at int) []string {
		if at == 0 {
			return []string{`^\d+ heard ` + ids[1] + ` in term 1$`, `^\d+ heard ` + ids[2] + ` in term 1$`}
		}
		return []string{`(?s)^\d+ disconnected ` + ids[0] + ` .*^\d+ connected ` + ids[0] + `$.*^\d+ heard ` + ids[0] + ` in term 1$`}
	})
	t.Logf("the host was there again after %d ms", time.Since(killed).Milliseconds())
	for _, p := range gamers {
		require.NotContains(t, p.out.text(), " term 2")
	}
	endGamers(ctx, t, gamers, nil)
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
func timesOn(t *testing.T, kit kit, l line, found *gameFindings) {
	if _, err := os.Stat(tunDevice); err != nil {
		t.Skipf("no long lines: %v", err)
	}
	w := newWorld(t, kit, plan{routers: open(2), line: &l})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	w.startOpenServer(ctx, false)
	near, nearID := w.startGamer(ctx, seatName(2), time.Second)
	far, farID := w.startGamer(ctx, seatName(1), time.Second)
	for p, id := range map[*process]string{near: farID, far: nearID} {
		_, err := p.await(ctx, &p.out, `^\d+ connected `+id+`$`)
		require.NoError(t, err)
	}
	rtt, offset, clock := w.times(ctx, near, farID)
	far.interrupt()
	ahead, err := far.await(ctx, &far.out, `^clock (\S+)$`)
	require.NoError(t, err)
	off := (offset - (duration(t, ahead) - clock)).Abs()
	found.measured(l, rtt, off)
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
