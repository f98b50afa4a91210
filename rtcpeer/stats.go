package rtcpeer

import (
	"sync/atomic"
	"time"
)

// A dropReason is the word for a packet that was not delivered, as Stats and the log have it.
type dropReason string

const (
	dropBufferFull dropReason = "buffer_full" // sending: an unreliable lane lags more than Config.MaxLag
	dropNoCredit   dropReason = "no_credit"   // receiving: an unreliable channel, and the program reads too slowly
	dropPeerGone   dropReason = "peer_gone"   // receiving: its peer is disconnected already, or the node closed
	dropNoTarget   dropReason = "no_target"   // relaying: the target is not connected
	dropMalformed  dropReason = "malformed"   // receiving: no frame of the relay
)

var dropReasons = [...]dropReason{dropBufferFull, dropNoCredit, dropPeerGone, dropNoTarget, dropMalformed}

// Stats are figures of a node at one moment.
type Stats struct {
	ID       PeerID
	Room     string
	Topology Topology
	Host     PeerID
	Sealed   bool
	// Signaling is false once the signaler has ended for good, which ends no link; SignalingErr
	// says why.
	Signaling    bool
	SignalingErr error
	// Resumed counts how often the connection to the signaling server was lost and resumed.
	Resumed int
	// Waiting is how many events wait for Receive.
	Waiting int
	// Dropped counts packets by the word for why: buffer_full, no_credit, peer_gone, no_target,
	// malformed. Words that did not occur are left out.
	Dropped map[string]uint64
	// Links are the open links by peer; peers behind a star's host have none.
	Links map[PeerID]LinkStats
}

// LinkStats are figures of one open link.
type LinkStats struct {
	ConnectTime time.Duration // from the first step to every channel open
	RTT         time.Duration // smoothed; 0 if not known
	// Local and Remote are the kinds of the two ends' candidates: host, srflx, prflx, relay.
	Local, Remote string
	BytesSent     uint64 // on the wire, as the transport counts
	BytesReceived uint64
	Lanes         []LaneStats // channel 0 in its three modes, then channels 1, 2, ...
}

// LaneStats are figures of one data channel of a link.
type LaneStats struct {
	Channel  int
	Mode     Mode
	Sent     uint64 // packets handed to the transport
	Received uint64 // packets taken from it
	Buffered int    // bytes sent and not yet acknowledged
}

// counters holds the drops of a node. Safe for all.
type counters struct {
	dropped [len(dropReasons)]atomic.Uint64
}

func (c *counters) drop(why dropReason) {
	for i, r := range dropReasons {
		if r == why {
			c.dropped[i].Add(1)
		}
	}
}

func (c *counters) words() map[string]uint64 {
	words := make(map[string]uint64)
	for i, r := range dropReasons {
		if n := c.dropped[i].Load(); n > 0 {
			words[string(r)] = n
		}
	}
	return words
}
