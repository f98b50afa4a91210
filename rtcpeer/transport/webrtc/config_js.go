package webrtc

import (
	"cmp"
	"fmt"
	"log/slog"

	"example.org/rtcpeer/rtcpeer/transport"
)

// Config says how paths find a route through the network. The zero value works on a LAN and towards public
// hosts. Across NATs both ends need a STUN server, and some pairs need a TURN server.
//
// For a browser it has no ports, addresses, filters or times, because the browser decides these. So a program
// that sets them does not compile for js, instead of running without the filter that it asked for.
type Config struct {
	// ICEServers are STUN and TURN servers for every path, in addition to those of its PathConfig.
	ICEServers []transport.ICEServer
	// RelayOnly makes paths use only TURN, so that the other end never sees this host's address. NewPath then
	// returns an error for a PathConfig with Direct.
	RelayOnly bool

	// ReceiveBuffer is how many bytes of a path may wait for Read. A browser cannot push back on the sender. So
	// beyond this limit a packet of an unreliable lane is dropped, and a packet of a reliable lane ends the
	// path with ErrLost. The minimum, which is also used for 0, is 4 MiB.
	ReceiveBuffer int
	// MaxMessage is not used by this package in a browser, which announces its own limit (256 KiB in Chromium):
	// peers may send that much. The field exists so that the same program compiles for both.
	MaxMessage int

	// Log receives warnings about dropped packets. Nil means no log.
	Log *slog.Logger
}

// leastReceiveBuffer is enough for what a peer may send while a page is busy for a moment, or is in the
// background with its timers limited to one a second.
const leastReceiveBuffer = 4 << 20

func (c Config) withDefaults() (Config, error) {
	c.ReceiveBuffer = max(c.ReceiveBuffer, leastReceiveBuffer)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.MaxMessage < 0 {
		return c, fmt.Errorf("webrtc: Config.MaxMessage %d: want 0 or more", c.MaxMessage)
	}
	return c, nil
}
