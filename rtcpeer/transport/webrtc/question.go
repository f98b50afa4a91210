//go:build !js

package webrtc

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A udpSocket asks a STUN server again and again for its own public address until it is told. Pion asks with
// the pauses of RFC 8489, section 6.2.1, which double, and gives up after five seconds: in a network that
// comes back, or loses much, the answer would come seconds later than it could, or never, and without it
// there is no route through a NAT. Everything else goes straight to the socket.
type udpSocket struct {
	*net.UDPConn
	asks atomic.Bool // a question is not answered yet

	mu       sync.Mutex    // guards the field below
	answered chan struct{} // closed when it is, or the socket is closed
	wg       sync.WaitGroup
}

const (
	askEach = 250 * time.Millisecond
	// askFor is how long a path looks for its public address: longer than an attempt that gets nowhere.
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
	if s.answered != nil { // it is being asked, or was answered
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
			_, _ = s.UDPConn.WriteTo(question, server) // a network that is not there may come back
		case <-answered:
			return
		}
	}
}

// heard ends the question: whatever has come, the network works.
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

// ReadFromAddrPort and WriteToAddrPort are what ICE uses where it finds them: they do not allocate.
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
