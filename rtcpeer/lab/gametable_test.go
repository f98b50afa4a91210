//go:build linux

package lab

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// gameSize is how many players a game has, and the room's host timeout.
func gameSize(long bool) (players int, timeout time.Duration) {
	if long {
		return 16, 10 * time.Second
	}
	return 4, time.Second
}

// A takeover is what the new host of a game finds.
type takeover struct {
	guests  int // that are left
	timeout time.Duration
	term    int
	atOnce  bool // the host before it was killed as soon as it was elected
}

// takeovers are those of all games, in the order of the table.
func takeovers(long bool) []takeover {
	players, timeout := gameSize(long)
	return []takeover{{players - 1, timeout, 2, false}, {players - 2, timeout, 3, false}, {players - 2, timeout, 3, true}}
}

// clockLines are the lines on which clocks are compared.
var clockLines = []line{
	{Delay: 20 * time.Millisecond},
	{Delay: 100 * time.Millisecond},
	{Delay: 10 * time.Millisecond, Back: 50 * time.Millisecond},
}

// gameFindings are what TestGames measures.
type gameFindings struct {
	mu     sync.Mutex // guards the fields below
	linked map[takeover]int64
	clocks map[line]clockFinding
}

type clockFinding struct{ rtt, wrong time.Duration }

// tookOver notes after how many milliseconds the last guest had its link with the new host.
func (f *gameFindings) tookOver(at takeover, ms int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.linked == nil {
		f.linked = make(map[takeover]int64)
	}
	f.linked[at] = ms
}

// measured notes what Node.RTT says, and by how much Node.Offset is wrong.
func (f *gameFindings) measured(on line, rtt, wrong time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.clocks == nil {
		f.clocks = make(map[line]clockFinding)
	}
	f.clocks[on] = clockFinding{rtt, wrong}
}

// markdown has "-" for what was not measured.
func (f *gameFindings) markdown(all []takeover) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var text strings.Builder
	text.WriteString("| guests left | host timeout | term | until the last one had its link with the new host, ms |\n|---|---|---|---|\n")
	for _, at := range all {
		mark, took := "", "-"
		if at.atOnce {
			mark = " *"
		}
		if ms, is := f.linked[at]; is {
			took = fmt.Sprint(ms)
		}
		fmt.Fprintf(&text, "| %d | %.0f s | %d%s | %s |\n", at.guests, at.timeout.Seconds(), at.term, mark, took)
	}
	text.WriteString("\n| line | RTT, ms | offset wrong by, ms |\n|---|---|---|\n")
	for _, l := range clockLines {
		rtt, wrong := "-", "-"
		if c, is := f.clocks[l]; is {
			rtt, wrong = fmt.Sprintf("%.1f", c.rtt.Seconds()*1000), fmt.Sprintf("%.1f", c.wrong.Seconds()*1000)
		}
		fmt.Fprintf(&text, "| %v | %s | %s |\n", l, rtt, wrong)
	}
	return text.String()
}
