//go:build linux

package load

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/tables"
)

// The tables of DEPLOY.md with the figures of the server have the form that TestNode and TestGrowth print.
func TestTablesOfDEPLOY(t *testing.T) {
	deploy, err := os.ReadFile("../../cmd/signal-server/DEPLOY.md")
	require.NoError(t, err)
	variants := make([]string, 2)
	for v := range variants {
		took := time.Duration(v+1) * time.Second
		m := marks{joined: took, sent: took, full: 1e9 * (v + 1)}
		m.report.Joins.Count, m.report.Messages.Count = 1, 1
		m.report.Joins.PerSecond, m.report.Joins.P50, m.report.Messages.PerSecond = float64(v), float64(v), float64(v)
		variants[v] = growthHead
		for _, n := range sizes {
			variants[v] += m.growthRow(n) + "\n"
		}
		variants[v] += "\n" + nodeHead
		node := &runner{joins: []time.Duration{time.Second}, messages: []time.Duration{time.Second}}
		for _, r := range newRunners() {
			r.cold, r.joins, r.messages = m, []time.Duration{took}, []time.Duration{took}
			variants[v] += r.row(node) + "\n"
		}
	}
	tables.Equal(t, string(deploy), variants...)
}
