package signalserver

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/clock"
)

// fillUp has each address take as much as it gets, a KiB at a time, and returns how much all of them have.
func fillUp(a *addresses, remotes []string) int64 {
	for _, remote := range remotes {
		a.mu.Lock()
		one := a.find(netip.MustParseAddr(remote))
		a.mu.Unlock()
		for one.Hold(1<<10) == nil {
		}
	}
	return a.budget.used.Load()
}

// However many addresses, networks and sizes there are, something is left for the next one.
func TestBudgetOfManyAddresses(t *testing.T) {
	const most = 64 << 20
	list := func(n int, format string) (remotes []string) {
		for i := range n {
			remotes = append(remotes, fmt.Sprintf(format, i/256, i%256))
		}
		return remotes
	}
	for name, c := range map[string]struct {
		remotes []string
		most    int64 // in percent of the budget
	}{
		"one address":               {list(1, "203.0.%d.%d"), 5},
		"its /64":                   {list(500, "2001:db8::%x:%x"), 5},
		"all /64 of a /56":          {list(256, "2001:db8:0:%d%02x::1"), 9},
		"all /56 of a /48":          {list(256, "2001:db8:%d:%02x00::1"), 16},
		"65,536 /64 of a /48":       {list(65_536, "2001:db8:0:%02x%02x::1"), 16},
		"100 addresses":             {list(100, "198.51.%d.%d"), 80},
		"1,000 addresses":           {list(1000, "198.51.%d.%d"), 100},
		"100 /48":                   {list(100, "2001:db8:%x%02x::1"), 80},
		"a proxy's, for everybody":  {[]string{"10.0.0.1"}, 100},
		"a proxy's, in its network": {list(500, "fd00::%x:%x"), 100},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAddresses(Config{MaxSessions: 1, MaxBuffered: most}, clock.New(1))
			used := fillUp(a, c.remotes)
			require.LessOrEqual(t, used*100/most, c.most)
			before := used
			if c.most < 100 {
				used = fillUp(a, []string{"192.0.2.1"})
				require.Greater(t, used-before, int64(most/1100), "who comes now has room, too")
			}
			require.LessOrEqual(t, used, a.budget.most)
		})
	}
}

// Each refusal says whose bound it is, and takes nothing.
func TestBudgetRefuses(t *testing.T) {
	all := &addresses{budget: budget{most: 102_400}}
	wide := &address{all: all, share: 2}
	one := &address{all: all, share: 1, wider: wide}
	proxy := &address{all: all, open: true}
	require.Nil(t, one.Hold(4000))
	require.Equal(t, signaling.CodeRateLimited, one.Hold(1000).Code, "a sixteenth of three quarters")
	require.EqualValues(t, 4000, one.held.Load())
	require.EqualValues(t, 4000, wide.held.Load())
	require.Nil(t, proxy.Hold(90_000))
	require.Equal(t, signaling.CodeServerFull, proxy.Hold(10_000).Code)
	require.Equal(t, signaling.CodeRateLimited, one.Hold(1).Code, "it has more than it may have now")
	require.Nil(t, (&address{all: all, share: 1}).Hold(100), "a 1024th in any case")
	one.Force(1000)
	one.Release(5000)
	require.Zero(t, one.held.Load())
	require.Zero(t, wide.held.Load())
	require.EqualValues(t, 90_100, all.budget.used.Load())
}
