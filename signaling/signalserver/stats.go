package signalserver

import (
	"maps"
	"sync"
	"sync/atomic"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/drop"
)

// Stats are figures of a server. Counters count since New; all other figures are current.
type Stats struct {
	Sessions  int // open WebSockets
	Rooms     int
	Public    int  // rooms that List returns
	Members   int  // including those within their grace period
	Waiting   int  // sessions that wait to be matched
	Addresses int  // entries in the table of address limits, including /56 and /48 networks
	Buffered  int  // bytes held of Config.MaxBuffered
	Draining  bool // SetDraining

	Joins     uint64 // newcomers welcomed
	Resumes   uint64 // members that resumed
	Matches   uint64 // rooms made for complete matches
	Lists     uint64 // answers to list
	Kicks     uint64 // by hosts and by Kick
	FramesIn  uint64 // text frames of members
	BytesIn   uint64 // bytes in these frames
	FramesOut uint64 // text frames to members
	BytesOut  uint64 // bytes in these frames
	Signals   uint64 // signals taken from members
	Throttled uint64 // frames that waited for Config.MessageRate

	RelayedFrames  uint64 // binary frames forwarded, or dropped at their receiver (Config.RelayLinks)
	RelayedBytes   uint64 // bytes in these frames
	RelayThrottled uint64 // those of these frames that waited for Config.RelayRate or RelayTotal

	// Refused counts the errors sent to sessions, by code. It also counts requests that were answered with 403, 429 or
	// 503, under forbidden, rate_limited, server_full or shutting_down.
	Refused map[signaling.Code]uint64
	// Dropped counts what the server gave up, by reason. Sessions: "slow", the client did not read its messages fast
	// enough; "dead", nothing came from it. Members: "grace_over", the member did not resume in time;
	// "detached_full", more was sent to it meanwhile than the server keeps. Both: "over_budget", Config.MaxBuffered
	// had no room; this also counts joins, rooms and messages that were refused for that reason. Lists of
	// Config.ICEServersFor: "ice_servers", the list was too large. Binary frames: "relay_unknown", the receiver is
	// not in the room or takes no binary frames; "relay_full", the receiver reads too slowly.
	Dropped map[DropReason]uint64
}

// A DropReason is a word that says why something was given up. Logs, statistics and metrics use it.
type DropReason = drop.Reason

const (
	droppedSlow DropReason = "slow"
	droppedDead DropReason = "dead"
)

// counters is the part of Stats that is counted as it happens. It is safe for concurrent use.
type counters struct {
	signals, throttled, lists              atomic.Uint64
	framesIn, bytesIn, framesOut, bytesOut atomic.Uint64

	relayedFrames, relayedBytes, relayThrottled atomic.Uint64

	mu      sync.Mutex // guards the fields below
	refused map[signaling.Code]uint64
	dropped map[DropReason]uint64
}

func (c *counters) refuse(code signaling.Code) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == nil {
		c.refused = make(map[signaling.Code]uint64)
	}
	c.refused[code]++
}

func (c *counters) drop(why DropReason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dropped == nil {
		c.dropped = make(map[DropReason]uint64)
	}
	c.dropped[why]++
}

// Stats returns the current figures. The maps belong to the caller.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	st := Stats{Sessions: len(s.sessions), Draining: s.draining}
	s.mu.Unlock()
	r := s.rooms.Stats()
	st.Rooms, st.Public, st.Members, st.Waiting = r.Rooms, r.Public, r.Members, r.Waiting
	st.Joins, st.Resumes, st.Matches, st.Kicks = r.Joins, r.Resumes, r.Matches, r.Kicks
	st.Addresses = s.addresses.count()
	st.Buffered = int(s.addresses.budget.used.Load())
	c := &s.counters
	st.Signals, st.Throttled, st.Lists = c.signals.Load(), c.throttled.Load(), c.lists.Load()
	st.FramesIn, st.BytesIn = c.framesIn.Load(), c.bytesIn.Load()
	st.FramesOut, st.BytesOut = c.framesOut.Load(), c.bytesOut.Load()
	st.RelayedFrames, st.RelayedBytes, st.RelayThrottled = c.relayedFrames.Load(), c.relayedBytes.Load(), c.relayThrottled.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	st.Refused = maps.Clone(c.refused)
	st.Dropped = maps.Clone(c.dropped)
	return st
}
