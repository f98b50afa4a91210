//go:build !js

package webrtc

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"time"

	pion "github.com/pion/webrtc/v4"

	"example.org/rtcpeer/rtcpeer/transport"
)

// Config says how paths find a route through the network. The zero value works on a LAN and towards public
// hosts. Across NATs both ends need a STUN server, and some pairs need a TURN server.
type Config struct {
	// ICEServers are STUN and TURN servers for every path, in addition to those of its PathConfig.
	ICEServers []transport.ICEServer
	// RelayOnly makes paths use only TURN, so that the other end never sees this host's address. NewPath then
	// returns an error for a PathConfig with Direct.
	RelayOnly bool

	// UDPPort, if not 0, is the UDP port that all paths share (ICE's UDPMux). It is bound on every address that
	// the machine has when a path is made. AnyPort lets the system choose a port for each address. The mux
	// distinguishes paths by the address that packets come from, so use it only on one side, the server: two
	// Transports that both have a UDPPort can have only one path with each other at a time, and two paths of
	// one Transport cannot be the two ends of one connection.
	UDPPort int
	// UDPPortMin and UDPPortMax limit the ports of paths if UDPPort is not set. If both are 0, any port is
	// used.
	UDPPortMin, UDPPortMax uint16
	// TCPPort, if not 0, is a port that accepts ICE over TCP, for peers whose UDP is blocked. AnyPort lets the
	// system choose.
	TCPPort int

	// PublicAddresses are announced instead of the local addresses. They are for a host behind a 1:1 NAT, such
	// as a cloud machine or a container with published ports.
	PublicAddresses []string
	// AddressRules are Pion's rules for rewriting addresses, for cases in which PublicAddresses is not enough.
	AddressRules []pion.ICEAddressRewriteRule

	// InterfaceFilter, IPFilter and RemoteIPFilter select the interfaces, the local addresses and the remote
	// addresses to use: those for which the function returns true. Nil selects all. Set RemoteIPFilter on a
	// server that must not be made to probe its own network.
	InterfaceFilter func(name string) bool
	IPFilter        func(net.IP) bool
	RemoteIPFilter  func(net.IP) bool
	// IPv4Only disables IPv6, which halves the sockets and candidate pairs.
	IPv4Only bool
	// Loopback also offers loopback addresses, for peers on this machine. It is implied if no other interface
	// has an address.
	Loopback bool

	// ReceiveBuffer is the SCTP receive window in bytes. It limits throughput to ReceiveBuffer per round trip,
	// and limits how much memory a peer can make this end use. 0 means 2.25 MiB, which is what a node without
	// further channels needs by default.
	ReceiveBuffer int
	// MaxMessage is the largest message that this end accepts, in bytes, announced as a=max-message-size. 0
	// means 64 KiB. It is at most a quarter of ReceiveBuffer, because a message that fills the window can never
	// be completed.
	MaxMessage int
	// DisconnectedAfter is how long a path must be silent to count as disturbed, and FailedAfter how long after
	// that it counts as lost, both give or take the second between two checks. 0 means 4 s and 6 s.
	// PathConfig.LostAfter replaces the sum of the two, but cannot be less than DisconnectedAfter. With a
	// DisconnectedAfter of less than 2 s, one late answer counts as a disturbance.
	DisconnectedAfter, FailedAfter time.Duration

	// SettingEngine, if not nil, is called last and may change all of Pion's settings. However, the logger
	// factory that it sets is wrapped, and a handler of ICE binding requests that it sets is replaced. So are
	// ICE's timeouts for a path that this end does not check (see transport.Checked).
	SettingEngine func(*pion.SettingEngine)
	// Log receives Pion's own log, at the levels that its handler enables: Pion's errors as warnings, its
	// warnings as info, and the rest, except traces, as debug. Nil means no log.
	Log *slog.Logger
}

// AnyPort means that the system chooses the port.
const AnyPort = -1

func (c Config) withDefaults() (Config, error) {
	c.ReceiveBuffer = cmp.Or(c.ReceiveBuffer, 2<<20+256<<10)
	c.MaxMessage = cmp.Or(c.MaxMessage, min(64<<10, c.ReceiveBuffer/4))
	c.DisconnectedAfter = cmp.Or(c.DisconnectedAfter, 4*time.Second)
	c.FailedAfter = cmp.Or(c.FailedAfter, 6*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case c.UDPPort < AnyPort || c.UDPPort > 65535:
		return c, fmt.Errorf("webrtc: Config.UDPPort %d: want 1 to 65535, AnyPort or 0", c.UDPPort)
	case c.TCPPort < AnyPort || c.TCPPort > 65535:
		return c, fmt.Errorf("webrtc: Config.TCPPort %d: want 1 to 65535, AnyPort or 0", c.TCPPort)
	case c.UDPPortMin > c.UDPPortMax:
		return c, fmt.Errorf("webrtc: Config.UDPPortMin %d is above UDPPortMax %d", c.UDPPortMin, c.UDPPortMax)
	case c.ReceiveBuffer < 16<<10 || c.ReceiveBuffer > 1<<30:
		return c, fmt.Errorf("webrtc: Config.ReceiveBuffer %d: want 16 KiB to 1 GiB", c.ReceiveBuffer)
	case c.MaxMessage < 1 || c.MaxMessage > c.ReceiveBuffer/4:
		return c, fmt.Errorf("webrtc: Config.MaxMessage %d: want 1 to a quarter of ReceiveBuffer %d", c.MaxMessage, c.ReceiveBuffer)
	case c.DisconnectedAfter < 0 || c.FailedAfter < 0:
		return c, fmt.Errorf("webrtc: Config.DisconnectedAfter %v, FailedAfter %v: want positive times", c.DisconnectedAfter, c.FailedAfter)
	}
	for _, address := range c.PublicAddresses {
		if net.ParseIP(address) == nil {
			return c, fmt.Errorf("webrtc: Config.PublicAddresses: %q is not an IP address", address)
		}
	}
	return c, nil
}
