package ping

import (
	"fmt"
	"time"

	"example.org/rtcpeer/cmd/rtc-client/internal/format"
	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
)

// A path is the route of a link. The zero value means that there is no link with the peer, because the peer is
// behind a star's host.
type path struct {
	// Local and Remote are the kinds of the two ends' addresses, as this end knows them: host, srflx, prflx or
	// relay. Both are signaling if the link goes through the signaling server. Remote is prflx if packets came
	// from an address that the other end had not yet signaled.
	Local     string  `json:"local"`
	Remote    string  `json:"remote"`
	ConnectMS float64 `json:"connect_ms"`

	connected time.Duration
}

func pathOf(l rtcpeer.LinkStats) path {
	return path{l.Local, l.Remote, format.Milliseconds(l.ConnectTime), l.ConnectTime}
}

func (p path) says(id rtcpeer.PeerID) string {
	switch {
	case p.connected == 0:
		return fmt.Sprintf("path to peer %d: through the host", id)
	case p.Local == "":
		return fmt.Sprintf("path to peer %d: unknown, connected in %s", id, format.Duration(p.connected))
	case p.Local == transport.Signaling:
		return fmt.Sprintf("path to peer %d: through the signaling server, connected in %s", id, format.Duration(p.connected))
	case p.Local == relayed || p.Remote == relayed:
		return fmt.Sprintf("path to peer %d: through a TURN server, %s to %s, connected in %s", id, p.Local, p.Remote, format.Duration(p.connected))
	}
	return fmt.Sprintf("path to peer %d: direct, %s to %s, connected in %s", id, p.Local, p.Remote, format.Duration(p.connected))
}

// relayed is the kind of an address on a TURN server.
const relayed = "relay"

func (p path) report() *path {
	if p.connected == 0 {
		return nil
	}
	return &p
}
