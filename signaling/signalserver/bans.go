package signalserver

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/clock"
	"example.org/rtcpeer/signaling/rooms"
)

// A Ban keeps a client out until it ends. Exactly one of Room with ID, Token, Subject and Prefix says which clients.
type Ban struct {
	// Number is chosen by Server.Ban, for Unban.
	Number uint64 `json:"number"`

	// Room and ID name a member, which may be away. It cannot resume with its ticket.
	Room signaling.RoomName `json:"room,omitempty"`
	ID   signaling.PeerID   `json:"id,omitempty"`
	// Token is the resume token of a member, instead of Room and ID.
	Token string `json:"token,omitempty"`
	// Subject bans all clients with this Grant.Subject from Config.Admit, in all rooms.
	Subject string `json:"subject,omitempty"`
	// Prefix bans all addresses in it.
	Prefix netip.Prefix `json:"prefix,omitzero"`

	// For is how long the ban lasts. Zero means forever.
	For time.Duration `json:"for,omitempty"`
	// Until is the date at which the ban ends, set by Server.Ban. Zero means never.
	Until time.Time `json:"until,omitzero"`
	// Reason is sent to the banned client: at most signaling.MaxText bytes.
	Reason string `json:"reason,omitempty"`

	seat rooms.Seat // the seat named by Room and ID, or by Token
}

const (
	// maxBans is the largest number of bans at a time.
	maxBans = 4096
)

// ErrTooManyBans is returned by Ban when there are 4096.
var ErrTooManyBans = errors.New("signalserver: too many bans: lift those that are no longer needed")

// A BanError is returned by Server.Ban if a field of the Ban is wrong, or if it names no client or more than one.
type BanError struct {
	Field string // of Ban, such as "Prefix"; "" if it is not about one of them
	Err   error  // what is wrong, and what to do
}

// Error returns what is wrong with which field.
func (e *BanError) Error() string {
	if e.Field == "" {
		return "signalserver: Ban: " + e.Err.Error()
	}
	return "signalserver: Ban." + e.Field + ": " + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *BanError) Unwrap() error { return e.Err }

// bans holds the bans that have not ended.
type bans struct {
	clock *clock.Clock // fixed at construction

	mu     sync.Mutex // guards the fields below
	last   uint64     // the last number given
	list   []*ban     // in the order of their numbers
	lifted []uint64   // numbers of the last maxBans that were lifted, for other servers that may not know it yet
}

type ban struct {
	Ban
	ends time.Duration // by the clock
}

// Ban keeps a client out from now on, and removes it if it is connected: members get the error kicked and their
// tickets become void; other sessions end with forbidden. New sessions from banned addresses are answered with 403,
// and joins of banned clients with the error forbidden. Ban returns the ban with its Number and its end; it does not
// keep the Token. With Config.StateFile, the ban survives a restart. The errors are *BanError and ErrTooManyBans.
func (s *Server) Ban(b Ban) (Ban, error) {
	if err := s.resolve(&b); err != nil {
		return Ban{}, err
	}
	if s.node != nil {
		b.Number = 1 + rand.Uint64N(1<<53) // no two servers choose the same
	}
	b, err := s.bans.add(b)
	if err != nil {
		return Ban{}, err
	}
	s.journal.add(record{Ban: &b, Ticket: &b.seat})
	s.enforce(b)
	s.askWhether(opBan, s.shared(b))
	return b, nil
}

// resolve checks a ban and finds its seat.
func (s *Server) resolve(b *Ban) error {
	kinds := 0
	for _, given := range []bool{b.Room != "" || b.ID != 0, b.Token != "", b.Subject != "", b.Prefix.IsValid()} {
		if given {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return &BanError{"", errors.New("want one of room with id, token, subject and prefix")}
	case b.For < 0:
		return &BanError{"For", fmt.Errorf("%v: want a positive time, or 0 for a ban without end", b.For)}
	case len(b.Reason) > signaling.MaxText:
		return &BanError{"Reason", fmt.Errorf("%d bytes: want at most %d", len(b.Reason), signaling.MaxText)}
	case b.Token != "":
		room, seat, err := s.rooms.Seat(b.Token)
		if err != nil {
			return &BanError{"Token", err}
		}
		b.Room, b.ID, b.Token, b.seat = room, seat.ID, "", seat
	case b.Room != "" || b.ID != 0:
		nonce, ok := s.nonceOf(b.Room)
		if !ok || !b.ID.Valid() {
			return &BanError{"", fmt.Errorf("there is no room %q, or no id %d in it", b.Room, b.ID)}
		}
		b.seat = rooms.Seat{Nonce: nonce, ID: b.ID}
	case b.Prefix.IsValid():
		b.Prefix = netip.PrefixFrom(b.Prefix.Addr().Unmap(), bitsOf(b.Prefix)).Masked()
		if !b.Prefix.IsValid() {
			return &BanError{"Prefix", errors.New("want a network, for example 203.0.113.0/24")}
		}
	}
	return nil
}

// nonceOf returns the nonce of a room on any of the servers. It differs for each room of that name.
func (s *Server) nonceOf(room signaling.RoomName) (uint64, bool) {
	if nonce, ok := s.rooms.Nonce(room); ok {
		return nonce, true
	}
	for _, seat := range ask[rooms.Seat](s, opSeat, order{Room: room}) {
		if seat.Nonce != 0 {
			return seat.Nonce, true
		}
	}
	return 0, false
}

// bitsOf returns the length of a prefix. An IPv4 prefix in IPv6 form counts as IPv4.
func bitsOf(p netip.Prefix) int {
	if p.Addr().Is4In6() {
		return p.Bits() - 96
	}
	return p.Bits()
}

func untilOf(b Ban) time.Time {
	if b.Until.IsZero() {
		return lastDate
	}
	return b.Until
}

// enforce removes the clients to which a new ban applies.
func (s *Server) enforce(b Ban) {
	waiting := s.rooms.Waiting(func(remote netip.Addr, subject string) bool { return b.about(remote, subject, rooms.Seat{}) })
	for _, w := range waiting { // before the rooms, because a match may give them places meanwhile
		w.Fail(b.refusal())
	}
	why := &signaling.Error{Code: signaling.CodeKicked, Text: cmp.Or(b.Reason, "removed from the room")}
	s.rooms.Expel(b.about, why)
	for _, session := range s.allSessions() {
		if b.about(session.remote, "", rooms.Seat{}) {
			session.refuse(b.refusal())
		}
	}
}

// about reports whether the ban applies to an address, a subject or the seat of a ticket.
func (b *Ban) about(remote netip.Addr, subject string, of rooms.Seat) bool {
	switch {
	case b.Prefix.IsValid():
		return b.Prefix.Contains(remote.Unmap().WithZone(""))
	case b.Subject != "":
		return b.Subject == subject
	}
	return b.seat == of && of != rooms.Seat{}
}

func (b *Ban) refusal() *signaling.Error {
	text := "banned"
	if !b.Until.IsZero() {
		text += " until " + b.Until.Format(time.RFC3339)
	}
	if b.Reason != "" {
		text += ": " + b.Reason
	}
	return &signaling.Error{Code: signaling.CodeForbidden, Text: text}
}

// Bans returns the bans that have not ended, in the order in which they were made.
func (s *Server) Bans() []Ban {
	s.bans.mu.Lock()
	defer s.bans.mu.Unlock()
	s.bans.forget()
	list := make([]Ban, 0, len(s.bans.list))
	for _, b := range s.bans.list {
		list = append(list, b.Ban)
	}
	return list
}

// Unban ends a ban early. It reports whether there was such a ban. A client that the ban has removed must join anew.
func (s *Server) Unban(number uint64) bool {
	here := s.unban(number)
	return s.askWhether(opUnban, number) || here
}

func (s *Server) unban(number uint64) bool {
	found := s.bans.lift(number)
	if found {
		s.journal.add(record{Unban: number})
	}
	return found
}

// lift ends a ban, and reports whether it was known.
func (l *bans) lift(number uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(l.list)
	l.list = slices.DeleteFunc(l.list, func(b *ban) bool { return b.Number == number })
	if len(l.list) == before {
		return false
	}
	l.lifted = append(l.lifted[max(0, len(l.lifted)+1-maxBans):], number)
	return true
}

func (l *bans) allLifted() []uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lifted)
}

func (l *bans) add(b Ban) (Ban, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
	if len(l.list) >= maxBans {
		return Ban{}, ErrTooManyBans
	}
	if b.Number == 0 {
		l.last++
		b.Number = l.last
	}
	ends := clock.Far
	if b.For > 0 {
		b.For = min(b.For, clock.Far)
		b.Until, ends = time.Now().Add(b.For), l.clock.Now()+b.For
	}
	l.list = append(l.list, &ban{b, ends})
	return b, nil
}

// take adds a ban of another server, unless it is known, has ended or was lifted, or there are too many. The ban ends after
// left, by this server's clock; zero means at its date.
func (l *bans) take(b Ban, left time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
	ends := l.clock.At(untilOf(b))
	if left > 0 {
		b.Until, ends = time.Now().Add(left), l.clock.Now()+left
	}
	if ends <= l.clock.Now() || len(l.list) >= maxBans || slices.Contains(l.lifted, b.Number) || slices.ContainsFunc(l.list, func(one *ban) bool { return one.Number == b.Number }) {
		return false
	}
	l.list = append(l.list, &ban{b, ends})
	return true
}

// restore adds a ban of an earlier process from the journal.
func (l *bans) restore(b Ban, of rooms.Seat) {
	b.seat = of
	l.last = max(l.last, b.Number)
	l.list = append(l.list, &ban{b, l.clock.At(untilOf(b))})
}

// forget drops the bans that have ended. The caller holds mu.
func (l *bans) forget() {
	now := l.clock.Now()
	l.list = slices.DeleteFunc(l.list, func(b *ban) bool { return b.ends <= now })
}

// find returns the error for a banned client, or nil if no ban applies.
func (l *bans) find(remote netip.Addr, subject string, of rooms.Seat) *signaling.Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
	for _, b := range l.list {
		if b.about(remote, subject, of) {
			return b.refusal()
		}
	}
	return nil
}

// checkBans returns the error for a client if a ban applies to its address, to one of the subjects, or to its seat.
func (s *Server) checkBans(remote netip.Addr, of rooms.Seat, subjects ...string) error {
	for _, subject := range subjects {
		if why := s.bans.find(remote, subject, of); why != nil {
			return why
		}
	}
	return nil
}

// expelBanned removes a member that was banned while it joined, as if it had been banned after it joined. It reports
// whether a ban applied.
func (s *Server) expelBanned(m *rooms.Member) bool {
	remote, subject, of := m.Who()
	why := s.bans.find(remote, subject, of)
	if why != nil {
		m.Expel(&signaling.Error{Code: signaling.CodeKicked, Text: why.Text})
	}
	return why != nil
}
