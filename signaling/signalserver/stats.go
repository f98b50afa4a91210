package signalserver

import (
	"maps"
	"sync"
	"sync/atomic"

	"example.org/rtcpeer/signaling"
)

// Stats are figures of a server. Sessions, Rooms and Members are now; the others count since New.
type Stats struct {
	Sessions  int // open WebSockets
	Rooms     int
	Public    int  // rooms that a list has
	Members   int  // those within their grace time included
	Waiting   int  // sessions that wait to be matched
	Addresses int  // of which something is remembered for their limits, and their /56 and /48
	Buffered  int  // bytes that are kept for others, of Config.MaxBuffered
	Draining  bool // SetDraining

	Joins     uint64 // newcomers welcomed
	Resumes   uint64 // members that came back
	Matches   uint64 // rooms made of those who waited to be matched
	Lists     uint64 // answers to list
	Kicks     uint64 // by hosts and by Kick
	FramesIn  uint64 // text frames of members
	BytesIn   uint64 // in them
	FramesOut uint64 // text frames to members
	BytesOut  uint64 // in them
	Signals   uint64 // signals taken from members
	Throttled uint64 // frames that had to wait for Config.MessageRate

	RelayedFrames  uint64 // binary frames that were forwarded, or dropped at their receiver (Config.RelayLinks)
	RelayedBytes   uint64 // in them
	RelayThrottled uint64 // of these frames, those that had to wait for Config.RelayRate or RelayTotal

	// Refused counts the errors told to sessions, by code; under rate_limited the requests of addresses
	// that were answered with 429, and under server_full and shutting_down those with 503, too.
	Refused map[signaling.Code]uint64
	// Dropped counts sessions and members that the server gave up, by word: "slow", a session did
	// not read what was sent to it; "dead", nothing came from it; "grace_over", a member did not
	// come back in time; "detached_full", more was sent to it meanwhile than is kept; "over_budget",
	// Config.MaxBuffered had no room for what was to be kept for it. The last one also counts joins, rooms
	// and messages that were refused for that. And lists of Config.ICEServersFor: "ice_servers", it was too large.
	// And binary frames: "relay_unknown", their receiver is not there or does not want any; "relay_full", it reads too
	// slowly for what others send to it.
	Dropped map[string]uint64
}

const (
	droppedSlow = "slow"
	droppedDead = "dead"
)

// counters is the part of Stats that is counted as it happens. Safe for all.
type counters struct {
	signals, throttled, lists              atomic.Uint64
	framesIn, bytesIn, framesOut, bytesOut atomic.Uint64

	relayedFrames, relayedBytes, relayThrottled atomic.Uint64

	mu      sync.Mutex // guards the fields below
	refused map[signaling.Code]uint64
	dropped map[string]uint64
}

func (c *counters) refuse(code signaling.Code) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == nil {
		c.refused = make(map[signaling.Code]uint64)
	}
	c.refused[code]++
}

func (c *counters) drop(word string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dropped == nil {
		c.dropped = make(map[string]uint64)
	}
	c.dropped[word]++
}

// Stats returns the figures of this moment. The maps belong to the caller.
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
