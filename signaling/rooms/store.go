package rooms

import (
	"crypto/rand"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/clock"
	"example.org/rtcpeer/signaling/drop"
)

// A Store holds the rooms of one server.
type Store struct {
	// Fixed at construction.
	config      Config
	clock       *clock.Clock
	tickets     tickets
	process     uint64 // random, to recognize tickets of this process
	passwordKey []byte // for the MACs of passwords that were given

	// Safe for concurrent use.
	began    atomic.Int64 // by the clock: when Recovery and RebuildTime began
	void     voids
	counters counters
	listing  listing
	matcher  matcher

	mu     sync.Mutex // guards the fields below
	rooms  map[signaling.RoomName]*room
	queues map[signaling.RoomName]*queue // newcomers that wait for rooms of an earlier process
	asleep []*room                       // rooms whose members were all lost, the longest asleep first
}

// A Config configures a Store. There are no defaults except where a field names one. Nothing may change after New.
type Config struct {
	// Clock measures all time except the dates in tickets and grants.
	Clock *clock.Clock
	// Grace is how long a member keeps its place after its session was lost. Zero or less means not at all.
	Grace time.Duration
	// KeptFrames and KeptBytes bound the signals that are kept for a member meanwhile.
	KeptFrames, KeptBytes int
	// MaxRooms is the largest number of rooms, and MaxMembers the largest number of members in each.
	MaxRooms, MaxMembers int

	// ResumeKey is the key for the tickets.
	ResumeKey []byte
	// Recovery is how long after New, and after Recover, a newcomer that names a room which does not exist waits for
	// members of an earlier process to restore it. Zero or less means no wait.
	Recovery time.Duration
	// RebuildTime is how long after New, and after Recover, the members of an earlier process may restore their
	// rooms.
	RebuildTime time.Duration
	// TicketAge is how long a ticket of an earlier process is valid, counted from when it was made. Zero or less
	// means forever.
	TicketAge time.Duration

	// Limits are sent in each welcome, with those of the room added.
	Limits signaling.Limits
	// MatchRules are the rules of the rooms that are made for matches.
	MatchRules signaling.RoomRules
	// ICEServers are sent to each member: at most MaxICEServers bytes of JSON.
	ICEServers []signaling.ICEServer
	// ICEServersFor returns additional ICE servers for one member, and how long they are valid. It is called without
	// locks. Nil means none.
	ICEServersFor func(room signaling.RoomName, id signaling.PeerID) (servers []signaling.ICEServer, validity time.Duration)

	// Networks returns the networks toward whose limits an address counts, the narrowest first.
	Networks func(netip.Addr) []netip.Prefix
	// Banned returns nil, or why a client with this address and subject may not have that seat in a room. It is
	// called right before a client gets a place, with the lock of the room held. So a new ban must first be known to
	// Banned, and then Expel must be called. Banned must not block. Nil means that nobody is banned.
	Banned func(remote netip.Addr, subject string, of Seat) *signaling.Error
	// Voided is called for members and rooms whose tickets become void. It must not block.
	Voided func(Seat)
	// Dropped is called with the drop reason for everything that is given up. It must not block.
	Dropped func(drop.Reason)
	// Matched is called for each session of a complete match, with the duration of its wait, and with an error if the
	// room could not be created. It is not called for a session that has ended while it waited.
	Matched func(s Session, waited time.Duration, err error)
	// Owns, Acts and Changed are for servers that share their rooms. Owns reports whether this server may create a
	// room of that name. Acts reports whether it may act for the rooms that it has. Changed is called for each room
	// whose Record has changed, and must be written, or that is gone. They must not block. Nil means that no other server has rooms.
	Owns    func(signaling.RoomName) bool
	Acts    func() bool
	Changed func(signaling.RoomName)
	// Log gets a line for each member that did not come back, and for each change of a host.
	Log *slog.Logger
}

// MaxICEServers is the most JSON that Config.ICEServers may take, in bytes. A list from Config.ICEServersFor may take half
// as much in addition.
const MaxICEServers = 16 << 10

// The reasons for which a Store, or the holder of a seat, gives something up.
const (
	DroppedGraceOver    drop.Reason = "grace_over"    // a member did not come back within its grace period
	DroppedDetachedFull drop.Reason = "detached_full" // a member that is away was sent more than is kept for it
	DroppedICEServers   drop.Reason = "ice_servers"   // a list from Config.ICEServersFor was too large
	DroppedBudget       drop.Reason = "over_budget"   // the account that pays had no room
)

// New returns a Store without rooms. The caller must Close it.
func New(config Config) (*Store, error) {
	tickets, err := newTickets(config.ResumeKey)
	if err != nil {
		return nil, err
	}
	s := &Store{
		config:      config,
		clock:       config.Clock,
		tickets:     tickets,
		process:     randomUint64(),
		passwordKey: make([]byte, 32),
		rooms:       make(map[signaling.RoomName]*room),
		queues:      make(map[signaling.RoomName]*queue),
	}
	rand.Read(s.passwordKey)
	s.matcher = matcher{store: s, queues: make(map[wish][]*Waiter)}
	return s, nil
}

// Recover starts Config.Recovery and RebuildTime anew. It is called when rooms of other servers may have been lost
// that only their members know.
func (s *Store) Recover() { s.began.Store(int64(s.clock.Now())) }

// recovering returns how long newcomers still wait for rooms that do not exist. Zero or less means not at all.
func (s *Store) recovering() time.Duration {
	return time.Duration(s.began.Load()) + s.config.Recovery - s.clock.Now()
}

// rebuilding reports whether members of an earlier process may still restore their rooms.
func (s *Store) rebuilding() bool {
	return s.clock.Now() < time.Duration(s.began.Load())+s.config.RebuildTime
}

// Close ends all rooms silently, and all grace periods. It is called when all sessions have ended.
func (s *Store) Close() {
	s.mu.Lock()
	rooms := slices.Collect(maps.Values(s.rooms))
	s.mu.Unlock()
	for _, r := range rooms {
		r.mu.Lock()
		r.end(nil)
		r.unlock()
	}
}

// Stats are figures of a Store. Rooms, Public, Members and Waiting are current; the others count since New.
type Stats struct {
	Rooms, Public, Members, Waiting int
	Joins, Resumes, Matches, Kicks  uint64
}

type counters struct {
	members                        atomic.Int64
	joins, resumes, matches, kicks atomic.Uint64
}

// Stats returns the current figures.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	rooms := len(s.rooms)
	s.mu.Unlock()
	c := &s.counters
	return Stats{
		Rooms: rooms, Public: s.listing.count(), Members: int(c.members.Load()), Waiting: s.matcher.count(),
		Joins: c.joins.Load(), Resumes: c.resumes.Load(), Matches: c.matches.Load(), Kicks: c.kicks.Load(),
	}
}

// List answers with a page of the public rooms.
func (s *Store) List(l signaling.List) signaling.Rooms {
	l = Begin(l)
	return Merge(l, []Page{s.Page(l)})
}

// Now returns the time of Config.Clock.
func (s *Store) Now() time.Duration { return s.clock.Now() }
