//go:build linux

package lab

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/skip"
)

// A tabs is a Chromium at a seat, with several tabs in one room, and what they have said.
type tabs struct {
	*process
	seat, n int
}

// startTabs opens them. More are flags of the driver.
func (w *world) startTabs(seatNumber, n, members int, more ...string) *tabs {
	w.t.Helper()
	args := append(more, "-browser="+string(chromiumStack), "-page=tabs.html", "-url="+openURL,
		"-tabs="+strconv.Itoa(n), "-members="+strconv.Itoa(members))
	return &tabs{w.startSelfAt(seatName(seatNumber), nil, "driver", args...), seatNumber, n}
}

// count returns how many lines the tabs have said with these words after their ids.
func (p *tabs) count(words string) (n int) {
	for line := range strings.Lines(p.out.text()) {
		_, said, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(said, words) {
			n++
		}
	}
	return n
}

// awaitAll waits until they have said something so often.
func (p *tabs) awaitAll(ctx context.Context, words string, times int) error {
	for {
		p.out.mu.Lock()
		changed := p.out.changed
		p.out.mu.Unlock()
		if p.count(words) >= times {
			return nil
		}
		select {
		case <-changed:
		case <-p.ended:
			return fmt.Errorf("the tabs have ended, with %q said %d times, not %d", words, p.count(words), times)
		case <-ctx.Done():
			return fmt.Errorf("%q said %d times, not %d: %w", words, p.count(words), times, context.Cause(ctx))
		}
	}
}

// A tabCut is for how long the network of how many tabs is cut.
type tabCut struct {
	tabs  int
	lasts time.Duration
}

// tabCuts are the cuts of the short or of the long form.
func tabCuts(long bool) []tabCut {
	cuts := []tabCut{{4, 5 * time.Second}}
	if long {
		cuts = append(cuts, tabCut{4, 10 * time.Second}, tabCut{8, 10 * time.Second}, tabCut{12, 10 * time.Second}, tabCut{12, 40 * time.Second})
	}
	return cuts
}

const tabsHead = "| tabs, links | cut for | all heard of all others after ms | CPU seconds meanwhile | links |\n|---|---|---|---|---|\n"

// row is the row of the table for a cut after which everything was as it should be.
func (c tabCut) row(took int64, used time.Duration) string {
	became := "all interrupted and resumed, none lost"
	if c.lasts > givenUpAfter {
		became = "all lost, and made again"
	}
	return fmt.Sprintf("| %d, %d | %s | %d | %.1f | %s |", c.tabs, c.tabs*(c.tabs-1)/2, seconds(c.lasts), took, used.Seconds(), became)
}

// A mesh of tabs whose network is cut, their signaling and what they send each other within the machine, and comes back.
// After ten seconds all links go on, and no program is told of an end; after forty all are lost, and made again. With
// RTCPEER_LONG=all there are up to twelve tabs instead of four, and a cut of forty seconds besides those of ten.
//
// How soon all of them hear of all others again is a matter of CPU: each link may need a new path, and here both ends of all
// links share the processors of one machine. So the table has the CPU time as well.
func TestTabsOffline(t *testing.T) {
	need(t, "ip", "nft", string(chromiumStack))
	kit := newKit(t)
	var table strings.Builder
	table.WriteString(tabsHead)
	for _, c := range tabCuts(skip.Everything()) {
		n, lasts := c.tabs, c.lasts
		t.Run(fmt.Sprintf("%d tabs, %s", n, seconds(lasts)), func(t *testing.T) {
			w := newWorld(t, kit, plan{routers: []kind{homeRouter}})
			ctx, cancel := context.WithTimeout(t.Context(), patience+2*lasts)
			defer cancel()
			w.startSTUN(ctx)
			w.startOpenServer(ctx, false)
			all := w.startTabs(1, n, n)
			require.NoError(t, all.awaitAll(ctx, "linked", n))
			links := n * (n - 1)
			require.Equal(t, links, all.count("connected"))

			w.nft(seatName(1), "table ip cut {\n\tchain cut {\n\t\ttype filter hook output priority 0\n\t\tip daddr != 127.0.0.0/8 drop\n\t}\n}\n")
			time.Sleep(lasts) // it is what is tested
			require.NoError(t, all.awaitAll(ctx, "interrupted", links))
			if lasts > givenUpAfter {
				require.NoError(t, all.awaitAll(ctx, "disconnected", links))
			}
			w.nft(seatName(1), "delete table ip cut\n")
			back, used := time.Now(), all.cpuTime()
			all.tell(syscall.SIGUSR1)
			require.NoError(t, all.awaitAll(ctx, "whole", n))
			took := time.Since(back).Milliseconds()
			used = all.cpuTime() - used
			if lasts < givenUpAfter {
				require.NoError(t, all.awaitAll(ctx, "resumed", links))
				require.Zero(t, all.count("disconnected"))
				require.Equal(t, links, all.count("connected"))
			} else {
				require.NoError(t, all.awaitAll(ctx, "connected", 2*links))
				require.Equal(t, links, strings.Count(all.out.text(), " (lost)"))
				require.Equal(t, links, all.count("disconnected"))
			}
			require.Zero(t, all.count("broken"))
			require.Zero(t, all.count("failed"))
			require.Zero(t, all.count("ended"))
			fmt.Fprintln(&table, c.row(took, used))
		})
	}
	t.Logf("\n%s", &table)
	if path := os.Getenv("RTCPEER_LAB_TABS"); path != "" {
		require.NoError(t, os.WriteFile(path, []byte(table.String()), 0o644))
	}
}
