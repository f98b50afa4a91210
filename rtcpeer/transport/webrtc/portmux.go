//go:build !js

package webrtc

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/pion/ice/v4"
)

// A portMux is one UDP port for all paths, on every address that this machine has at the moment. Pion's own mux
// is bound only to the addresses at its creation. A portMux looks for new addresses whenever a path is made.
//
// The socket of an address that is gone stays open for a while, because the address may come back, and with it
// the paths that use it.
type portMux struct {
	// Fixed at construction.
	port    int
	options []ice.UDPMuxFromPortOption
	keep    func(net.IP) bool // Config.IPFilter, or nil
	log     func(format string, args ...any)

	mu     sync.Mutex // guards the fields below
	bound  []*boundAddress
	closed bool
}

// A boundAddress is the port on one address.
type boundAddress struct {
	addr *net.UDPAddr
	mux  ice.UDPMux
	seen time.Time // when the machine last had the address
}

// keepGone is how long the socket of an address that is gone stays open.
const keepGone = 10 * time.Minute

// newPortMux binds the port on all addresses. It returns an error if one of them cannot be bound.
func newPortMux(port int, keep func(net.IP) bool, log func(string, ...any), options ...ice.UDPMuxFromPortOption) (*portMux, error) {
	m := &portMux{port: port, keep: keep, log: log, options: options}
	if err := m.bind(time.Now()); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// bind binds the port on new addresses, and closes the sockets of addresses that have been gone for keepGone.
func (m *portMux) bind(now time.Time) error {
	var fresh []net.IP
	filter := func(ip net.IP) bool {
		if m.keep != nil && !m.keep(ip) {
			return false
		}
		if b := m.on(ip); b != nil {
			b.seen = now
			return false
		}
		fresh = append(fresh, ip)
		return false
	}
	// The first call binds nothing: it only passes the addresses to filter. Each new address is then bound by
	// itself, so that one that cannot be bound does not affect the others.
	_, err := m.listen(filter)
	for _, ip := range fresh {
		mux, failed := m.listen(ip.Equal)
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("%v: %w", ip, failed))
			continue
		}
		for _, addr := range mux.GetListenAddresses() {
			m.bound = append(m.bound, &boundAddress{addr.(*net.UDPAddr), mux, now})
		}
	}
	kept := m.bound[:0]
	for _, b := range m.bound {
		if now.Sub(b.seen) > keepGone {
			_ = b.mux.Close()
			continue
		}
		kept = append(kept, b)
	}
	m.bound = kept
	return err
}

func (m *portMux) listen(filter func(net.IP) bool) (ice.UDPMux, error) {
	return ice.NewMultiUDPMuxFromPort(m.port, append(m.options[:len(m.options):len(m.options)], ice.UDPMuxFromPortWithIPFilter(filter))...)
}

// on returns the socket bound on an address, or nil.
func (m *portMux) on(ip net.IP) *boundAddress {
	for _, b := range m.bound {
		if b.addr.IP.Equal(ip) {
			return b
		}
	}
	return nil
}

// GetListenAddresses returns the addresses that the machine has now, for the candidates of a new path.
func (m *portMux) GetListenAddresses() (list []net.Addr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	now := time.Now()
	if err := m.bind(now); err != nil {
		m.log("cannot bind UDP port %d on a new address: %v", m.port, err)
	}
	for _, b := range m.bound {
		if b.seen.Equal(now) {
			list = append(list, b.addr)
		}
	}
	return list
}

// GetConn returns one path's share of the port on an address.
func (m *portMux) GetConn(ufrag string, addr net.Addr) (net.PacketConn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.bound {
		if b.addr.String() == addr.String() {
			return b.mux.GetConn(ufrag, addr)
		}
	}
	return nil, fmt.Errorf("UDP port: not bound on address %v", addr)
}

func (m *portMux) RemoveConnByUfrag(ufrag string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.bound {
		b.mux.RemoveConnByUfrag(ufrag)
	}
}

func (m *portMux) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	var errs []error
	for _, b := range m.bound {
		errs = append(errs, b.mux.Close())
	}
	m.bound = nil
	return errors.Join(errs...)
}
