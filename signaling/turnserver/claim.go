package turnserver

import (
	"net"
	"net/netip"
	"strings"
)

// A claim says toward whose quotas an allocation counts. Pion carries it as text, in place of its user id, from the
// credential of the request to the creation of the relay.
type claim struct {
	user    string
	address netip.Prefix
}

func (c claim) String() string { return c.address.String() + " " + c.user }

// parseClaim reads the result of String. Pion's own calls, which look for a free even port, have no claim.
func parseClaim(s string) (claim, bool) {
	address, user, _ := strings.Cut(s, " ")
	prefix, err := netip.ParsePrefix(address)
	return claim{user: user, address: prefix}, err == nil
}

// countedAs returns the part of a client's address that quotas count: a whole IPv4 address, or the /64 of an IPv6
// address, because one host controls all addresses in it.
func countedAs(addr net.Addr) netip.Prefix {
	a := addrPort(addr).Addr()
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	prefix, _ := a.Prefix(bits)
	return prefix
}

// networks returns the networks that quotas count for an address: the address itself, and around the /64 of IPv6 also
// the /56, which many customers get, and the /48, which is available to anyone who asks for it.
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

// addrPort returns the address of a UDP or TCP socket as a value. Pion passes no other kinds.
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

// plainAddrPort makes addresses comparable: IPv4 in four bytes, and without zones.
func plainAddrPort(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}
