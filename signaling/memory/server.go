// Package memory is a signaling server without sockets, for tests and for programs whose members are all in one
// process. It uses the same rooms as signalserver, so the same rules apply for ids, seals, locks, kicks, passwords,
// matches and lists of public rooms.
//
//	server := memory.NewServer()
//	defer server.Close()
//	message := rtcpeer.JoinMessage(config)
//	message.Room = "hall"
//	client, err := server.Join(ctx, message)
//	node, err := rtcpeer.New(ctx, client, config)
//
// A message takes the same way as over a network, without the sockets: it is encoded, checked and decoded.
//
//	Client.Send -> rooms.Member -> session.Deliver of another member -> its queue -> Client.Receive
//
// A connection in memory is never lost unless Client.Suspend does that, a member that is closed has left, and there is
// no second Welcome. There are no access tokens, no ICE servers and no relayed links. Everything may run inside a
// testing/synctest bubble, with nodes over the transport of package rtcpeer/transport/memory.
package memory

import (
	"context"
	"log/slog"
	"math"
	"net/netip"
	"sync"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/clock"
	"example.org/rtcpeer/signaling/drop"
	"example.org/rtcpeer/signaling/rooms"
)

// A Server has any number of rooms and members. It is safe for concurrent use.
type Server struct {
	store   *rooms.Store
	dialect *signaling.Dialect
	closed  chan struct{}
	once    sync.Once
}

// NewServer returns a server without rooms. It starts no goroutines. The caller must Close it.
func NewServer() *Server {
	store, err := rooms.New(rooms.Config{
		Clock:      clock.New(awake),
		Grace:      grace,
		KeptFrames: maxQueue,
		KeptBytes:  math.MaxInt32,
		MaxRooms:   math.MaxInt32,
		MaxMembers: math.MaxInt32,
		Limits:     signaling.Limits{MessageBytes: signaling.MaxMessage},
		Networks:   func(netip.Addr) []netip.Prefix { return nil },
		Voided:     func(rooms.Seat) {},
		Dropped:    func(drop.Reason) {},
		Matched:    func(rooms.Session, time.Duration, error) {},
		Log:        slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err) // only a ResumeKey can be wrong, and there is none
	}
	return &Server{store: store, dialect: signaling.V1(), closed: make(chan struct{})}
}

// grace is how long the place of a suspended member is kept.
const grace = 30 * time.Second

// awake is longer than any process lives, so nobody needs to call Tick.
const awake = 100 * 365 * 24 * time.Hour

// Join gives a new member a place in a room, as a server does when it receives join. It enters the room with that
// name, or creates it if there is none; without a name it creates a new room. With join.Match it waits for the other
// members until ctx is done. The caller owns the client and must Close it, unless it hands the client to rtcpeer.New.
//
// The error is a *signaling.Error if join is invalid or refused (because the room is sealed or locked, or has another
// topology or password), or the cause of ctx.
func (s *Server) Join(ctx context.Context, join signaling.Join) (*Client, error) {
	heard, err := s.carry(join)
	if err != nil {
		return nil, err
	}
	if s.over() {
		return nil, errShuttingDown
	}
	session := newSession(s)
	c := &Client{session}
	member, waiter, err := s.store.Join(session, heard.(signaling.Join), admit)
	if err != nil {
		return nil, err
	}
	if waiter != nil {
		err = session.awaitMatch(ctx, waiter)
	} else {
		session.Seated(member)
	}
	if err == nil && s.over() { // Close may have ended the other rooms before this one was there
		err = errShuttingDown
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// carry encodes and decodes a message, as on its way to a server.
func (s *Server) carry(m signaling.Message) (signaling.Message, error) {
	frame, err := signaling.JSON.Encode(m)
	if err != nil {
		return nil, err
	}
	return s.dialect.Decode(frame)
}

var errShuttingDown = &signaling.Error{Code: signaling.CodeShuttingDown, Text: "the memory server is closed"}

func admit(rooms.Ask) (rooms.Grant, error) { return rooms.Grant{MayCreate: true, MayHost: true}, nil }

func (s *Server) over() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// Close ends all rooms: Receive of each member returns a *signaling.Error with CodeRoomClosed. A later Join is
// refused with CodeShuttingDown. Close may be called again.
func (s *Server) Close() {
	s.once.Do(func() {
		close(s.closed)
		for _, r := range s.store.Rooms() {
			s.store.CloseRoom(r.Name, "the memory server is closed")
		}
		s.store.Close()
	})
}

// free is an account without limits or costs, because all members are in one process.
type free struct{}

func (free) Hold(int) *signaling.Error { return nil }
func (free) Force(int)                 {}
func (free) Release(int)               {}
func (free) Found(bool) error          { return nil }
func (free) Ended(bool)                {}
func (free) MayFound() error           { return nil }
func (free) Network() (any, bool)      { return nil, true }
