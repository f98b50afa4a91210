package networks

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAround(t *testing.T) {
	for _, c := range []struct {
		name, address string
		want          []string
		limited       bool
	}{
		{"IPv4", "203.0.113.5", []string{"203.0.113.5/32"}, true},
		{"IPv4 in IPv6", "::ffff:203.0.113.5", []string{"203.0.113.5/32"}, true},
		{"IPv6", "2001:db8:1:234::5", []string{"2001:db8:1:234::/64", "2001:db8:1:200::/56", "2001:db8:1::/48"}, true},
		{"loopback", "127.0.0.1", []string{"127.0.0.1/32"}, false},
		{"a private network", "10.0.0.1", []string{"10.0.0.1/32"}, false},
		{"a private network in IPv6", "fd00::1", []string{"fd00::/64", "fd00::/56", "fd00::/48"}, false},
		{"link-local with a zone", "fe80::1%eth0", []string{"fe80::/64", "fe80::/56", "fe80::/48"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := netip.MustParseAddr(c.address)
			var got []string
			for _, p := range Around(a) {
				got = append(got, p.String())
			}
			require.Equal(t, c.want, got)
			require.Equal(t, c.limited, Limited(a))
		})
	}
	require.Equal(t, []netip.Prefix{{}}, Around(netip.Addr{}))
	require.False(t, Limited(netip.Addr{}))
}
