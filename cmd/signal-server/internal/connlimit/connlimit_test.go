package connlimit

import (
	"fmt"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/signal-server/internal/proxy"
)

// What counts as one, and what does not count: it may be a proxy, behind which is everybody.
func TestLimiterTellsAddressesApart(t *testing.T) {
	trusted := (&proxy.Options{Trusted: []string{"198.51.100.0/24"}}).Networks()
	for _, c := range []struct {
		name    string
		from    [2]string
		limited bool
	}{
		{"one address", [2]string{"203.0.113.5", "203.0.113.5"}, true},
		{"IPv4 in IPv6", [2]string{"203.0.113.5", "::ffff:203.0.113.5"}, true},
		{"one /64", [2]string{"2001:db8::1", "2001:db8::ffff:0:0:1"}, true},
		{"two addresses", [2]string{"203.0.113.5", "203.0.113.6"}, false},
		{"two /64", [2]string{"2001:db8::1", "2001:db8:0:1::1"}, false},
		{"loopback", [2]string{"127.0.0.1", "127.0.0.1"}, false},
		{"a private network", [2]string{"10.0.0.1", "10.0.0.1"}, false},
		{"link-local", [2]string{"fe80::1%eth0", "fe80::1%eth0"}, false},
		{"a trusted proxy", [2]string{"198.51.100.7", "198.51.100.7"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := New(10, 1, trusted, slog.New(slog.DiscardHandler), nil)
			first, second := l.CountedAs(netip.MustParseAddr(c.from[0])), l.CountedAs(netip.MustParseAddr(c.from[1]))
			require.Empty(t, l.enter(first))
			if !c.limited {
				require.Empty(t, l.enter(second))
				l.leave(second)
				l.leave(first)
			} else {
				require.Equal(t, Address, l.enter(second))
				l.leave(first)
				require.Empty(t, l.enter(second), "one has gone")
				l.leave(second)
			}
			require.Zero(t, l.open)
			require.Empty(t, l.counts, "nothing is remembered of who has gone")
		})
	}
}

// A network has bounds, too: many /64 of one customer do not take all connections.
func TestLimiterBoundsNetworks(t *testing.T) {
	for layout, want := range map[string]int{
		"2001:db8:0:%x::1":   20, // a /56
		"2001:db8:0:%x00::1": 40, // a /48
		"2001:db8:%x::1":     500,
	} {
		l := New(10_000, 10, nil, slog.New(slog.DiscardHandler), nil)
		var open []netip.Addr
		for i := range 50 {
			from := l.CountedAs(netip.MustParseAddr(fmt.Sprintf(layout, i)))
			for range 20 {
				if l.enter(from) == "" {
					open = append(open, from)
				}
			}
		}
		require.Len(t, open, want, layout)
		for _, from := range open {
			l.leave(from)
		}
		require.Empty(t, l.counts)
	}
}
