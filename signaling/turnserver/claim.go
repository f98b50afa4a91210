package turnserver

import (
	"net"
	"net/netip"
	"strings"
)

// A claim is who an allocation counts for. Pion carries it, as text, from the request's credential to
// the making of the relay, in the place of its user id.
type claim struct {
	user    string
	address netip.Prefix
}

func (c claim) String() string { return c.address.String() + " " + c.user }

// parseClaim reads what String wrote. Pion's own calls, which look for a free even port, have none.
func parseClaim(s string) (claim, bool) {
	address, user, _ := strings.Cut(s, " ")
	prefix, err := netip.ParsePrefix(address)
	return claim{user: user, address: prefix}, err == nil
}

// countedAs is the part of a client's address that quotas count: all of IPv4, and the /64 of IPv6,
// of which a single host has every address.
func countedAs(addr net.Addr) netip.Prefix {
	a := addrPort(addr).Addr()
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	prefix, _ := a.Prefix(bits)
	return prefix
}

// networks are what quotas count of an address: itself, and around the /64 of IPv6 also the /56, which many
// customers get, and the /48, which they get who ask for it.
func networks(address netip.Prefix) []netip.Prefix {
	list := []netip.Prefix{address}
	if address.Addr().Is4() {
		return list
	}
	for _, bits := range []int{56, 48} {
		n, _ := address.Addr().Prefix(bits)
		list = append(list, n)
	}
	return list
}

// addrPort returns the address of a UDP or TCP socket as a value; Pion has no others.
func addrPort(addr net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := addr.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	}
	return plainAddrPort(ap)
}

// plainAddrPort makes addresses comparable: IPv4 in four bytes, and no zones.
func plainAddrPort(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}
