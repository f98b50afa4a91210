package turnserver

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

// A host knows which addresses lead to this machine, or to all machines of its network, whatever a firewall in front
// of it admits: those of its interfaces, the broadcast addresses of their networks, and the anycast addresses of
// IPv6. It reads them again when they are older than hostAge, because addresses come and go.
type host struct {
	reading atomic.Bool                   // some goroutine is reading the addresses
	last    atomic.Pointer[hostAddresses] // never nil
}

// hostAge is how long a new address of this machine may be taken for an address of another one.
const hostAge = time.Second

// hostAddresses are the addresses at one moment. They are immutable.
type hostAddresses struct {
	read     time.Time
	own      map[netip.Addr]bool
	networks []netip.Prefix // the networks of these addresses
	whole    []netip.Prefix // networks of the loopback interface, all of whose addresses lead to this machine
}

// owns reports whether a packet for a would reach this machine, or all of its network.
func (h *host) owns(a netip.Addr) bool {
	last := h.last.Load()
	if time.Since(last.read) > hostAge && !h.reading.Swap(true) {
		// If the system has no files left, which clients can cause, the earlier addresses stay.
		if now, err := readHost(); err == nil {
			h.last.Store(now)
			last = now
		}
		h.reading.Store(false)
	}
	return last.owns(a)
}

// claims is owns, but also asks the system, which may treat an address as its own although no interface has it, by a
// route of type local. That takes a socket, so it is done for each permission, not for each packet. If no socket is
// available, the address is taken to be of this machine.
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

// plainPrefix returns p without a zone. It returns an IPv4 prefix in IPv6 form as an IPv4 prefix.
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

// shared reports whether several machines of a network have the address a. In IPv4 these are the first address, which
// was once for broadcasts and still is on some systems, and the last one. In IPv6 these are the first one, which
// every router has (RFC 4291, 2.6.1), and the last 128, which are reserved for anycast (RFC 2526), in both of their
// forms.
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
		case i/8 == len(b)-1 && low>>(7-i%8)&1 == 0: // the low bits may have any value
		case bit == 0 && !(network.Bits() == 64 && i == 70): // bit 70 is the universal bit of an interface identifier
			return false
		}
	}
	return true
}
