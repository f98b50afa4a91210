//go:build unix

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// cpuOf returns how long processes have run, to a hundredth of a second.
func cpuOf(t *testing.T, daemons []*daemon) (sum time.Duration) {
	t.Helper()
	for _, d := range daemons {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
		require.NoError(t, err)
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		for _, field := range fields[11:13] { // utime and stime, in ticks, of which Linux has 100 a second
			ticks, err := strconv.Atoi(field)
			require.NoError(t, err)
			sum += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return sum
}

// costs measures the CPU of all servers and of NATS for joins and signals at the owner of a room, and at another server.
func (c *manyRooms) costs(t *testing.T) {
	t.Helper()
	const joins, signals = 300, 3000
	f := c.fleet
	var took [2][4]time.Duration
	for at := range 2 { // room-0 is of server 0
		servers, nodes := cpuOf(t, f.servers[:]), cpuOf(t, f.nodes[:])
		for range joins {
			g := &guest{fleet: f, join: signaling.Join{Room: "room-0"}, at: at}
			require.NoError(t, g.enter())
			g.leaveNow()
		}
		took[at][0], took[at][1] = (cpuOf(t, f.servers[:])-servers)/joins, (cpuOf(t, f.nodes[:])-nodes)/joins
		servers, nodes = cpuOf(t, f.servers[:]), cpuOf(t, f.nodes[:])
		from := c.rooms[0][at]
		to := c.rooms[0][3*(1-at)] // at server 0
		for range signals {
			require.NoError(t, from.write(signaling.Signal{To: to.welcome.ID, Data: []byte(`"x"`)}))
			<-to.got
		}
		took[at][2], took[at][3] = (cpuOf(t, f.servers[:])-servers)/signals, (cpuOf(t, f.nodes[:])-nodes)/signals
	}
	for i, what := range []string{"join and leave, servers", "join and leave, NATS", "signal, servers", "signal, NATS"} {
		ratio := "no ratio"
		if took[0][i] > 0 {
			ratio = fmt.Sprintf("%.1f times", float64(took[1][i])/float64(took[0][i]))
		}
		t.Logf("CPU of a %-24s at the owner %v, at another server %v: %s", what, took[0][i], took[1][i], ratio)
	}
}
