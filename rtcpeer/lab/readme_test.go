//go:build linux

package lab

import (
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/testdata/tables"
)

// The tables of README.md are those that the tests print, in the form that README.md says.
func TestTablesOfTheREADME(t *testing.T) {
	page, err := os.ReadFile("README.md")
	require.NoError(t, err)
	readme := string(page)
	t.Run("faults", func(t *testing.T) {
		var variants []string
		for _, f := range sampleFindings() {
			variants = append(variants, f.tableOf(faultCases(false))+"\n"+f.tableOf(browserFaultCases(true)))
		}
		tables.Equal(t, readme, variants...)
	})
	t.Run("tabs", func(t *testing.T) {
		variants := []string{tabsHead, tabsHead}
		for _, c := range tabCuts(true) {
			variants[0] += c.row(515, 200*time.Millisecond) + "\n"
			variants[1] += c.row(9000, 9*time.Second) + "\n"
		}
		tables.Equal(t, readme, variants...)
	})
	t.Run("games", func(t *testing.T) {
		all := append(takeovers(false), takeovers(true)...)
		var variants []string
		for n := range 2 {
			var f gameFindings
			for _, at := range all {
				f.tookOver(at, int64(n))
			}
			for _, l := range clockLines {
				f.measured(l, time.Duration(n)*time.Second, time.Duration(n)*time.Second)
			}
			variants = append(variants, f.markdown(all))
		}
		tables.Equal(t, readme, variants...)
	})
	t.Run("paths", func(t *testing.T) {
		chosen := regexp.MustCompile("RTCPEER_LAB_ROADS='(.*?)'[`, ]+RTCPEER_LAB_STACKS='(.*?)'").FindAllStringSubmatch(readme, -1)
		require.NotEmpty(t, chosen)
		variants := make([]string, 2)
		for n := range variants {
			variants[n] = samplePaths(choose(false, "", ""), n) + "\n"
			for _, c := range chosen {
				variants[n] += samplePaths(choose(true, c[1], c[2]), n) + "\n"
			}
			variants[n] += besideHead + sampleBesides(choose(false, "", ""), n)
		}
		tables.Equal(t, readme, variants...)
	})
}

// The tables of DEPLOY.md that show who connects by which path are those that TestPairs prints.
func TestTablesOfDEPLOY(t *testing.T) {
	deploy, err := os.ReadFile("../../cmd/signal-server/DEPLOY.md")
	require.NoError(t, err)
	addresses := []string{"host", "srflx", "prflx", "relay"}
	var variants []string
	for i, first := range addresses {
		for _, second := range addresses {
			r := newResults()
			c := connection{first: first, second: second, took: time.Duration(i) * time.Second}
			for _, a := range kinds {
				for _, b := range kinds {
					for _, table := range []string{"apart", "lossy", "far", "chromium"} {
						r.add(table, plan{routers: []kind{a, b}}, c)
					}
				}
				r.add("one house", plan{routers: []kind{a}}, c)
			}
			variants = append(variants, r.markdown())
		}
	}
	tables.Equal(t, string(deploy), variants...)
}

// tableOf returns the table of a run in which this was found in each case.
func (f finding) tableOf(cases []faultCase) string {
	var all findings
	for _, c := range cases {
		one := f
		one.fault, one.cast, one.place, one.order = c.fault, c.cast, c.place, c.order
		all.add(&one)
	}
	return all.markdown()
}

// sampleFindings are one in which all is as it should be, and for each thing that may be wrong one with that alone.
func sampleFindings() []finding {
	events := make(map[string]int)
	for _, kind := range []rtcpeer.EventKind{
		rtcpeer.PeerConnected, rtcpeer.PeerInterrupted, rtcpeer.PeerResumed, rtcpeer.PeerFailed, rtcpeer.SignalingLost, rtcpeer.SignalingResumed,
	} {
		events[happening{Kind: kind}.String()] = 1
	}
	for _, reason := range []rtcpeer.DisconnectReason{rtcpeer.Lost, rtcpeer.ByPeer, rtcpeer.HostGone} {
		events[happening{Kind: rtcpeer.PeerDisconnected, Reason: reason}.String()] = 1
	}
	times := [2]time.Duration{time.Second, 2 * time.Second}
	return []finding{
		{events: events, pause: times, back: time.Second, dropped: 7},
		{others: events, never: 2},
		{back: 8599 * time.Millisecond},
		{pause: [2]time.Duration{time.Hour, time.Hour}},
		{lost: 1, repeated: 1, swapped: 1},
		{backwards: 1},
		{untold: events},
		{strange: events},
	}
}

func samplePaths(c pathChoice, n int) string {
	text := pathsHead
	share := [3]float64{1, 2, 100 - float64(n)}
	for _, r := range c.roads {
		for _, stack := range c.stacks {
			f := float64(n)
			text += fmt.Sprintln(comparison{r.key, stack, f, f, f, f, f, share, share})
		}
	}
	return text
}

func sampleBesides(c pathChoice, n int) (text string) {
	for _, b := range c.besides {
		text += besideRow(b, [2]float64{float64(n), float64(n)}) + "\n"
	}
	return text
}
