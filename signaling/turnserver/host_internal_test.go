package turnserver

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHostAddresses(t *testing.T) {
	var h hostAddresses
	h.own = make(map[netip.Addr]bool)
	for _, p := range []string{"8.8.4.4/24", "9.9.9.9/32", "9.9.8.0/31", "::ffff:7.7.7.7/124", "2a00:1:2:3::7/64", "2a00:9::7/112", "2a00:8::/127"} {
		h.add(netip.MustParsePrefix(p), false)
	}
	h.add(netip.MustParsePrefix("127.0.0.1/8"), true)
	h.add(netip.MustParsePrefix("198.18.5.1/24"), true)
	for _, row := range []struct {
		what  string
		owned []string
		not   []string
	}{
		{"interfaces", []string{"8.8.4.4", "9.9.9.9", "9.9.8.0", "7.7.7.7", "2a00:1:2:3::7", "2a00:8::"}, []string{"8.8.4.5", "9.9.9.8", "9.9.8.1", "2a00:8::1", "2a00:1:2:3::8"}},
		{"broadcast", []string{"8.8.4.255", "7.7.7.15"}, []string{"8.8.5.255", "7.7.7.31", "9.9.9.255", "8.8.4.127"}},
		{"the first of a network", []string{"8.8.4.0", "7.7.7.0"}, []string{"8.8.8.0", "9.9.9.0"}},
		{"routers of IPv6", []string{"2a00:1:2:3::", "2a00:9::"}, []string{"2a00:1:2:4::", "2a00:9::1:0"}},
		{"anycast of IPv6", []string{"2a00:1:2:3:fdff:ffff:ffff:ff80", "2a00:1:2:3:fdff:ffff:ffff:fffe", "2a00:1:2:3:ffff:ffff:ffff:ffff", "2a00:9::ff80", "2a00:9::ffff"},
			[]string{"2a00:1:2:3:fdff:ffff:ffff:ff7f", "2a00:1:2:3:fcff:ffff:ffff:ffff", "2a00:9::ff7f", "2a00:9::fe80"}},
		{"all of loopback", []string{"127.0.0.1", "127.9.9.9", "198.18.5.77"}, []string{"198.18.6.1"}},
	} {
		for _, a := range row.owned {
			require.True(t, h.owns(netip.MustParseAddr(a)), "%s: %s", row.what, a)
		}
		for _, a := range row.not {
			require.False(t, h.owns(netip.MustParseAddr(a)), "%s: %s", row.what, a)
		}
	}
}

// An own address is relayed to only where it is named alone.
func TestOwnAddressesAreNamed(t *testing.T) {
	rules := peerRules{allow: prefixes("10.0.0.0/8", "192.168.1.7/32", "127.0.0.0/8", "fd00::/8"), deny: prefixes("127.0.0.2/32")}
	for peer, want := range map[string]bool{"10.0.0.1": false, "192.168.1.7": true, "127.0.0.1": true, "127.0.0.2": false, "fd00::1": false} {
		require.Equal(t, want, rules.toldOwn(netip.MustParseAddr(peer)), peer)
	}
}

// A network of IPv4 may be written as one of IPv6.
func TestRulesOfIPv4InIPv6(t *testing.T) {
	mapped := func(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }
	c, err := Config{UDP: "127.0.0.1:0", TCP: Off, PublicAddresses: []netip.Addr{netip.MustParseAddr("::ffff:203.0.113.7")},
		AllowPeers: mapped("::ffff:10.0.0.0/104"), DenyPeers: mapped("::ffff:9.9.9.0/120")}.withDefaults()
	require.NoError(t, err)
	rules := peerRules{own: c.PublicAddresses, allow: c.AllowPeers, deny: c.DenyPeers}
	for peer, want := range map[string]bool{"10.1.2.3": true, "192.168.0.1": false, "9.9.9.9": false, "::ffff:9.9.9.9": false, "9.9.8.9": true, "203.0.113.7": true, "64:ff9b::909:909": false} {
		require.Equal(t, want, rules.allows(netip.MustParseAddr(peer)), peer)
	}
	_, err = Config{UDP: "127.0.0.1:0", TCP: Off, PublicAddresses: c.PublicAddresses, AllowPeers: []netip.Prefix{{}}}.withDefaults()
	require.ErrorContains(t, err, "Config.AllowPeers")
}
