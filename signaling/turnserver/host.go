package turnserver

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

// A host knows which addresses lead to this machine, or to all of its network, whatever the firewall in front of it
// lets through: those of its interfaces, their networks' broadcast addresses, and the anycast addresses of IPv6.
// They are read again when they are older than hostAge, for addresses come and go.
type host struct {
	reading atomic.Bool                   // somebody does
	last    atomic.Pointer[hostAddresses] // never nil
}

// hostAge is how long an address that the machine has got may be taken for somebody else's.
const hostAge = time.Second

// hostAddresses are those of one moment. Immutable.
type hostAddresses struct {
	read     time.Time
	own      map[netip.Addr]bool
	networks []netip.Prefix // in which they are
	whole    []netip.Prefix // networks of the loopback interface, which are all of this machine
}

// owns reports whether a packet for a would reach this machine, or all of its network.
func (h *host) owns(a netip.Addr) bool {
	last := h.last.Load()
	if time.Since(last.read) > hostAge && !h.reading.Swap(true) {
		// Where the system has no files left, which strangers can bring about, those of before stay.
		if now, err := readHost(); err == nil {
			h.last.Store(now)
			last = now
		}
		h.reading.Store(false)
	}
	return last.owns(a)
}

// claims asks the system, too, which may have taken an address to itself that no interface has, by a route of
// type local. That takes a socket, so it is for a permission, not for a packet. Where there is none, an address is taken
// to be of this machine.
func (h *host) claims(a netip.Addr) bool {
	if h.owns(a) {
		return true
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 9))) // sends nothing
	for _, none := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, none) {
			return true
		}
	}
	if err != nil {
		return false // no route
	}
	defer conn.Close()
	return addrPort(conn.LocalAddr()).Addr() == a
}

func readHost() (*hostAddresses, error) {
	h := &hostAddresses{read: time.Now(), own: make(map[netip.Addr]bool)}
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for _, i := range interfaces {
		list, err := i.Addrs()
		if err != nil {
			return nil, err
		}
		for _, a := range list {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				h.add(p, i.Flags&net.FlagLoopback != 0)
			}
		}
	}
	return h, nil
}

func (h *hostAddresses) add(p netip.Prefix, loopback bool) {
	p = plainPrefix(p)
	h.own[p.Addr()] = true
	if loopback {
		h.whole = append(h.whole, p.Masked())
	} else {
		h.networks = append(h.networks, p.Masked())
	}
}

// plainPrefix returns p without a zone, and one of IPv4 that is written as one of IPv6 as one of IPv4.
func plainPrefix(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return netip.PrefixFrom(p.Addr().WithZone(""), p.Bits())
}

func (h *hostAddresses) owns(a netip.Addr) bool {
	if h.own[a] || within(a, h.whole) {
		return true
	}
	for _, network := range h.networks {
		if network.Contains(a) && shared(a, network) {
			return true
		}
	}
	return false
}

// shared reports whether a is that of several machines of its network: of IPv4 the first, which was once for
// broadcasts and on some systems still is, and the last; of IPv6 the first, which every router has (RFC 4291,
// 2.6.1), and the last 128, which are reserved for anycast (RFC 2526), in both forms that those have.
func shared(a netip.Addr, network netip.Prefix) bool {
	if network.Bits() >= a.BitLen()-1 {
		return false // a link of two, or one address
	}
	if a == network.Addr() {
		return true
	}
	b, low := a.AsSlice(), byte(0xff)
	if a.Is6() {
		low = 0x80
	}
	for i := network.Bits(); i < a.BitLen(); i++ {
		bit := b[i/8] >> (7 - i%8) & 1
		switch {
		case i/8 == len(b)-1 && low>>(7-i%8)&1 == 0: // any of the last
		case bit == 0 && !(network.Bits() == 64 && i == 70): // the universal bit of an interface identifier
			return false
		}
	}
	return true
}
