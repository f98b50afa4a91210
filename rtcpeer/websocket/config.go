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
	// Node says the rest: Refuse, Log, and the bounds, of which MaxPacket has another default here,
	// 65528 bytes: with the relay's seven bytes that is the inbound_buffer_size of a Godot game. A
	// guest that sends a larger one is closed with 1009 and Misbehaved. Channels must be empty,
	// Topology empty or a star, Transport nil; Metadata, Token, MaxRetransmits, WebRTC and Signaling
	// mean nothing here.
	Node rtcpeer.Config
	// Bare leaves out the frames of MultiplayerAPI, for a game that uses WebSocketMultiplayerPeer
	// without it. Then the host and each guest see each other alone, a guest's broadcast reaches the
	// host, and Relays is false.
	Bare bool

	// HandshakeTimeout is how long a guest tries until its id has come, and how long the server may
	// take to answer. 0 means 3 s.
	HandshakeTimeout time.Duration
	// PingInterval is the time between two pings, which Godot answers and does not send. A socket
	// from which nothing came for three of them, or that took nothing for as long, is Lost. So is
	// one whose program leaves more than Node.ReceiveBuffer unreceived for that time: nothing is
	// read behind it. 0 means 10 s; negative means no pings but those that ask a game how much it has
	// read, and that a connection which dies in silence is noticed when the network says so.
	PingInterval time.Duration
	// Subprotocols, if any, is what a server supports, of which a guest must ask for one, and what
	// a guest asks for, of which the server must choose one: Godot's supported_protocols.
	Subprotocols []string

	// MaxGuests is the most sockets a server has at a time; the next one is answered with 503.
	// 0 means 4095, the most that Godot's servers take (ENetMultiplayerPeer).
	MaxGuests int
	// CheckOrigin says whether a browser's page may connect to a server. Nil means every page:
	// games are served from anywhere, and there are no cookies that a foreign page could misuse.
	CheckOrigin func(*http.Request) bool

	// Header is sent along with a guest's request: Godot's handshake_headers.
	Header http.Header
	// TLS is for a guest's wss:// URLs. Nil means the system's trust. (A server's TLS is that of
	// the http.Server around it.)
	TLS *tls.Config
	// DialContext makes a guest's connection. Nil means a net.Dialer's.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

const (
	// godotBuffer is inbound_buffer_size of WebSocketMultiplayerPeer, and outbound_buffer_size.
	godotBuffer = 65535
	// frameOverhead is what the relay adds to a packet at most: SYS, RELAY, an id, RAW.
	frameOverhead = 7
)

func (c Config) withDefaults() (Config, error) {
	n := &c.Node
	n.MaxPacket = cmp.Or(n.MaxPacket, godotBuffer-frameOverhead)
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
		return c, fmt.Errorf("websocket: Config.Node.Channels %v: want none: this wire carries no channel", n.Channels)
	case n.Topology != "" && n.Topology != rtcpeer.Star:
		return c, fmt.Errorf("websocket: Config.Node.Topology %q: want %q or none", n.Topology, rtcpeer.Star)
	case n.Transport != nil:
		return c, fmt.Errorf("websocket: Config.Node.Transport is set: want nil: the WebSockets are the transport")
	case n.MaxPacket < 0:
		return c, fmt.Errorf("websocket: Config.Node.MaxPacket %d: want a positive number, or 0 for %d", n.MaxPacket, godotBuffer-frameOverhead)
	case c.HandshakeTimeout < 0:
		return c, fmt.Errorf("websocket: Config.HandshakeTimeout %v: want a positive time, or 0 for 3s", c.HandshakeTimeout)
	case c.MaxGuests < 0:
		return c, fmt.Errorf("websocket: Config.MaxGuests %d: want a positive number, or 0 for 4095", c.MaxGuests)
	}
	n.Topology = "" // that of the room, which Bare decides
	return c, nil
}

// maxMessage is the largest message, in bytes, in either direction.
func (c Config) maxMessage() int { return c.Node.MaxPacket + frameOverhead }

// topology of the node: one that is bare is a mesh of pairs, which nobody relays for.
func (c Config) topology() rtcpeer.Topology {
	if c.Bare {
		return rtcpeer.Mesh
	}
	return rtcpeer.Star
}

// deadAfter is how long a socket may be silent; 0: for ever.
func (c Config) deadAfter() time.Duration { return 3 * max(c.PingInterval, 0) }
