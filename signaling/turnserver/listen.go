package turnserver

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/pion/turn/v5"
)

// endpoints are the UDP sockets and the listeners of a server, and their URLs for clients. New opens them. Pion's Server closes them, or New if it fails.
type endpoints struct {
	packets []turn.PacketConnConfig
	streams []turn.ListenerConfig
	stun    []string // URLs
	turn    []string
}

// udpBuffer is the receive buffer requested for a UDP listener, which all UDP clients share; the system may give
// less. 1 MiB is some ten milliseconds at a gigabit a second.
const udpBuffer = 1 << 20

// openAll opens the configured listeners. The error names the one that cannot be opened.
func (s *Server) openAll(generator turn.RelayAddressGenerator) error {
	for _, l := range []struct {
		field, address string
		open           func(network, address string, g turn.RelayAddressGenerator) error
		network        string
	}{
		{"UDP", s.config.UDP, s.openUDP, "udp"},
		{"TCP", s.config.TCP, s.openTCP, "tcp"},
		{"TLS", s.config.TLS, s.openTLS, "tcp"},
	} {
		if l.address == Off {
			continue
		}
		families, err := s.families(l.address)
		if err != nil {
			return fmt.Errorf("turnserver: Config.%s: %w", l.field, err)
		}
		for _, family := range families {
			if err := l.open(l.network+family, l.address, generator); err != nil {
				return fmt.Errorf("turnserver: Config.%s %q: %w", l.field, l.address, err)
			}
		}
	}
	return nil
}

// families returns "4", "6" or both. Each socket serves one family, because Pion gives a relay the family of the
// socket if the client does not ask for one, and browsers do not.
func (s *Server) families(address string) ([]string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q: want ip:port, :port or %q", address, Off)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return nil, fmt.Errorf("%q: want a port of 0 to 65535", address)
	}
	var families []string
	ip, err := netip.ParseAddr(host)
	if err != nil && host != "" {
		return nil, fmt.Errorf("%q: want an IP address, or none for all interfaces", address)
	}
	for _, public := range s.config.PublicAddresses {
		if host != "" && ip.Unmap().Is4() != public.Is4() {
			continue
		}
		families = append(families, map[bool]string{true: "4", false: "6"}[public.Is4()])
	}
	if families == nil {
		return nil, fmt.Errorf("%q: Config.PublicAddresses %v has no address of its family for relays", address, s.config.PublicAddresses)
	}
	return families, nil
}

func (s *Server) openUDP(network, address string, g turn.RelayAddressGenerator) error {
	conn, err := net.ListenPacket(network, address)
	if err != nil {
		return err
	}
	conn.(*net.UDPConn).SetReadBuffer(udpBuffer)
	s.endpoints.packets = append(s.endpoints.packets, turn.PacketConnConfig{
		PacketConn:            &packetConn{PacketConn: conn, server: s},
		RelayAddressGenerator: g,
		PermissionHandler:     s.mayRelayTo,
	})
	host := s.hostPort(conn.LocalAddr())
	s.endpoints.stun = appendNew(s.endpoints.stun, "stun:"+host)
	s.endpoints.turn = appendNew(s.endpoints.turn, "turn:"+host+"?transport=udp")
	return nil
}

func (s *Server) openTCP(network, address string, g turn.RelayAddressGenerator) error {
	return s.openStreams(network, address, "turn:", nil, g)
}

func (s *Server) openTLS(network, address string, g turn.RelayAddressGenerator) error {
	config := s.config.TLSConfig.Clone()
	config.NextProtos = nil // these are for a web server; a TURN client that offers stun.turn would be refused
	return s.openStreams(network, address, "turns:", config, g)
}

func (s *Server) openStreams(network, address, scheme string, config *tls.Config, g turn.RelayAddressGenerator) error {
	l, config, err := s.listen(network, address, config)
	if err != nil {
		return err
	}
	s.endpoints.streams = append(s.endpoints.streams, turn.ListenerConfig{
		Listener:              &listener{Listener: l, server: s, tls: config},
		RelayAddressGenerator: g,
		PermissionHandler:     s.mayRelayTo,
	})
	s.endpoints.turn = appendNew(s.endpoints.turn, scheme+s.hostPort(l.Addr())+"?transport=tcp")
	return nil
}

// listen opens a listener. It returns the TLS configuration that the server must apply to connections, or nil.
func (s *Server) listen(network, address string, config *tls.Config) (net.Listener, *tls.Config, error) {
	if s.config.Listen != nil {
		l, err := s.config.Listen(network, address, config != nil)
		return l, nil, err
	}
	l, err := net.Listen(network, address)
	return l, config, err
}

// hostPort returns the address of a listener for clients.
func (s *Server) hostPort(listening net.Addr) string {
	at := addrPort(listening)
	host := s.config.Host
	if host == "" {
		public, _ := ofFamily(s.config.PublicAddresses, at.Addr().Is4())
		host = public.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(int(at.Port())))
}

func (e *endpoints) close() {
	for _, p := range e.packets {
		p.PacketConn.Close()
	}
	for _, l := range e.streams {
		l.Listener.Close()
	}
}

// A packetConn is a UDP listener that goes on after an error. Pion alone would stop listening.
type packetConn struct {
	net.PacketConn
	server *Server
}

func (c *packetConn) ReadFrom(p []byte) (int, net.Addr, error) {
	for failures := 0; ; failures++ {
		n, from, err := c.PacketConn.ReadFrom(p)
		if err == nil {
			return n, from, nil
		}
		if errors.Is(err, net.ErrClosed) || failures > maxReadErrors && !c.server.pause() {
			c.server.listeners.Done()
			return 0, nil, err
		}
	}
}

// A listener makes streams of TCP connections, within the limits of the registry. It goes on after an error, such as
// a lack of file descriptors. Pion alone would stop listening.
type listener struct {
	net.Listener
	server *Server
	tls    *tls.Config // nil: plain TCP
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || !l.server.pause() {
				l.server.listeners.Done()
				return nil, err
			}
			l.server.log.Warn("cannot accept a connection", "err", err)
			continue
		}
		if s, ok := l.admit(conn); ok {
			return s, nil
		}
	}
}

func (l *listener) admit(raw net.Conn) (*stream, bool) {
	conn := raw
	if l.tls != nil {
		conn = tls.Server(raw, l.tls) // the handshake happens in the first Read, within streamOpening
	}
	s := newStream(l.server, raw, conn)
	if w, ok := l.server.registry.addStream(s); !ok {
		l.server.counters.refuse(w)
		raw.Close()
		return nil, false
	}
	return s, true
}

// pause waits a moment after an error. It reports whether the server goes on.
func (s *Server) pause() bool {
	select {
	case <-s.closing:
		return false
	case <-time.After(50 * time.Millisecond):
		return true
	}
}
