//go:build linux

package lab

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a pair may take, on a machine that is busy with others: a browser starts, and
// a link has 20 seconds.
const patience = 90 * time.Second

// Every pair of kinds connects, and where it can, directly.
func TestPairs(t *testing.T) {
	t.Parallel()
	need(t, "ip", "nft", "chromium")
	kit := newKit(t)
	results := newResults()
	t.Run("world", func(t *testing.T) {
		for _, first := range kinds {
			for _, second := range kinds {
				p := plan{routers: []kind{first, second}}
				results.try(t, "apart", kit, p)
				results.try(t, "chromium", kit, p)
				results.try(t, "far", kit, plan{routers: p.routers, far: true})
				results.try(t, "lossy", kit, plan{routers: p.routers, lossy: true})
			}
			results.try(t, "one house", kit, plan{routers: []kind{first}, oneHouse: true})
		}
	})
	results.publish(t)
}

// try has a pair connect in a world of its own, beside others.
func (r *results) try(t *testing.T, table string, kit kit, p plan) {
	t.Run(table+"/"+p.keys(), func(t *testing.T) {
		t.Parallel()
		if _, err := os.Stat(tunDevice); p.far && err != nil {
			t.Skipf("no far lines: %v", err) // in CI as well: no package brings it
		}
		pairSlots.take(t)
		w := newWorld(t, kit, p)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		w.startServer(ctx)
		var first player
		var err error
		if table == "chromium" {
			first = w.startChromium(seatName(1), w.startPages(ctx), "")
			err = first.joined(ctx)
		} else {
			first, err = w.enterGo(ctx, seatName(1))
		}
		require.NoError(t, err)
		second, err := w.enterGo(ctx, seatName(2))
		require.NoError(t, err)
		require.NoError(t, first.linked(ctx))
		require.NoError(t, second.linked(ctx))
		far, err := second.found(ctx)
		require.NoError(t, err)
		near, err := first.found(ctx)
		require.NoError(t, err)
		c := connection{first: near.Local, second: far.Local, others: [2]string{near.Remote, far.Remote}, took: time.Duration(max(near.ConnectMS, far.ConnectMS) * 1e6)}
		t.Logf("%s to %s in %v", c.first, c.second, c.took)
		if p.far {
			require.Greater(t, c.took, 4*away, "a link takes more than two round trips")
		}
		switch {
		case p.oneHouse:
			require.False(t, c.relayed(), "they have a path in the house: %+v", c)
		case relayed(p.routers[0], p.routers[1]):
			require.True(t, c.relayed(), "there should be no direct path: %+v", c)
		case !p.lossy && table != "chromium": // a browser that is slow to start may miss webrtc's relayWait
			require.False(t, c.relayed(), "there is a direct path: %+v", c)
		}
		r.add(table, p, c)
	})
}
