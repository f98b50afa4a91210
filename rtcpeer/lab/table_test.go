//go:build linux

package lab

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A connection is what came of a pair.
type connection struct {
	first, second string    // kinds of address of the two ends, each as it knows itself
	others        [2]string // kinds of address of the other end, as the first and the second know it
	took          time.Duration
}

// relayed looks at what both ends know of both addresses: the second is asked before the first, and a link may change
// from one of its two paths through the TURN server to the other one meanwhile.
func (c connection) relayed() bool {
	return slices.Contains([]string{c.first, c.second, c.others[0], c.others[1]}, "relay")
}

func (c connection) String() string {
	if c == (connection{}) {
		return "-"
	}
	way := "direct"
	if c.relayed() {
		way = "TURN"
	}
	return fmt.Sprintf("%s, %d ms (%s, %s)", way, c.took.Milliseconds(), c.first, c.second)
}

// results are the connections of all pairs, by table and the names of the kinds.
type results struct {
	mu    sync.Mutex // guards the field below
	found map[string]connection
}

func newResults() *results { return &results{found: make(map[string]connection)} }

func (r *results) add(table string, p plan, c connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found[table+"/"+p.keys()] = c
}

// publish prints the tables, and writes them to the file that RTCPEER_LAB_TABLE names.
func (r *results) publish(t *testing.T) {
	t.Helper()
	text := r.markdown()
	t.Logf("\n%s", text)
	if path := os.Getenv("RTCPEER_LAB_TABLE"); path != "" {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
}

func (r *results) markdown() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var text strings.Builder
	r.square(&text, "apart", "First to join: row; second: column. Both are rtc-client.")
	r.square(&text, "lossy", "The same, where the line of the first one loses a tenth of its packets, each way.")
	r.square(&text, "far", "Nothing lost, and 100 ms of round trip on the line of the first one.")
	r.square(&text, "chromium", "Row: Chromium, with its addresses hidden behind mDNS; column: rtc-client, which joins second.")
	text.WriteString("Both behind the same router, rtc-client:\n\n| router | path |\n|---|---|\n")
	for _, k := range kinds {
		fmt.Fprintf(&text, "| %s | %v |\n", k.name, r.found["one house/"+k.key])
	}
	return text.String()
}

// square writes a table of each kind with each.
func (r *results) square(text *strings.Builder, table, caption string) {
	fmt.Fprintf(text, "%s\n\n| |", caption)
	for _, k := range kinds {
		fmt.Fprintf(text, " %s |", k.name)
	}
	text.WriteString("\n|---" + strings.Repeat("|---", len(kinds)) + "|\n")
	for _, first := range kinds {
		fmt.Fprintf(text, "| **%s** |", first.name)
		for _, second := range kinds {
			fmt.Fprintf(text, " %v |", r.found[table+"/"+first.key+"/"+second.key])
		}
		text.WriteString("\n")
	}
	text.WriteString("\n")
}
