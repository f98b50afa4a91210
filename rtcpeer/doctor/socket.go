//go:build !js

package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/pion/stun/v4"
)

// A socket asks servers at which address they see it. Its goroutine, readLoop, ends with close.
type socket struct {
	// Fixed at construction.
	conn *net.UDPConn
	wg   sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	waiting map[[stun.TransactionIDSize]byte]chan<- netip.AddrPort
	seen    map[netip.AddrPort]netip.AddrPort // the address at which each destination sees it
}

// newSocket opens a socket for IPv4, because NATs of IPv6 are rare.
func newSocket() (*socket, error) {
	conn, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return nil, fmt.Errorf("doctor: %w", err)
	}
	s := &socket{conn: conn, waiting: make(map[[stun.TransactionIDSize]byte]chan<- netip.AddrPort), seen: make(map[netip.AddrPort]netip.AddrPort)}
	s.wg.Go(s.readLoop)
	return s, nil
}

func (s *socket) close() {
	s.conn.Close()
	s.wg.Wait()
}

var errIPv6 = errors.New("doctor: the server has only an IPv6 address, which was not checked: IPv6 needs no STUN")

// resend is how long to wait for an answer before asking again. RFC 8489 begins with 500 ms and doubles the
// time, but here a user is waiting.
const resend = 250 * time.Millisecond

// ask returns the address at which the server at to sees this socket.
func (s *socket) ask(ctx context.Context, to netip.AddrPort) (netip.AddrPort, error) {
	if !to.Addr().Is4() {
		return netip.AddrPort{}, errIPv6
	}
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.Fingerprint)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("doctor: %w", err)
	}
	answers := make(chan netip.AddrPort, 1) // nobody waits for a second answer
	s.expect(request.TransactionID, answers)
	defer s.expect(request.TransactionID, nil)
	for {
		if _, err := s.conn.WriteToUDPAddrPort(request.Raw, to); err != nil {
			return netip.AddrPort{}, fmt.Errorf("doctor: %w", err)
		}
		select {
		case mapped := <-answers:
			s.note(to, mapped)
			return mapped, nil
		case <-time.After(resend):
		case <-ctx.Done():
			return netip.AddrPort{}, fmt.Errorf("no answer over UDP: %w", os.ErrDeadlineExceeded)
		}
	}
}

func (s *socket) expect(id [stun.TransactionIDSize]byte, answers chan<- netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answers == nil {
		delete(s.waiting, id)
		return
	}
	s.waiting[id] = answers
}

// note records the address at which a destination sees this socket.
func (s *socket) note(to, mapped netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[to] = mapped
}

func (s *socket) readLoop() {
	buffer := make([]byte, 1500)
	for {
		n, _, err := s.conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return // closed; an ICMP error does not end an unconnected socket
		}
		m := &stun.Message{Raw: append([]byte(nil), buffer[:n]...)}
		var mapped stun.XORMappedAddress
		if m.Decode() != nil || m.Type != stun.BindingSuccess || mapped.GetFrom(m) != nil {
			continue
		}
		address, ok := netip.AddrFromSlice(mapped.IP)
		if ok && mapped.Port > 0 && mapped.Port <= 65535 {
			s.answer(m.TransactionID, netip.AddrPortFrom(address.Unmap(), uint16(mapped.Port)))
		}
	}
}

func (s *socket) answer(id [stun.TransactionIDSize]byte, mapped netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.waiting[id] <- mapped: // a nil channel if nobody waits
	default:
	}
}

// mapping returns the mapping that the answers so far show.
func (s *socket) mapping() Mapping {
	s.mu.Lock()
	defer s.mu.Unlock()
	port := s.conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	return mappingOf(s.seen, port, localAddresses())
}
