package turnserver

import (
	"net/netip"
	"slices"
)

// peerRules say which addresses a relay may talk to. A relay reaches everything that this host reaches, so without
// these rules a client would be inside the operator's network. CVE-2020-26262 of coturn shows how such rules can be
// bypassed. peerRules are immutable.
type peerRules struct {
	own         []netip.Addr // public addresses of relays; relay.route checks the ports
	allow, deny []netip.Prefix
}

func (r *peerRules) allows(peer netip.Addr) bool {
	peer = peer.Unmap().WithZone("")
	switch {
	case !peer.IsValid(), within(peer, r.deny), within(translated(peer), r.deny):
		return false
	case slices.Contains(r.own, peer):
		return true
	}
	return within(peer, r.allow) || !special(peer)
}

// toldOwn reports whether the configuration allows peer although it is an address of this host or of its whole
// network. It must name the address by itself and not as one of many, except for loopback, which can only be this
// host.
func (r *peerRules) toldOwn(peer netip.Addr) bool {
	return !within(peer, r.deny) && slices.ContainsFunc(r.allow, func(p netip.Prefix) bool {
		return p.Contains(peer) && (p.IsSingleIP() || peer.IsLoopback())
	})
}

// special4 are the IPv4 addresses that do not belong to one host of the public Internet: IANA's
// IPv4 special-purpose registry, and multicast.
var special4 = prefixes(
	"0.0.0.0/8",        // this network; 0.0.0.0 reaches this host
	"10.0.0.0/8",       // private
	"100.64.0.0/10",    // shared behind carriers' NATs; a cloud's metadata at 100.100.100.200
	"127.0.0.0/8",      // loopback
	"168.63.129.16/32", // public by its number, but inside Azure its DNS and metadata
	"169.254.0.0/16",   // link-local; most clouds' metadata at 169.254.169.254
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // protocol assignments; a cloud's metadata at 192.0.0.192
	"192.0.2.0/24",     // documentation
	"192.88.99.0/24",   // 6to4 relays
	"192.168.0.0/16",   // private
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved; 255.255.255.255 is broadcast
)

// global6 is the part of IPv6 that IANA has assigned to hosts. Outside of it are loopback, fc00::/7 (private, with
// the metadata services of clouds at fd00:ec2::254 and fd20:ce::254), fe80::/10, multicast, ::/96 (the deprecated
// form of IPv4 addresses) and 64:ff9b:1::/48 (IPv4 through a local translator).
var global6 = netip.MustParsePrefix("2000::/3")

// special6 are the exceptions within global6.
var special6 = prefixes(
	"2001::/23",     // protocol assignments; Teredo, which contains an IPv4 address
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4, which contains an IPv4 address
	"3fff::/20",     // documentation
)

// nat64 addresses hold, in their last four bytes, the IPv4 address to which a translator sends (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// special reports whether a does not belong to one host of the public Internet.
func special(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid():
		return true
	case a.Is4():
		return within(a, special4)
	case nat64.Contains(a):
		return within(translated(a), special4)
	}
	return !global6.Contains(a) || within(a, special6)
}

// translated returns the IPv4 address in a nat64 address, and any other address unchanged.
func translated(a netip.Addr) netip.Addr {
	if !nat64.Contains(a) {
		return a
	}
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

func within(a netip.Addr, list []netip.Prefix) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}
