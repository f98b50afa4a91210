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
)

// A Store holds the rooms of one server.
type Store struct {
	// Fixed at construction.
	config      Config
	clock       *clock.Clock
	tickets     tickets
	process     uint64 // a random number, for tickets
	passwordKey []byte // of the MACs of passwords that were given

	// Safe for all.
	began    atomic.Int64 // by the clock: when Recovery and RebuildTime began
	void     voids
	counters counters
	listing  listing
	matcher  matcher

	mu     sync.Mutex // guards the fields below
	rooms  map[signaling.RoomName]*room
	queues map[signaling.RoomName]*queue // of newcomers who wait for rooms of an earlier process
	asleep []*room                       // all of whose members were lost, the longest asleep first
}

// A Config says how rooms are. There are no defaults but for those that are told, and nothing may change after New.
type Config struct {
	// Clock measures all time but the dates of tickets and grants.
	Clock *clock.Clock
	// Grace is how long a member whose session was lost keeps its place. Zero and less: it loses it at once.
	Grace time.Duration
	// KeptFrames and KeptBytes bound the signals that are kept for a member meanwhile.
	KeptFrames, KeptBytes int
	// MaxRooms is the most rooms, and MaxMembers the most members of each.
	MaxRooms, MaxMembers int

	// ResumeKey is of the tickets.
	ResumeKey []byte
	// Recovery is how long after New, and after Recover, a newcomer that names a room which does not exist waits for the members of an
	// earlier process to bring it back. Zero and less: not at all.
	Recovery time.Duration
	// RebuildTime is how long after New, and after Recover, the members of an earlier process may bring their rooms back.
	RebuildTime time.Duration
	// TicketAge is how long after it was made a ticket of an earlier process is good. Zero and less: for ever.
	TicketAge time.Duration

	// Limits are told in each welcome, with those of the room.
	Limits signaling.Limits
	// MatchRules are those of the rooms that a match makes.
	MatchRules signaling.RoomRules
	// ICEServers are handed to each member: at most MaxICEServers bytes of JSON.
	ICEServers []signaling.ICEServer
	// ICEServersFor returns those of one member, in addition, and for how long they are good. It is called without locks,
	// and only the member waits for it. Nil means none.
	ICEServersFor func(room signaling.RoomName, id signaling.PeerID) (servers []signaling.ICEServer, validity time.Duration)

	// Networks returns the networks of which an address counts for limits, the narrowest first.
	Networks func(netip.Addr) []netip.Prefix
	// Banned says why somebody from there, with that subject, may not have that seat in a room, or nil. It is asked right
	// before somebody gets a place, with the lock of the room held: whoever bans first makes that known to it, and then calls
	// Expel. It must not block. Nil: nobody is banned.
	Banned func(remote netip.Addr, subject string, of Seat) *signaling.Error
	// Voided hears of members and rooms whose tickets are void from now on. It must not block.
	Voided func(Seat)
	// Dropped hears the word for something that was given up. It must not block.
	Dropped func(word string)
	// Matched hears of each session that was matched, and how long it has waited, or of the error for which it was not.
	Matched func(s Session, waited time.Duration, err error)
	// Owns says whether this server may found a room of that name, and Acts whether it may act for the rooms that it has:
	// rooms are shared with other servers. Changed hears of each room whose Record has changed or that is gone. They
	// must not block. Nil: nobody else has rooms.
	Owns    func(signaling.RoomName) bool
	Acts    func() bool
	Changed func(signaling.RoomName)
	// Log hears of members that did not come back.
	Log *slog.Logger
}

// MaxICEServers is the most JSON that ICE servers may take in a welcome, in bytes.
const MaxICEServers = 16 << 10

// The words for what is given up.
const (
	DroppedGraceOver    = "grace_over"    // a member did not come back in time
	DroppedDetachedFull = "detached_full" // more was sent to a member that is away than is kept
	DroppedICEServers   = "ice_servers"   // a list of Config.ICEServersFor was too large
	DroppedBudget       = "over_budget"   // its account had no room for it
)

// New returns a Store without rooms. Its owner ends it with Close.
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

// Recover begins Config.Recovery and RebuildTime anew. It is for when rooms of other servers may have been lost, of which
// their members know.
func (s *Store) Recover() { s.began.Store(int64(s.clock.Now())) }

// recovering returns for how long newcomers wait for rooms that do not exist. Zero and less: not at all.
func (s *Store) recovering() time.Duration {
	return time.Duration(s.began.Load()) + s.config.Recovery - s.clock.Now()
}

// rebuilding reports whether members of an earlier process may bring their rooms back.
func (s *Store) rebuilding() bool {
	return s.clock.Now() < time.Duration(s.began.Load())+s.config.RebuildTime
}

// Close ends all rooms without a word, and the grace times that still run. It is for when all sessions have ended.
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

// Stats are figures of a Store. Rooms, Public, Members and Waiting are now; the others count since New.
type Stats struct {
	Rooms, Public, Members, Waiting int
	Joins, Resumes, Matches, Kicks  uint64
}

type counters struct {
	members                        atomic.Int64
	joins, resumes, matches, kicks atomic.Uint64
}

// Stats returns the figures of this moment.
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
