package turnserver

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// A relay is the socket of one allocation, between Pion and its peers. It counts, limits and checks packets, and
// gives its place back when it ends. It is a net.PacketConn. Pion reads from it in one goroutine, and writes to it in
// the goroutine of the client's socket or stream.
type relay struct {
	// Fixed at construction.
	server *Server
	conn   *net.UDPConn
	public netip.AddrPort // the address at which it is announced
	local  netip.AddrPort // the address at which this host reaches it
	claim  claim
	began  time.Time

	// Safe for concurrent use.
	up, down            *rate.Limiter // to peers, to the client
	toPeers, toClient   atomic.Uint64
	closeOnce, doneOnce sync.Once

	mu        sync.RWMutex // guards the fields below
	permitted map[netip.Addr]struct{}
	channels  int
}

const (
	// maxPermissions and maxChannels bound what a client can make Pion remember for one allocation. An allocation
	// serves one link: a permission for each candidate of the other end, and a channel for those in use. Pion itself
	// has no limit.
	maxPermissions = 128
	maxChannels    = 128
	// minBurst lets a burst of packets through even at low rates.
	minBurst = 64 << 10
	// maxReadErrors is how many consecutive errors a socket may return. A UDP socket reports the fate of earlier
	// packets as read errors (on Windows, for each peer that is gone), and Pion would stop at the first one.
	maxReadErrors = 100
)

func newRelay(s *Server, conn *net.UDPConn, public netip.Addr, c claim) *relay {
	local := addrPort(conn.LocalAddr())
	if local.Addr().IsUnspecified() {
		local = netip.AddrPortFrom(loopback(public), local.Port())
	}
	return &relay{
		server:    s,
		conn:      conn,
		public:    netip.AddrPortFrom(public, local.Port()),
		local:     local,
		claim:     c,
		began:     time.Now(),
		up:        newLimiter(s.config.Bandwidth),
		down:      newLimiter(s.config.Bandwidth),
		permitted: make(map[netip.Addr]struct{}),
	}
}

func newLimiter(bandwidth int) *rate.Limiter {
	if bandwidth < 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Limit(bandwidth), max(bandwidth/4, minBurst))
}

func loopback(of netip.Addr) netip.Addr {
	if of.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

// WriteTo sends a packet of the client to a peer. A packet that is not allowed is dropped without an error: UDP
// promises nothing, and Pion could not tell the client.
func (r *relay) WriteTo(p []byte, addr net.Addr) (int, error) {
	to, ok := r.route(addrPort(addr))
	if !ok {
		r.server.counters.refuse(refusedPeer)
		return len(p), nil
	}
	if !r.up.AllowN(time.Now(), len(p)) {
		r.server.counters.refuse(refusedBandwidth)
		return len(p), nil
	}
	n, err := r.conn.WriteToUDPAddrPort(p, to)
	r.toPeers.Add(uint64(n))
	r.server.counters.toPeers.Add(uint64(n))
	return n, err
}

// route returns where to send a packet for a peer. A permission names an address without a port, so this is the place
// that protects the services of this host: of its ports, only those of relays are reachable.
func (r *relay) route(to netip.AddrPort) (netip.AddrPort, bool) {
	s := r.server
	if to.Addr() == r.public.Addr() {
		if other := s.registry.relayAt(to); other != nil {
			return other.local, true
		}
		return to, s.rules.toldOwn(to.Addr())
	}
	// The host may have got this address after it was permitted.
	return to, !s.host.owns(to.Addr()) && !s.host.owns(translated(to.Addr())) || s.rules.toldOwn(to.Addr())
}

// ReadFrom returns the next packet for the client.
func (r *relay) ReadFrom(p []byte) (int, net.Addr, error) {
	for failures := 0; ; {
		n, from, err := r.conn.ReadFromUDPAddrPort(p)
		if err != nil {
			if failures++; failures < maxReadErrors && !errors.Is(err, net.ErrClosed) {
				continue
			}
			r.doneOnce.Do(r.done)
			return 0, nil, err
		}
		failures = 0
		from = r.source(plainAddrPort(from))
		if r.passes(from.Addr(), n) {
			return n, net.UDPAddrFromAddrPort(from), nil
		}
	}
}

// source is the inverse of route: it replaces the local address of another relay by its public one.
func (r *relay) source(from netip.AddrPort) netip.AddrPort {
	if from.Addr() == r.local.Addr() {
		public := netip.AddrPortFrom(r.public.Addr(), from.Port())
		if r.server.registry.relayAt(public) != nil {
			return public
		}
	}
	return from
}

// passes counts a packet from a peer and reports whether it may pass. Packets from other addresses are dropped before
// they can use up the bandwidth.
func (r *relay) passes(from netip.Addr, n int) bool {
	if !r.permits(from) {
		r.server.counters.refuse(refusedNoPermission)
		return false
	}
	if !r.down.AllowN(time.Now(), n) {
		r.server.counters.refuse(refusedBandwidth)
		return false
	}
	r.toClient.Add(uint64(n))
	r.server.counters.toClients.Add(uint64(n))
	return true
}

func (r *relay) permits(peer netip.Addr) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, ok := r.permitted[peer]
	return ok
}

// permit adds a permission that Pion has granted. If there are too many, the relay ends.
func (r *relay) permit(peer netip.Addr) {
	r.mu.Lock()
	r.permitted[peer] = struct{}{}
	over := len(r.permitted) > maxPermissions
	r.mu.Unlock()
	r.endIf(over)
}

func (r *relay) forbid(peer netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.permitted, peer)
}

// bindChannel adds n, which is 1 or -1, to the number of channels. If there are too many, the relay ends.
func (r *relay) bindChannel(n int) {
	r.mu.Lock()
	r.channels += n
	over := r.channels > maxChannels
	r.mu.Unlock()
	r.endIf(over)
}

func (r *relay) endIf(over bool) {
	if over {
		r.server.counters.refuse(refusedBounds)
		r.end()
	}
}

// end closes the socket, after which Pion's goroutine forgets the allocation. Pion may hold a lock when it calls end.
func (r *relay) end() {
	r.closeOnce.Do(func() {
		r.server.registry.removeRelay(r)
		r.conn.Close()
		r.server.registry.free(r.claim)
	})
}

// done is called when Pion's reading goroutine gets its last error.
func (r *relay) done() {
	r.end()
	r.server.log.Info("allocation ended", "user", r.claim.user, "client", r.claim.address, "relay", r.public,
		"to_peers", r.toPeers.Load(), "to_client", r.toClient.Load(), "after", time.Since(r.began).Round(time.Second))
	r.server.registry.running.Done()
}

// Close is end. It always returns nil, because after an error Pion leaves its other allocations open.
func (r *relay) Close() error {
	r.end()
	return nil
}

func (r *relay) LocalAddr() net.Addr                { return r.conn.LocalAddr() }
func (r *relay) SetDeadline(t time.Time) error      { return r.conn.SetDeadline(t) }
func (r *relay) SetReadDeadline(t time.Time) error  { return r.conn.SetReadDeadline(t) }
func (r *relay) SetWriteDeadline(t time.Time) error { return r.conn.SetWriteDeadline(t) }
