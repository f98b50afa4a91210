//go:build !js

package doctor

import (
	"net"
	"net/netip"
)

// A Mapping is how the NAT between this end and the Internet maps UDP addresses (RFC 4787).
type Mapping string

const (
	// MappingUnknown means that there were too few answers: only one server at one port answered.
	MappingUnknown Mapping = "unknown"
	// MappingNone means that this end has a public address: there is no NAT.
	MappingNone Mapping = "none"
	// MappingIndependent means that all destinations see the same address. Links are direct unless the other
	// end is behind a symmetric NAT or has no UDP.
	MappingIndependent Mapping = "endpoint-independent"
	// MappingSymmetric means that each destination sees another address. A link needs a TURN server if the
	// other end is also behind a NAT.
	MappingSymmetric Mapping = "symmetric"
	// MappingBlocked means that there was no answer over UDP at all.
	MappingBlocked Mapping = "blocked"
)

// mappingOf compares the addresses at which destinations see one socket. port is the socket's local port and
// local are this machine's addresses.
func mappingOf(seen map[netip.AddrPort]netip.AddrPort, port uint16, local []netip.Addr) Mapping {
	if len(seen) == 0 {
		return MappingBlocked
	}
	distinct := make(map[netip.AddrPort]bool)
	for _, mapped := range seen {
		distinct[mapped] = true
		for _, address := range local {
			if mapped == netip.AddrPortFrom(address, port) {
				return MappingNone
			}
		}
	}
	switch {
	case len(distinct) > 1:
		return MappingSymmetric
	case len(seen) > 1:
		return MappingIndependent
	}
	return MappingUnknown
}

// localAddresses returns the addresses of the interfaces, or none if the system does not report them.
func localAddresses() (list []netip.Addr) {
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			list = append(list, prefix.Addr().Unmap())
		}
	}
	return list
}
