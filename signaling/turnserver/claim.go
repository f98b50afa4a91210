package turnserver

import (
	"net"
	"net/netip"
	"strings"

	"example.org/rtcpeer/signaling/networks"
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

// countedAs returns the part of a client's address that quotas count.
func countedAs(addr net.Addr) netip.Prefix { return networks.Around(addrPort(addr).Addr())[0] }

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
