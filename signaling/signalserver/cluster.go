package signalserver

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gorilla/websocket"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/cluster"
	"example.org/rtcpeer/signaling/rooms"
)

// The parts of a Server that shares its rooms with other servers. Package cluster has the rest.

func (s *Server) newNode() *cluster.Node {
	dialects := map[string]*signaling.Dialect{signaling.Subprotocol: s.own}
	if s.config.Plain != nil {
		dialects[plainName] = s.config.Plain
	}
	unknown := &address{all: s.addresses, open: true, share: 1}
	return cluster.New(cluster.Config{
		Bus:      s.config.Bus,
		Server:   s.config.ServerName,
		Dialects: dialects,
		Account: func(remote netip.Addr) rooms.Account {
			if !remote.IsValid() {
				return unknown
			}
			return s.addresses.of(remote)
		},
		Answer:  s.answer,
		Observe: func(took time.Duration) { s.took(PhaseBus, took) },
		Key:     fingerprint(s.config.ResumeKey),
		Log:     s.config.Log,
	})
}

// fingerprint tells keys apart without revealing them.
func fingerprint(key []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("rtcpeer resume key"))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// plainName is the name of Config.Plain among all servers.
const plainName = "plain"

// Ready returns nil if the server can take members. A server that shares its rooms returns an error while it has no
// lease or does not know the leases of the others. Ready ignores draining: see Stats.Draining.
func (s *Server) Ready() error {
	if s.node == nil {
		return nil
	}
	return s.node.Ready()
}

// ClusterStats returns the figures of package cluster, or false for a server that does not share its rooms.
func (s *Server) ClusterStats() (cluster.Stats, bool) {
	if s.node == nil {
		return cluster.Stats{}, false
	}
	return s.node.Stats(), true
}

// handOverTime is how long handing over the rooms may take. The other servers take over the rooms in any case, but
// some seconds later.
const handOverTime = 3 * time.Second

// handOver hands the rooms over to the other servers.
func (s *Server) handOver(ctx context.Context) error {
	if s.node == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, handOverTime)
	defer cancel()
	if err := s.node.HandOver(ctx); err != nil {
		return fmt.Errorf("signalserver: hand over the rooms: %w", err)
	}
	return nil
}

func (s *session) enterCluster(j signaling.Join) (joined bool, err error) {
	p, err := s.server.node.Enter(s, j, s.admitted)
	if err != nil || p == nil {
		return false, err
	}
	s.place.Store(p)
	if m := s.member.Load(); m != nil {
		s.server.expelBanned(m)
	}
	return !p.Waiting(), nil
}

// waits reports whether the session waits to be matched, or has a place in a room of another server.
func (s *session) waits() bool { return s.place.Load() != nil }

// The methods that package cluster needs of a session.

func (s *session) Push(frames [][]byte)      { s.push(websocket.TextMessage, frames...) }
func (s *session) Member() *rooms.Member     { return s.member.Load() }
func (s *session) SetMember(m *rooms.Member) { s.member.Store(m) }
func (s *session) DialectName() string {
	if s.dialect == s.server.own {
		return signaling.Subprotocol
	}
	return plainName
}

// Forwards is for rooms of this server: no binary frames are forwarded between two servers.
func (s *session) Forwards() bool { return s.server.config.RelayLinks }

// Welcomed does nothing here: only sessions of other servers need it.
func (s *session) Welcomed(*rooms.Member, rooms.Attachment, string) {}

// Listed answers a List that another server has passed back to this one.
func (s *session) Listed(l signaling.List) {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.stopping {
		return
	}
	s.server.wg.Go(func() {
		if err := s.list(l); err != nil {
			s.refuse(err)
		}
	})
}

// askTime is how long other servers may take to answer. The answers of slower ones are left out.
const askTime = time.Second

// ask sends a question to all other servers and returns their answers.
func ask[T any](s *Server, op string, body any) (answers []T) {
	if s.node == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	for _, b := range s.node.Ask(ctx, op, body) {
		var answer T
		if json.Unmarshal(b, &answer) == nil {
			answers = append(answers, answer)
		}
	}
	return answers
}

// askWhether asks all other servers and reports whether one of them has answered true.
func (s *Server) askWhether(op string, body any) bool {
	return slices.Contains(ask[bool](s, op, body), true)
}

// The questions between servers, with their bodies and answers.
const (
	opList    = "list"    // signaling.List; answer: rooms.Page
	opRooms   = "rooms"   // nothing; answer: []RoomInfo
	opMembers = "members" // order with Room; answer: []MemberInfo
	opKick    = "kick"    // order; answer: bool
	opClose   = "close"   // order; answer: bool
	opLock    = "lock"    // order; answer: bool
	opBan     = "ban"     // sharedBan; answer: bool
	opUnban   = "unban"   // number; answer: bool
	opBans    = "bans"    // nothing; answer: []sharedBan
	opLifted  = "lifted"  // nothing; answer: []uint64
	opSeat    = "seat"    // order with Room; answer: rooms.Seat with the nonce of the room, or 0
	opVoid    = "void"    // []rooms.Seat whose tickets are void; answer: bool
	opVoids   = "voids"   // nothing; answer: []rooms.Seat
)

// An order is an administrator's command for a room.
type order struct {
	Room   signaling.RoomName `json:"room"`
	ID     signaling.PeerID   `json:"id,omitempty"`
	Reason string             `json:"reason,omitempty"`
	Locked bool               `json:"locked,omitempty"`
}

// A sharedBan is a ban with its seat, and how long it still lasts: the wall clocks of the servers may differ.
type sharedBan struct {
	Ban  Ban           `json:"ban"`
	Seat rooms.Seat    `json:"seat"`
	Left time.Duration `json:"left,omitzero"`
}

// listAll answers a List with the public rooms of all servers.
func (s *Server) listAll(l signaling.List) signaling.Rooms {
	if s.node == nil {
		return s.rooms.List(l)
	}
	l = rooms.Begin(l)
	return rooms.Merge(l, append(ask[rooms.Page](s, opList, l), s.rooms.Page(l)))
}

// answer answers a question from another server.
func (s *Server) answer(op string, body json.RawMessage) (any, error) {
	switch op {
	case opList:
		return answerTo(body, func(l signaling.List) any { return s.rooms.Page(l) })
	case opRooms:
		return s.rooms.Rooms(), nil
	case opMembers:
		return answerTo(body, func(o order) any {
			members, _ := s.rooms.Members(o.Room)
			return members
		})
	case opKick:
		return answerTo(body, func(o order) any { return s.rooms.Kick(o.Room, o.ID, o.Reason) })
	case opClose:
		return answerTo(body, func(o order) any { return s.rooms.CloseRoom(o.Room, o.Reason) })
	case opLock:
		return answerTo(body, func(o order) any { return s.rooms.SetLocked(o.Room, o.Locked) })
	case opSeat:
		return answerTo(body, func(o order) any {
			nonce, ok := s.rooms.Nonce(o.Room)
			if !ok {
				return rooms.Seat{}
			}
			return rooms.Seat{Nonce: nonce, ID: o.ID}
		})
	case opBan:
		return answerTo(body, func(b sharedBan) any { return s.takeBan(b) })
	case opVoid:
		return answerTo(body, func(list []rooms.Seat) any { return s.takeVoids(list) })
	case opVoids:
		return s.rooms.Voids(), nil
	case opUnban:
		return answerTo(body, func(number uint64) any { return s.unban(number) })
	case opBans:
		return s.sharedBans(), nil
	case opLifted:
		return s.bans.allLifted(), nil
	}
	return nil, fmt.Errorf("signalserver: unknown operation %q", op)
}

func answerTo[T any](body json.RawMessage, do func(T) any) (any, error) {
	var t T
	if err := json.Unmarshal(body, &t); err != nil {
		return nil, err
	}
	return do(t), nil
}

// takeBan enforces a ban of another server here, unless it is known.
func (s *Server) takeBan(shared sharedBan) bool {
	b := shared.Ban
	b.seat = shared.Seat
	if !s.bans.take(b, shared.Left) {
		return false
	}
	s.journal.add(record{Ban: &b, Ticket: &b.seat})
	s.enforce(b)
	return true
}

// takeVoids records tickets that other servers have declared void.
func (s *Server) takeVoids(list []rooms.Seat) bool {
	for _, of := range list {
		if s.rooms.Void(of) {
			s.journal.addVoid(of)
		}
	}
	return true
}

// shareWhatIsOver exchanges bans, lifted bans and void tickets with the other servers each time when this server may
// have been cut off from them. It returns when ctx ends.
func (s *Server) shareWhatIsOver(ctx context.Context) {
	for {
		select {
		case <-s.node.Back():
		case <-ctx.Done():
			return
		}
		for _, list := range ask[[]rooms.Seat](s, opVoids, nil) {
			s.takeVoids(list)
		}
		for _, numbers := range ask[[]uint64](s, opLifted, nil) {
			for _, number := range numbers {
				s.unban(number)
			}
		}
		for _, list := range ask[[]sharedBan](s, opBans, nil) {
			for _, b := range list {
				s.takeBan(b)
			}
		}
		if voids := s.rooms.Voids(); len(voids) > 0 {
			s.node.Tell(opVoid, voids)
		}
		for _, number := range s.bans.allLifted() {
			s.node.Tell(opUnban, number)
		}
		for _, b := range s.sharedBans() {
			s.node.Tell(opBan, b)
		}
	}
}

// shared returns a ban for other servers.
func (s *Server) shared(b Ban) sharedBan {
	shared := sharedBan{Ban: b, Seat: b.seat}
	if !b.Until.IsZero() {
		shared.Left = max(1, s.clock.At(b.Until)-s.clock.Now())
	}
	return shared
}

func (s *Server) sharedBans() (list []sharedBan) {
	for _, b := range s.Bans() {
		list = append(list, s.shared(b))
	}
	return list
}
