// Package proxy finds the address of a client that connects through a trusted proxy, in X-Forwarded-For or in a PROXY
// header. Package server passes ClientOf to signalserver as Config.RemoteAddr; packages connlimit and front use Networks
// to recognize trusted proxies.
package proxy

import (
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"example.org/rtcpeer/cmd/signal-server/internal/settings"
	"example.org/rtcpeer/signaling/networks"
)

// Options are the flags for proxies.
type Options struct {
	Trusted  []string `name:"trusted-proxy" placeholder:"PREFIX" help:"Proxy whose X-Forwarded-For is trusted."`
	Protocol bool     `name:"proxy-protocol" help:"Trusted proxies send a PROXY header instead."`
}

// Check adds what is wrong with the options.
func (o *Options) Check(p *settings.Problems) {
	if o.Protocol && len(o.Trusted) == 0 {
		p.Add("--proxy-protocol: needs --trusted-proxy, the addresses of the proxies")
	}
	for _, s := range o.Trusted {
		if _, err := ParsePrefix(s); err != nil {
			p.Add("--trusted-proxy %q: want an address or a network, for example 127.0.0.1 or 10.0.0.0/8", s)
		}
	}
}

// Plan says which proxies are trusted.
func (o *Options) Plan(say settings.Say) {
	switch {
	case o.Protocol:
		say("a PROXY header is required and trusted from %s, for members and for TURN over TCP and TLS", strings.Join(o.Trusted, ", "))
	case len(o.Trusted) > 0:
		say("X-Forwarded-For is trusted from %s", strings.Join(o.Trusted, ", "))
	}
}

// Networks are the networks of trusted proxies.
type Networks []netip.Prefix

// ClientOf returns the function that finds the client's address of a request. It warns in log about proxies that are
// probably the operator's own and are not trusted.
func (o *Options) ClientOf(log *slog.Logger) func(*http.Request) netip.Addr {
	trusted := o.Networks()
	if !o.Protocol {
		strangers := &ignored{log: log}
		return func(r *http.Request) netip.Addr {
			at := peer(r)
			if len(r.Header["X-Forwarded-For"]) > 0 && !trusted.Trust(at) {
				strangers.note(at)
			}
			return trusted.client(r)
		}
	}
	// The front has set RemoteAddr from the PROXY header. A request without a header that names a client comes
	// from the proxy's own address and counts for nobody, whatever X-Forwarded-For says.
	return func(r *http.Request) netip.Addr {
		from := peer(r)
		if trusted.Trust(from) {
			return netip.Addr{}
		}
		return from
	}
}

// ignored are the private addresses whose X-Forwarded-For was ignored. A proxy of the operator has such an address, and
// a client that invents the header seldom has.
type ignored struct {
	log *slog.Logger

	mu    sync.Mutex // guards the field below
	known []netip.Addr
}

// maxIgnored is how many addresses are warned about.
const maxIgnored = 16

// note warns about an address that was not seen before, if it is private.
func (i *ignored) note(a netip.Addr) {
	if !a.IsValid() || networks.Limited(a) {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.known) == maxIgnored || slices.Contains(i.known, a) {
		return
	}
	i.known = append(i.known, a)
	i.log.Warn("X-Forwarded-For ignored: limits for one address do not apply to clients behind this proxy", "address", a,
		"remedy", "if this is your proxy, set --trusted-proxy="+a.String())
}

// peer returns the address that a request came from directly. It is not valid if that is no IP address.
func peer(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	return at.Addr().Unmap().WithZone("")
}

// Networks returns the parsed networks. Check has reported those that are not valid.
func (o *Options) Networks() Networks {
	var list Networks
	for _, s := range o.Trusted {
		if p, err := ParsePrefix(s); err == nil {
			list = append(list, p)
		}
	}
	return list
}

// ParsePrefix parses a network or an address. An IPv4 address in IPv6 form is taken as IPv4.
func ParsePrefix(s string) (netip.Prefix, error) {
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

// Trust reports whether an address is that of a trusted proxy.
func (l Networks) Trust(a netip.Addr) bool {
	return slices.ContainsFunc(l, func(p netip.Prefix) bool { return p.Contains(a) })
}

// client returns the client's address of a request. Each proxy appends to X-Forwarded-For the address from
// which it got the request. So client reads the list from its end, as long as the writer of an entry is
// trusted; anybody can have invented the entries before that. The result is not valid if a trusted proxy does
// not name the client.
func (l Networks) client(r *http.Request) netip.Addr {
	from := peer(r)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && l.Trust(from); i-- {
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
