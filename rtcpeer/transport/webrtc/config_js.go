package webrtc

import (
	"cmp"
	"fmt"
	"log/slog"

	"example.org/rtcpeer/rtcpeer/transport"
)

// Config says how paths find their way through the network. The zero value works on a LAN and towards public hosts;
// across NATs both ends need a STUN server, and some pairs a TURN server.
//
// In a browser it has no ports, addresses, filters and times: those are the browser's. A program
// that sets them does not compile for js, rather than run without the filter it asked for.
type Config struct {
	// ICEServers are STUN and TURN servers for every path, besides those of each PathConfig.
	ICEServers []transport.ICEServer
	// RelayOnly makes paths use TURN alone, so that the other end never sees this host's address. A
	// path with PathConfig.Direct is then refused.
	RelayOnly bool

	// ReceiveBuffer is how many bytes of a path may wait for Read. A browser cannot push back on
	// the sender: beyond it a packet of an unreliable lane is dropped, and one of a reliable lane
	// ends the path, as lost. 4 MiB if 0 or less than that.
	ReceiveBuffer int
	// MaxMessage is for this end's own limit elsewhere. A browser announces its own (256 KiB in
	// Chromium) and may be sent as much.
	MaxMessage int

	// Log is told what was dropped. Nil: none.
	Log *slog.Logger
}

// leastReceiveBuffer holds what a peer may have on its way while a page is busy for a moment, or in
// the background with its timers at one a second.
const leastReceiveBuffer = 4 << 20

func (c Config) withDefaults() (Config, error) {
	c.ReceiveBuffer = max(c.ReceiveBuffer, leastReceiveBuffer)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.MaxMessage < 0 {
		return c, fmt.Errorf("webrtc: Config.MaxMessage %d: want 0 or more", c.MaxMessage)
	}
	return c, nil
}
