package main

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/tables"
)

// The table of attacks in DEPLOY.md has the form that the program prints.
func TestTableOfDEPLOY(t *testing.T) {
	deploy, err := os.ReadFile("../../cmd/signal-server/DEPLOY.md")
	require.NoError(t, err)
	all := []*sight{
		{turnedAway: 1, memory: 1 << 20},
		{Joins: []time.Duration{time.Second}, Signals: []time.Duration{time.Second}, Refused: []string{"full"}},
	}
	variants := make([]string, len(all))
	for i, seen := range all {
		variants[i] = heading
		for _, a := range attacks {
			variants[i] += seen.row(a.name) + "\n"
		}
	}
	tables.Equal(t, string(deploy), variants...)
}
