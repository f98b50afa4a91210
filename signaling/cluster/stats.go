package cluster

import (
	"sync/atomic"

	"example.org/rtcpeer/signaling/drop"
)

// Stats are figures of a node. Ready, Servers, Rooms, Visitors and Loose are current; the others count since New.
type Stats struct {
	Ready    bool // it has a lease and knows those of the others
	Servers  int  // leases that go on, including its own
	Rooms    int  // keys that it owns: rooms and queues of matches
	Visitors int  // sessions of other servers in rooms of this one
	Loose    int  // sessions of this server that wait for an owner of their room

	LeasesRenewed uint64 // how often the lease was renewed
	LeasesLost    uint64 // leases that it lost, without those that it gave back
	ClaimsLost    uint64 // rooms that it had to give up because another server owned them

	Sent     uint64 // messages to other servers
	Received uint64 // messages from other servers, each counted once
	Resent   uint64 // messages sent again because they were not acknowledged in time
	// Dropped counts messages by drop reason: "full", too many waited for the other server; "silent", the other
	// server acknowledged nothing for too long; "malformed", not a valid message; "unknown", a kind of a newer
	// version; "too_large", more than 16 MiB; "late", a client's message that came back from the earlier owner of a room
	// after a newer one was sent to the next. It has entries for all reasons.
	Dropped map[drop.Reason]uint64
}

// The reasons for which messages are not delivered.
const (
	DropFull      drop.Reason = "full"
	DropSilent    drop.Reason = "silent"
	DropMalformed drop.Reason = "malformed"
	DropUnknown   drop.Reason = "unknown"
	DropTooLarge  drop.Reason = "too_large"
	DropLate      drop.Reason = "late"
)

var dropReasons = [...]drop.Reason{DropFull, DropSilent, DropMalformed, DropUnknown, DropTooLarge, DropLate}

// counters is the part of Stats that is counted as it happens. It is safe for concurrent use.
type counters struct {
	renewed, leasesLost, claimsLost atomic.Uint64
	sent, received, resent          atomic.Uint64
	dropped                         [len(dropReasons)]atomic.Uint64
}

func (c *counters) drop(why drop.Reason, messages int) {
	for i, reason := range dropReasons {
		if reason == why {
			c.dropped[i].Add(uint64(messages))
		}
	}
}

// Stats returns the current figures.
func (n *Node) Stats() Stats {
	c := &n.counters
	s := Stats{
		Ready:         n.Ready() == nil,
		LeasesRenewed: c.renewed.Load(), LeasesLost: c.leasesLost.Load(), ClaimsLost: c.claimsLost.Load(),
		Sent: c.sent.Load(), Received: c.received.Load(), Resent: c.resent.Load(),
		Dropped: make(map[drop.Reason]uint64),
	}
	for i, reason := range dropReasons {
		s.Dropped[reason] = c.dropped[i].Load()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	s.Servers, s.Rooms, s.Visitors = len(n.living), len(n.claims), len(n.visitors)
	for _, p := range n.places {
		if p.unowned() {
			s.Loose++
		}
	}
	return s
}
