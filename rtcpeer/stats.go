package rtcpeer

import (
	"sync/atomic"
	"time"

	"example.org/rtcpeer/signaling/drop"
)

// A DropReason is a word that says why a packet was not delivered. Stats and the log use it. The reasons of a node are
// the constants below, and those for frames that came through the signaling server (Stats.Dropped).
type DropReason = drop.Reason

// The drop reasons of a node.
const (
	DropBufferFull DropReason = "buffer_full" // sending: an unreliable lane lags more than Config.MaxLag
	DropNoCredit   DropReason = "no_credit"   // receiving: an unreliable channel, and the program reads too slowly
	DropStale      DropReason = "stale"       // receiving: an unreliable packet waited too long to be read, see Config.MaxLag
	DropPeerGone   DropReason = "peer_gone"   // receiving: the packet's peer is disconnected already, or the node closed
	DropNoTarget   DropReason = "no_target"   // relaying: the target is not connected
	DropNotRelayed DropReason = "not_relayed" // relaying: Config.NoRelay, or Config.Relay said no
	DropTooLarge   DropReason = "too_large"   // relaying: the target does not accept a packet of that size
	DropMalformed  DropReason = "malformed"   // receiving: not a frame of SceneMultiplayer
	DropPending    DropReason = "pending"     // receiving: the packet's peer is not authenticated yet

	DropInterrupted DropReason = "interrupted" // sending: an unreliable packet for a peer that is interrupted
)

var dropReasons = [...]DropReason{DropInterrupted, DropBufferFull, DropNoCredit, DropStale, DropPeerGone, DropNoTarget, DropNotRelayed, DropTooLarge, DropMalformed, DropPending}

// Stats are figures of a node at one moment.
type Stats struct {
	ID       PeerID // of this node
	Room     string // name of the room
	Topology Topology
	Host     PeerID // the present host of the room
	Sealed   bool   // nobody new may join, ever
	// Signaling is false once the signaler has ended for good, which does not end any link; SignalingErr says why.
	Signaling    bool
	SignalingErr error
	// SignalingLost is nil while the node is connected to the signaling server; otherwise it says why it is not. The
	// node tries to come back unless Signaling is false. SignalingSince is how long that state has lasted.
	SignalingLost  error
	SignalingSince time.Duration
	// Resumed counts how often the connection to the signaling server was lost and resumed.
	Resumed int
	// Waiting is how many events wait for Receive, together with the packets that wait in a Queue.
	Waiting int
	// Dropped counts packets by the reason for the drop: buffer_full, no_credit, stale, peer_gone, no_target, not_relayed,
	// too_large, malformed, pending, interrupted. It also counts frames that came through the signaling server:
	// forwarded_unknown, for a path that does not exist here; forwarded_forged, not from the other end;
	// forwarded_replay, received before. Reasons that did not occur are left out.
	Dropped map[DropReason]uint64
	// Total counts what the links carried, including those that are over: it never falls.
	Total Totals
	// Links are the open links by peer; peers behind a star's host have none.
	Links map[PeerID]LinkStats
}

// LinkStats are figures of one open link.
type LinkStats struct {
	ConnectTime time.Duration // from the first step to every channel open
	// Repairable says that the other end takes part in repairs: the link outlives its paths.
	Repairable bool
	// Interrupted is true from PeerInterrupted to PeerResumed.
	Interrupted bool
	// LastHeard is how long ago the other end was last heard, to half a second. If the link is not Repairable, it is how
	// long ago the link opened.
	LastHeard time.Duration
	// Paths is how many connections the link has used so far, one after the other; 1 without repairs.
	Paths int
	// PathsRefused is how many paths were refused because their other end did not prove that it is the peer: the
	// signaling server, or somebody who can write to it, has tried to take over the link.
	PathsRefused int
	RTT          time.Duration // smoothed; 0 if not known
	// Local and Remote are the kinds of the two ends' candidates: host, srflx, prflx, relay. Both are "signaling" if the
	// link goes through the signaling server.
	Local, Remote string
	BytesSent     uint64      // on the wire, as the transport counts
	BytesReceived uint64      // likewise
	Lanes         []LaneStats // channel 0 in its three modes, then channels 1, 2, ...
}

// Totals are figures of all links that ever were connected.
type Totals struct {
	Links          int    // links that were connected, including those that are open
	Sent, Received uint64 // packets; one that a host relays counts where it comes in and where it goes out
	SentBytes      uint64 // of these packets, with their frames
	ReceivedBytes  uint64 // likewise
	// Lanes are the same figures by channel: channel 0 in its three modes, then channels 1, 2, ... Nil if there was no
	// link.
	Lanes []LaneTotals
}

// LaneTotals are the figures of one channel, in one mode, of all links that ever were connected.
type LaneTotals struct {
	Channel                  int
	Mode                     Mode
	Sent, Received           uint64 // packets
	SentBytes, ReceivedBytes uint64 // of these packets, with their frames
}

func (t *Totals) add(l *link) {
	t.Links++
	if t.Lanes == nil {
		t.Lanes = make([]LaneTotals, len(l.lanes))
	}
	for i, ln := range l.lanes {
		sent, received := ln.sent.Load(), ln.received.Load()
		sentBytes, receivedBytes := ln.sentBytes.Load(), ln.receivedBytes.Load()
		t.Sent += sent
		t.Received += received
		t.SentBytes += sentBytes
		t.ReceivedBytes += receivedBytes
		of := &t.Lanes[i]
		of.Channel, of.Mode = ln.channel, ln.mode
		of.Sent += sent
		of.Received += received
		of.SentBytes += sentBytes
		of.ReceivedBytes += receivedBytes
	}
}

// LaneStats are figures of one data channel of a link.
type LaneStats struct {
	Channel  int
	Mode     Mode
	Sent     uint64 // packets accepted for sending; while Interrupted, some of them wait for the next path
	Received uint64 // packets taken from it
	Resent   uint64 // packets sent again over another path
	Buffered int    // bytes sent and not yet acknowledged; if Repairable, not yet taken by the other end
	// SentBytes and ReceivedBytes are the bytes of these packets, with their frames.
	SentBytes, ReceivedBytes uint64
}

// counters holds the drops of a node. Safe for concurrent use.
type counters struct {
	dropped [len(dropReasons)]atomic.Uint64
}

func (c *counters) drop(why DropReason) {
	for i, r := range dropReasons {
		if r == why {
			c.dropped[i].Add(1)
		}
	}
}

func (c *counters) words() map[DropReason]uint64 {
	words := make(map[DropReason]uint64)
	for i, r := range dropReasons {
		if n := c.dropped[i].Load(); n > 0 {
			words[r] = n
		}
	}
	return words
}
