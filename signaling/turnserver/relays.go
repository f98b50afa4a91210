package turnserver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"

	"github.com/pion/turn/v5"
	"golang.org/x/time/rate"
)

// relays creates the relays of a server. It is Pion's RelayAddressGenerator.
type relays struct {
	server *Server
	probes *rate.Limiter
	bind   map[string]netip.Addr // by network, udp4 or udp6: the address to which relays are bound
}

const (
	// maxBinds is how many ports are tried for one relay, which takes a few milliseconds. The ports in use are spread
	// at random, so the limit only matters if the range is nearly full.
	maxBinds = 256
	// probeRate is how many EVEN-PORT requests are served a second.
	probeRate  = 10
	probeBurst = 50
)

var (
	errTCP         = errors.New("turnserver: TCP allocations are not supported")
	errUnsupported = errors.New("turnserver: no public address of this family, or the port is outside the range")
	errProbes      = errors.New("turnserver: too many EVEN-PORT requests")
	errClosed      = fmt.Errorf("turnserver: %w", net.ErrClosed)
)

// newRelays returns a generator that binds relays to the public address if an interface has it, so that packets leave
// from there. Behind a NAT no interface has it, and the system chooses.
func newRelays(s *Server) *relays {
	g := &relays{server: s, bind: make(map[string]netip.Addr), probes: rate.NewLimiter(probeRate, probeBurst)}
	local := localAddresses()
	for _, public := range s.config.PublicAddresses {
		bind := public
		if !slices.Contains(local, public) {
			bind = unspecified(public)
		}
		g.bind[network(bind)] = bind
	}
	return g
}

func (g *relays) Validate() error { return nil }

// AllocatePacketConn creates a relay.
func (g *relays) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	who, ok := parseClaim(c.UserID)
	if !ok {
		return g.probe()
	}
	bind, served := g.bind[c.Network]
	public, _ := ofFamily(g.server.config.PublicAddresses, bind.Is4())
	if !served || !g.inRange(c.RequestedPort) {
		g.server.counters.refuse(refusedUnsupported)
		return nil, nil, errUnsupported
	}
	if w, ok := g.server.registry.take(who); !ok {
		g.server.counters.refuse(w)
		return nil, nil, fmt.Errorf("turnserver: %v", w)
	}
	conn, err := g.listen(bind, c.RequestedPort, 1)
	if err != nil {
		g.server.registry.free(who)
		g.server.counters.refuse(refusedCapacity)
		g.server.log.Warn("no free port for an allocation", "err", err)
		return nil, nil, err
	}
	return g.enter(newRelay(g.server, conn, public, who))
}

func (g *relays) enter(r *relay) (net.PacketConn, net.Addr, error) {
	if !g.server.registry.addRelay(r) {
		r.end()
		return nil, nil, errClosed
	}
	g.server.counters.allocated.Add(1)
	g.server.log.Info("allocation", "user", r.claim.user, "client", r.claim.address, "relay", r.public)
	return r, net.UDPAddrFromAddrPort(r.public), nil
}

// probe serves the EVEN-PORT attribute, for which Pion opens sockets until one has an even port and then asks for
// that port again. probe opens an even port at once, but not often, because Pion keeps a reservation of 30 seconds
// for each. WebRTC does not use this, but coturn's client insists on it.
func (g *relays) probe() (net.PacketConn, net.Addr, error) {
	if !g.probes.Allow() {
		g.server.counters.refuse(refusedCapacity)
		return nil, nil, errProbes
	}
	for _, bind := range g.bind {
		conn, err := g.listen(bind, 0, 2)
		if err != nil {
			return nil, nil, err
		}
		return conn, conn.LocalAddr(), nil
	}
	return nil, nil, errUnsupported
}

// listen opens the wanted port or, if that is 0, a free port of the range. It searches upwards from a random port,
// because a client that knows one relay should not be able to guess the next. With a step of 2 the port is even.
func (g *relays) listen(bind netip.Addr, wanted, step int) (conn *net.UDPConn, err error) {
	low := (int(g.server.config.MinPort) + step - 1) / step * step
	high := int(g.server.config.MaxPort)
	size := (high-low)/step + 1
	if wanted != 0 {
		low, high, size = wanted, wanted, 1
	}
	if size < 1 {
		return nil, errUnsupported
	}
	first := rand.IntN(size)
	for i := range min(size, maxBinds) {
		port := uint16(low + (first+i)%size*step)
		conn, err = net.ListenUDP(network(bind), net.UDPAddrFromAddrPort(netip.AddrPortFrom(bind, port)))
		if err == nil {
			return conn, nil
		}
	}
	return nil, fmt.Errorf("turnserver: no free port from %d to %d: %w", low, high, err)
}

// inRange reports whether port may be a relay's. 0 means any port; other values come from a reservation.
func (g *relays) inRange(port int) bool {
	return port == 0 || port >= int(g.server.config.MinPort) && port <= int(g.server.config.MaxPort)
}

func unspecified(like netip.Addr) netip.Addr {
	if like.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

func network(bind netip.Addr) string {
	if bind.Is4() {
		return "udp4"
	}
	return "udp6"
}

// AllocateListener refuses the TCP allocations of RFC 6062.
func (g *relays) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	g.server.counters.refuse(refusedUnsupported)
	return nil, nil, errTCP
}

// AllocateConn refuses the Connect request, which Pion also accepts for a UDP allocation.
func (g *relays) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) {
	g.server.counters.refuse(refusedUnsupported)
	return nil, errTCP
}
