package main

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

type proxyOptions struct {
	Trusted  []string `name:"trusted-proxy" placeholder:"PREFIX" help:"Proxy whose X-Forwarded-For is believed."`
	Protocol bool     `name:"proxy-protocol" help:"It sends a PROXY header instead, to TURN too."`
}

func (o *proxyOptions) check(p *problems) {
	if o.Protocol && len(o.Trusted) == 0 {
		p.add("--proxy-protocol: needs --trusted-proxy, the addresses that may say who connects")
	}
	for _, s := range o.Trusted {
		if _, err := parsePrefix(s); err != nil {
			p.add("--trusted-proxy %q: want an address or a network, as 127.0.0.1 or 10.0.0.0/8", s)
		}
	}
}

// Proxies are the networks of trusted proxies.
type proxies []netip.Prefix

// clientOf returns what says where a request comes from.
func (o *proxyOptions) clientOf() func(*http.Request) netip.Addr {
	trusted := o.proxies()
	if !o.Protocol {
		return trusted.client
	}
	// The front has it from the PROXY header. A proxy that does not tell stands for everybody, whatever the client
	// writes into X-Forwarded-For.
	return func(r *http.Request) netip.Addr {
		at, err := netip.ParseAddrPort(r.RemoteAddr)
		from := at.Addr().Unmap().WithZone("")
		if err != nil || trusted.trust(from) {
			return netip.Addr{}
		}
		return from
	}
}

// proxies have been checked.
func (o *proxyOptions) proxies() proxies {
	var list proxies
	for _, s := range o.Trusted {
		if p, err := parsePrefix(s); err == nil {
			list = append(list, p)
		}
	}
	return list
}

func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), err
}

func (l proxies) trust(a netip.Addr) bool {
	return slices.ContainsFunc(l, func(p netip.Prefix) bool { return p.Contains(a) })
}

// client says where a request comes from. Each proxy appends to X-Forwarded-For whom it got the request
// from, so the list is read from its end, for as long as who wrote an entry is trusted: what is before
// that anybody can have invented. The result is not valid where a trusted proxy does not tell.
func (l proxies) client(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	from := at.Addr().Unmap().WithZone("")
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && l.trust(from); i-- {
		from = hop(hops[i])
	}
	return from
}

// hop parses an entry of X-Forwarded-For. Some proxies add the port.
func hop(s string) netip.Addr {
	s = strings.TrimSpace(s)
	a, err := netip.ParseAddr(s)
	if err != nil {
		at, _ := netip.ParseAddrPort(s)
		a = at.Addr()
	}
	return a.Unmap().WithZone("")
}
