package turnserver

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/turn/v5"
	"github.com/stretchr/testify/require"
)

// Each class of address, as itself, and of IPv4 also in the forms that IPv6 has for it.
func TestPeerRules(t *testing.T) {
	rules := peerRules{own: []netip.Addr{netip.MustParseAddr("10.9.9.9")}}
	for _, tt := range []struct {
		class string
		peers []string
		want  bool
	}{
		{"loopback", []string{"127.0.0.1", "127.0.0.0", "127.255.255.255", "::1"}, false},
		{"private", []string{"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.1", "192.168.255.255", "fc00::1", "fdff::1"}, false},
		{"carriers", []string{"100.64.0.0", "100.127.255.255"}, false},
		{"link-local", []string{"169.254.0.1", "169.254.255.255", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1"}, false},
		{"metadata", []string{"169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254"}, false},
		{"multicast", []string{"224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"}, false},
		{"nowhere", []string{"0.0.0.0", "0.255.255.255", "::"}, false},
		{"broadcast", []string{"255.255.255.255", "240.0.0.1"}, false},
		{"documentation", []string{"192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "2001:db8::1", "3fff::1"}, false},
		{"IPv4 inside", []string{"::7f00:1", "2002:7f00:1::1", "2001:0:7f00:1::1", "64:ff9b:1::7f00:1"}, false},
		{"unassigned", []string{"4000::1", "100::1", "5f00::1"}, false},
		{"own", []string{"10.9.9.9", "::ffff:10.9.9.9"}, true},
		{"public", []string{"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
			"169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "223.255.255.255",
			"2606:4700::1111", "2a00::1", "64:ff9b::101:101"}, true},
	} {
		for _, peer := range tt.peers {
			a := netip.MustParseAddr(peer)
			require.Equal(t, tt.want, rules.allows(a), "%s %s", tt.class, peer)
			if !a.Is4() {
				continue
			}
			mapped := netip.MustParseAddr("::ffff:" + peer)
			require.Equal(t, tt.want, rules.allows(mapped), "%s %s", tt.class, mapped)
			if tt.class == "own" {
				continue
			}
			b := a.As4()
			byNAT := netip.MustParseAddr(fmt.Sprintf("64:ff9b::%02x%02x:%02x%02x", b[0], b[1], b[2], b[3]))
			require.Equal(t, tt.want, rules.allows(byNAT), "%s %s", tt.class, byNAT)
		}
	}
	require.False(t, rules.allows(netip.Addr{}), "what is no address")
}

func TestPeerRulesAsTold(t *testing.T) {
	rules := peerRules{
		own:   []netip.Addr{netip.MustParseAddr("10.9.9.9")},
		allow: prefixes("192.168.0.0/16", "10.0.0.0/8"),
		deny:  prefixes("192.168.1.0/24", "1.1.1.1/32"),
	}
	for peer, want := range map[string]bool{
		"192.168.2.1": true, "::ffff:192.168.2.1": true,
		"192.168.1.1": false, "1.1.1.1": false, "64:ff9b::101:101": false,
		"172.16.0.1": false, "1.1.1.2": true, "10.9.9.9": true,
	} {
		require.Equal(t, want, rules.allows(netip.MustParseAddr(peer)), peer)
	}
}

func TestFoundAddress(t *testing.T) {
	for _, tt := range []struct {
		name  string
		local []string
		want  []string // nil: an AddressError
	}{
		{"a rented machine", []string{"127.0.0.1", "::1", "1.2.3.4", "fe80::1"}, []string{"1.2.3.4"}},
		{"with IPv6", []string{"127.0.0.1", "1.2.3.4", "2a00::1", "fd00::1"}, []string{"1.2.3.4", "2a00::1"}},
		{"with temporary addresses", []string{"1.2.3.4", "2a00::1", "2a00::2"}, []string{"1.2.3.4"}},
		{"IPv6 alone", []string{"10.0.0.1", "2a00::1"}, []string{"2a00::1"}},
		{"behind a NAT", []string{"127.0.0.1", "192.168.1.2"}, nil},
		{"several", []string{"1.2.3.4", "1.2.3.5", "2a00::1"}, nil},
		{"several, only IPv6", []string{"2a00::1", "2a00::2"}, nil},
		{"none", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := choosePublic(addresses(tt.local))
			if tt.want != nil {
				require.NoError(t, err)
				require.Equal(t, addresses(tt.want), got)
				return
			}
			var wrong *AddressError
			require.ErrorAs(t, err, &wrong)
			require.ErrorContains(t, err, "set Config.PublicAddresses to the addresses at which clients reach this host")
		})
	}
}

// Pion gets the even port it asks for at once, and not without end.
func TestEvenPorts(t *testing.T) {
	config, err := Config{PublicAddresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, MinPort: 23731, MaxPort: 23735}.withDefaults()
	require.NoError(t, err)
	s := &Server{config: config, log: config.Log, registry: newRegistry(&config)}
	g := newRelays(s)
	for range probeBurst {
		conn, addr, err := g.AllocatePacketConn(turn.AllocateListenerConfig{Network: "udp4"})
		require.NoError(t, err)
		require.Contains(t, []uint16{23732, 23734}, addrPort(addr).Port())
		require.NoError(t, conn.Close())
	}
	require.Eventually(t, func() bool {
		conn, _, err := g.AllocatePacketConn(turn.AllocateListenerConfig{Network: "udp4"})
		if err == nil {
			conn.Close()
		}
		return err != nil
	}, 10*time.Second, time.Microsecond)
	who := claim{user: "a", address: netip.MustParsePrefix("192.0.2.7/32")}.String()
	_, _, err = g.AllocatePacketConn(turn.AllocateListenerConfig{Network: "udp4", UserID: who, RequestedPort: 23736})
	require.ErrorIs(t, err, errUnsupported, "the port after a reserved one, out of the range")
}

func addresses(list []string) []netip.Addr {
	var out []netip.Addr
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

// What a /64 may have, a /56 may have twice and a /48 four times, however many /64 there are in it.
func TestQuotasOfNetworks(t *testing.T) {
	for name, row := range map[string]struct {
		layout string
		want   int
	}{
		"a /64":      {"2a00:1:2:3:%x::1", 3},
		"a /56":      {"2a00:1:2:%x::1", 6},
		"a /48":      {"2a00:1:2:%x00::1", 12},
		"three /48s": {"2a00:1:%x::1", 48},
		"IPv4":       {"192.0.2.%d", 48},
	} {
		t.Run(name, func(t *testing.T) {
			p := newRegistry(&Config{MaxAllocations: 1000, MaxStreams: 1000, PerUser: -1, PerAddress: 3})
			var claims []claim
			for i := range 16 {
				for range 10 {
					address := countedAs(&net.UDPAddr{IP: net.ParseIP(fmt.Sprintf(row.layout, i))})
					c := claim{user: "a", address: address}
					w, ok := p.take(c)
					if ok {
						claims = append(claims, c)
					} else {
						require.Equal(t, refusedQuotaAddress, w)
					}
					raw := &net.TCPAddr{IP: net.ParseIP(fmt.Sprintf(row.layout, i)), Port: len(p.streams) + 1}
					p.addStream(&stream{key: streamKey{remote: addrPort(raw)}, address: address})
				}
			}
			require.Len(t, claims, row.want)
			require.Len(t, p.streams, row.want)
			for _, c := range claims {
				p.free(c)
			}
			for _, s := range p.streams {
				p.removeStream(s)
			}
			require.Empty(t, p.byAddress)
			require.Empty(t, p.streamsOf)
		})
	}
}
