package turnserver

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// An AddressError is returned by New if Config has no public address and the interfaces do not have exactly one.
type AddressError struct {
	Found []netip.Addr // the public addresses of the interfaces
}

func (e *AddressError) Error() string {
	const remedy = "set Config.PublicAddresses to the addresses at which clients reach this host"
	if len(e.Found) == 0 {
		return "turnserver: no public address on the interfaces: " + remedy
	}
	return fmt.Sprintf("turnserver: several public addresses on the interfaces, %v: %s", e.Found, remedy)
}

// publicAddresses checks the given addresses, or finds them.
func publicAddresses(given []netip.Addr) ([]netip.Addr, error) {
	if len(given) == 0 {
		return choosePublic(localAddresses())
	}
	var checked []netip.Addr
	for _, a := range given {
		a = a.Unmap().WithZone("")
		if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() {
			return nil, fmt.Errorf("turnserver: Config.PublicAddresses: %v is not the address of a host", a)
		}
		if _, twice := ofFamily(checked, a.Is4()); twice {
			return nil, fmt.Errorf("turnserver: Config.PublicAddresses %v: want at most one address of each family", given)
		}
		checked = append(checked, a)
	}
	return checked, nil
}

// choosePublic picks the only public IPv4 address, the only public IPv6 address, or both. Several IPv6 addresses,
// some of them temporary, are common; then it picks the IPv4 address alone.
func choosePublic(local []netip.Addr) ([]netip.Addr, error) {
	var v4, v6 []netip.Addr
	for _, a := range local {
		switch {
		case special(a):
		case a.Is4():
			v4 = append(v4, a)
		default:
			v6 = append(v6, a)
		}
	}
	switch {
	case len(v4) > 1, len(v4) == 0 && len(v6) != 1:
		return nil, &AddressError{Found: slices.Concat(v4, v6)}
	case len(v6) == 1:
		return slices.Concat(v4, v6), nil
	}
	return v4, nil
}

// localAddresses returns the addresses of the interfaces, or none if the system does not report them.
func localAddresses() []netip.Addr {
	list, _ := net.InterfaceAddrs()
	var addresses []netip.Addr
	for _, a := range list {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			addresses = append(addresses, prefix.Addr().Unmap())
		}
	}
	return addresses
}

// ofFamily returns the IPv4 address of a list, or the IPv6 address.
func ofFamily(list []netip.Addr, v4 bool) (netip.Addr, bool) {
	i := slices.IndexFunc(list, func(a netip.Addr) bool { return a.Is4() == v4 })
	if i < 0 {
		return netip.Addr{}, false
	}
	return list[i], true
}
