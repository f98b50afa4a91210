//go:build !js

package websocket

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// Config says how a Server or a guest takes part. The zero value works, with Godot's defaults.
type Config struct {
	// Node has everything else: Refuse, Log, and the limits. MaxPacket has another default here, 65528 bytes: with the
	// relay's seven bytes that is the inbound_buffer_size of a Godot game. A larger packet to a game is an
	// ErrPacketTooLarge, whatever MaxPacket is. A guest that sends a larger packet is closed with 1009 and Misbehaved.
	// Channels must be empty, Topology empty or a star, Transport nil. Metadata, Token, Password, NewRoom, NeverHost,
	// Resume, RelayLinks, MaxRetransmits, WebRTC and Signaling have no effect here.
	Node rtcpeer.Config
	// Bare leaves out the frames of MultiplayerAPI, for a game that uses WebSocketMultiplayerPeer without it. Then the
	// host and each guest see only each other, a guest's broadcast reaches only the host, and Relays is false.
	Bare bool

	// HandshakeTimeout is how long a guest may wait for its id, and how long the server may take to answer a request. 0
	// means 3 s.
	HandshakeTimeout time.Duration
	// PingInterval is the time between two pings, which Godot answers and does not send. A socket is Lost if nothing
	// came from it for three intervals, or if it took nothing for as long. So is a socket whose program leaves more
	// than Node.ReceiveBuffer unreceived for that time, because nothing is read behind that. 0 means 10 s. Negative
	// means no pings, except those that ask a game how much it has read; a connection that dies in silence is then
	// noticed only when the network reports it.
	PingInterval time.Duration
	// Subprotocols, if any, are those that a server supports, and a guest must ask for one of them. For a guest they
	// are those that it asks for, and the server must choose one of them. Godot calls them supported_protocols.
	Subprotocols []string

	// MaxGuests is the largest number of sockets that a server has at a time; the next one is answered with 503. 0
	// means 4095, the most that Godot's servers take (ENetMultiplayerPeer).
	MaxGuests int
	// CheckOrigin reports whether a web page may connect to a server. Nil means that every page may: games are served
	// from anywhere, and there are no cookies that a foreign page could misuse.
	CheckOrigin func(*http.Request) bool

	// Header is sent along with a guest's request: Godot's handshake_headers.
	Header http.Header
	// TLS is for a guest's wss:// URLs. Nil means the system's certificates. (A server's TLS is that of the http.Server
	// around it.)
	TLS *tls.Config
	// DialContext makes a guest's connection. Nil means that of a net.Dialer.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// godotBuffer is the inbound_buffer_size and the outbound_buffer_size of WebSocketMultiplayerPeer, in bytes.
const godotBuffer = 65535

func (c Config) withDefaults() (Config, error) {
	n := &c.Node
	n.MaxPacket = cmp.Or(n.MaxPacket, godotBuffer-rtcpeer.FrameOverhead)
	n.SendBuffer = cmp.Or(n.SendBuffer, max(1<<20, 4*n.MaxPacket))
	c.HandshakeTimeout = cmp.Or(c.HandshakeTimeout, 3*time.Second)
	c.PingInterval = cmp.Or(c.PingInterval, 10*time.Second)
	c.MaxGuests = cmp.Or(c.MaxGuests, 4095)
	if n.Log == nil {
		n.Log = slog.New(slog.DiscardHandler)
	}
	if c.CheckOrigin == nil {
		c.CheckOrigin = func(*http.Request) bool { return true }
	}
	switch {
	case len(n.Channels) > 0:
		return c, fmt.Errorf("websocket: Config.Node.Channels %v: want none, because this protocol has no channels", n.Channels)
	case n.Topology != "" && n.Topology != rtcpeer.Star:
		return c, fmt.Errorf("websocket: Config.Node.Topology %q: want %q or none", n.Topology, rtcpeer.Star)
	case n.Transport != nil:
		return c, fmt.Errorf("websocket: Config.Node.Transport is set: want nil, because the WebSockets are the transport")
	case n.MaxPacket < 0:
		return c, fmt.Errorf("websocket: Config.Node.MaxPacket %d: want a positive number, or 0 for %d", n.MaxPacket, godotBuffer-rtcpeer.FrameOverhead)
	case c.HandshakeTimeout < 0:
		return c, fmt.Errorf("websocket: Config.HandshakeTimeout %v: want a positive time, or 0 for 3s", c.HandshakeTimeout)
	case c.MaxGuests < 0:
		return c, fmt.Errorf("websocket: Config.MaxGuests %d: want a positive number, or 0 for 4095", c.MaxGuests)
	}
	n.Topology = "" // that of the room, which Bare decides
	return c, nil
}

// maxMessage is the largest message, in bytes, in either direction.
func (c Config) maxMessage() int { return c.Node.MaxPacket + rtcpeer.FrameOverhead }

// topology returns the topology of the node. A bare one is a mesh of pairs, in which nobody relays.
func (c Config) topology() rtcpeer.Topology {
	if c.Bare {
		return rtcpeer.Mesh
	}
	return rtcpeer.Star
}

// deadAfter returns how long a socket may be silent; 0 means for ever.
func (c Config) deadAfter() time.Duration { return 3 * max(c.PingInterval, 0) }
