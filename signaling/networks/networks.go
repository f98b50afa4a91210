// Package networks says toward whose limits an address counts. The signaling server, its listeners and the TURN
// server have limits for each address, and all of them count addresses by this rule.
package networks

import "net/netip"

// Around returns the networks toward whose limits an address counts, the narrowest first: an IPv4 address itself, and
// of an IPv6 address the /64, because one host controls all addresses in it, then the /56, which many customers get,
// and the /48, which is available to anyone who asks for it. Each network may have twice as much as the one before. For
// an address that is not valid, Around returns one prefix that is not valid.
func Around(a netip.Addr) []netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := []int{a.BitLen()}
	if a.Is6() {
		bits = []int{64, 56, 48}
	}
	list := make([]netip.Prefix, len(bits))
	for i, n := range bits {
		list[i], _ = a.Prefix(n)
	}
	return list
}

// Limited reports whether an address has limits. It has none if it may be a proxy's and stand for many clients: if it
// is not valid, loopback, link-local or private.
func Limited(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsValid() && !a.IsLoopback() && !a.IsPrivate() && !a.IsLinkLocalUnicast()
}
