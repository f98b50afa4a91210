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

// Config says how paths find their way through the network. The zero value works on a LAN and towards public hosts;
// across NATs both ends need a STUN server, and some pairs a TURN server.
type Config struct {
	// ICEServers are STUN and TURN servers for every path, besides those of each PathConfig.
	ICEServers []transport.ICEServer
	// RelayOnly makes paths use TURN alone, so that the other end never sees this host's address. A
	// path with PathConfig.Direct is then refused.
	RelayOnly bool

	// UDPPort, if not 0, is the one UDP port of all paths (ICE's UDPMux), bound on every
	// address that the machine has when a path is made; AnyPort lets the system choose one for each. The mux tells paths apart by the address that
	// packets come from, so it is for one side, the server: two Transports that both have a UDPPort
	// can have one path with each other at a time, and two paths of one Transport cannot be the
	// two ends of one connection.
	UDPPort int
	// UDPPortMin and UDPPortMax bound the ports of paths without UDPPort. Both 0: any.
	UDPPortMin, UDPPortMax uint16
	// TCPPort, if not 0, accepts ICE over TCP there, for peers whose UDP is blocked; AnyPort lets
	// the system choose.
	TCPPort int

	// PublicAddresses are announced instead of the local ones: for a host behind a 1:1 NAT, such
	// as a cloud machine or a container with published ports.
	PublicAddresses []string
	// AddressRules are Pion's own rules for that, where PublicAddresses is not enough.
	AddressRules []pion.ICEAddressRewriteRule

	// InterfaceFilter, IPFilter and RemoteIPFilter keep the interfaces, local addresses and
	// addresses of others for which they return true. Nil: all. A server that must not be made to
	// probe its own network sets RemoteIPFilter.
	InterfaceFilter func(name string) bool
	IPFilter        func(net.IP) bool
	RemoteIPFilter  func(net.IP) bool
	// IPv4Only leaves IPv6 out: half the sockets and candidate pairs.
	IPv4Only bool
	// Loopback also offers loopback addresses, for peers on this machine. It is implied where no
	// other interface has an address.
	Loopback bool

	// ReceiveBuffer is the SCTP receive window in bytes, which bounds throughput to
	// ReceiveBuffer per round trip, and what a peer can make this end hold. 0 means 2.25 MiB, which
	// is what a node without further channels needs by default.
	ReceiveBuffer int
	// MaxMessage is the largest message this end accepts, in bytes, announced as
	// a=max-message-size. 0 means 64 KiB; at most a quarter of ReceiveBuffer, since a message
	// that fills the window can never be completed.
	MaxMessage int
	// DisconnectedAfter and FailedAfter say when a path that went silent counts as disturbed, and
	// how long after that as lost, give or take the second between two checks. 0 means 4 s and 6 s.
	// PathConfig.LostAfter replaces the sum of the two; less than DisconnectedAfter counts as that.
	// A DisconnectedAfter of less than 2 s takes one late answer for a disturbance.
	DisconnectedAfter, FailedAfter time.Duration

	// SettingEngine, if not nil, has the last word on Pion's settings, but for its logger factory, which is wrapped, and
	// the handler of ICE binding requests, which is replaced: see firstRoute.
	SettingEngine func(*pion.SettingEngine)
	// Log receives Pion's own log, from its warnings up as far as the handler wants them. Nil: none.
	Log *slog.Logger
}

// AnyPort as a port means one that the system chooses.
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
			return c, fmt.Errorf("webrtc: Config.PublicAddresses: %q is no IP address", address)
		}
	}
	return c, nil
}
