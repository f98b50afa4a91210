//go:build !js

package webrtc

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A udpSocket repeats the question to a STUN server for its own public address until a packet arrives. Pion
// asks with the pauses of RFC 8489, section 6.2.1, which double, and gives up after five seconds. In a network
// that comes back, or that loses many packets, the answer would then come seconds later than possible, or
// never, and without it there is no route through a NAT. All other packets go directly to the socket.
type udpSocket struct {
	*net.UDPConn
	asks atomic.Bool // a question was sent, and nothing has arrived since

	mu       sync.Mutex    // guards the field below
	answered chan struct{} // closed when a packet has arrived or the socket is closed; nil: not asked
	wg       sync.WaitGroup
}

const (
	askEach = 250 * time.Millisecond
	// askFor is how long a path asks for its public address. It is longer than a connection attempt that fails.
	askFor = 15 * time.Second
)

func (s *udpSocket) WriteTo(b []byte, to net.Addr) (int, error) {
	if isQuestion(b) {
		s.ask(append([]byte(nil), b...), to)
	}
	return s.UDPConn.WriteTo(b, to)
}

// isQuestion reports whether b asks a STUN server for this end's address: a Binding request without attributes.
// ICE's own checks, of the same type, have a user name.
func isQuestion(b []byte) bool {
	const header = 20
	return len(b) == header && b[0] == 0 && b[1] == 1
}

func (s *udpSocket) ask(question []byte, server net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answered != nil { // the question is being asked or was answered
		return
	}
	s.answered = make(chan struct{})
	s.asks.Store(true)
	s.wg.Go(func() { s.repeat(question, server, s.answered) })
}

func (s *udpSocket) repeat(question []byte, server net.Addr, answered <-chan struct{}) {
	ticker := time.NewTicker(askEach)
	defer ticker.Stop()
	for range askFor / askEach {
		select {
		case <-ticker.C:
			_, _ = s.UDPConn.WriteTo(question, server) // ignore errors: the network may come back
		case <-answered:
			return
		}
	}
}

// heard ends the question. Any packet that arrives shows that the network works.
func (s *udpSocket) heard() {
	if s.asks.Swap(false) {
		s.mu.Lock()
		defer s.mu.Unlock()
		close(s.answered)
	}
}

func (s *udpSocket) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := s.UDPConn.ReadFrom(b)
	if err == nil && s.asks.Load() {
		s.heard()
	}
	return n, from, err
}

// ReadFromAddrPort and WriteToAddrPort do not allocate. ICE uses them if a socket has them.
func (s *udpSocket) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, from, err := s.UDPConn.ReadFromUDPAddrPort(b)
	if err == nil && s.asks.Load() {
		s.heard()
	}
	return n, from, err
}

func (s *udpSocket) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return s.UDPConn.WriteToUDPAddrPort(b, to)
}

func (s *udpSocket) Close() error {
	s.heard()
	err := s.UDPConn.Close()
	s.wg.Wait()
	return err
}
