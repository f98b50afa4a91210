package turnserver

import (
	"sync/atomic"

	"example.org/rtcpeer/signaling/drop"
)

// Stats are figures of a server. Allocations and Streams are current; the others count since New.
type Stats struct {
	Allocations int
	Streams     int // TCP and TLS connections

	Allocated uint64 // allocations made
	ToPeers   uint64 // bytes relayed from clients, without headers
	ToClients uint64 // bytes relayed to clients, without headers

	// Refused counts refusals by reason. Requests: "auth", a wrong or expired credential; "quota_user" and
	// "quota_address", an allocation or connection beyond Config.PerUser or PerAddress; "capacity", one beyond
	// MaxAllocations or MaxStreams, or no free port; "unsupported", a Connect request, or an allocation of TCP, of a
	// port outside the range, or of a family without a public address; "peer_denied", a permission for an address that
	// is not allowed.
	//
	// Packets: "peer_denied", a packet for a port of the public address that is not a relay's; "bandwidth", a packet
	// beyond Config.Bandwidth; "no_permission", a packet to a relay from an address that its client has not
	// permitted. Allocations: "bounds", ended because of more permissions or channels than any link needs.
	// Connections: "slow", the client did not read for 10 seconds; "invalid", it sent data that is not TURN.
	Refused map[Reason]uint64
}

// A Reason says why something was refused or dropped. Statistics and metrics use it.
type Reason = drop.Reason

// A reasonIndex is the index of a Reason in reasons.
type reasonIndex int

const (
	refusedAuth reasonIndex = iota
	refusedQuotaUser
	refusedQuotaAddress
	refusedCapacity
	refusedUnsupported
	refusedPeer
	refusedBandwidth
	refusedNoPermission
	refusedBounds
	refusedSlow
	refusedInvalid
	reasonCount
)

var reasons = [reasonCount]Reason{"auth", "quota_user", "quota_address", "capacity", "unsupported", "peer_denied",
	"bandwidth", "no_permission", "bounds", "slow", "invalid"}

// counters is the part of Stats that is counted as it happens. It is safe for concurrent use, and without a lock,
// because most events are packets.
type counters struct {
	allocated, toPeers, toClients atomic.Uint64
	refused                       [reasonCount]atomic.Uint64
}

func (c *counters) refuse(why reasonIndex) { c.refused[why].Add(1) }

// Stats returns the current figures. The map belongs to the caller.
func (s *Server) Stats() Stats {
	c := &s.counters
	st := Stats{
		Allocated: c.allocated.Load(),
		ToPeers:   c.toPeers.Load(),
		ToClients: c.toClients.Load(),
		Refused:   make(map[Reason]uint64),
	}
	st.Allocations, st.Streams = s.registry.count()
	for w := range c.refused {
		if n := c.refused[w].Load(); n > 0 {
			st.Refused[reasons[w]] = n
		}
	}
	return st
}
