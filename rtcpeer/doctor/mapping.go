//go:build !js

package doctor

import (
	"net"
	"net/netip"
)

// A Mapping is how what stands between this end and the Internet maps UDP addresses (RFC 4787).
type Mapping string

const (
	// MappingUnknown is that of too few answers: of one server at one port only.
	MappingUnknown Mapping = "unknown"
	// MappingNone is that of a public address: there is no NAT.
	MappingNone Mapping = "none"
	// MappingIndependent is that of an address that is the same for all: a link is direct unless the
	// other end is behind a symmetric NAT, or without UDP.
	MappingIndependent Mapping = "endpoint-independent"
	// MappingSymmetric is that of another address for each destination: a link with an end behind a
	// NAT needs a TURN server.
	MappingSymmetric Mapping = "symmetric"
	// MappingBlocked is that of no answer over UDP at all.
	MappingBlocked Mapping = "blocked"
)

// mappingOf compares how destinations see one socket, whose port is given.
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

// localAddresses are those of the interfaces; none where the system does not tell.
func localAddresses() (list []netip.Addr) {
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			list = append(list, prefix.Addr().Unmap())
		}
	}
	return list
}
