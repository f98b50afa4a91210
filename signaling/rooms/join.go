package rooms

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/rtcpeer/signaling"
)

// Join finds or creates the room of a join message, and enters it. It calls admit, without locks, to ask whether the
// session may do so; admit may take its time. If the room has ended meanwhile, Join calls admit again, with Creates. A
// session that waits to be matched gets a Waiter and no member yet. A session that has ended gets neither, and no error.
// An error that is not a *signaling.Error is internal.
func (s *Store) Join(session Session, j signaling.Join, admit func(Ask) (Grant, error)) (*Member, *Waiter, error) {
	return s.JoinAs(session, j, "", admit)
}

// JoinAs is Join with the name for a new room, if the join message gives none. If name is empty, the Store chooses
// one.
func (s *Store) JoinAs(session Session, j signaling.Join, name signaling.RoomName, admit func(Ask) (Grant, error)) (*Member, *Waiter, error) {
	if j.Resume != "" {
		m, err := s.resume(session, j, admit)
		return m, nil, err
	}
	a := s.arrive(session, j.Room)
	defer s.depart(a, j.Room)
	ask := Ask{Join: j, Creates: s.room(j.Room) == nil}
	for {
		g, err := admit(ask)
		if err != nil {
			return nil, nil, err
		}
		j.Metadata = ask.Join.Metadata
		if g.Metadata != nil {
			j.Metadata = g.Metadata
		}
		if j.Match != nil {
			w, err := s.matcher.enter(session, j, g)
			return nil, w, err
		}
		s.await(session, a)
		if over(session) {
			return nil, nil, nil // there is no client left to admit
		}
		m, err := s.enter(session, j, name, g, ask.Creates)
		if errors.Is(err, errCreates) {
			ask.Creates = true
			continue
		}
		if errors.Is(err, errOver) {
			return nil, nil, nil
		}
		if err == nil {
			m.welcome(session, false)
		}
		return m, nil, err
	}
}

// enter gives a session that was admitted a place. If the room does not exist and the session was not admitted to create
// it, enter returns errCreates.
func (s *Store) enter(session Session, j signaling.Join, name signaling.RoomName, g Grant, creates bool) (*Member, error) {
	for {
		m, err := s.tryJoin(session, j, name, g, creates)
		if !errors.Is(err, errGone) { // else that room no longer has the name: try again with another one
			return m, err
		}
	}
}

// errCreates is returned for a join that was admitted to a room that existed then and is gone now.
var errCreates = errors.New("rooms: the session must be admitted again, because the room does not exist")

// An Ask is what a client asks to be admitted to.
type Ask struct {
	Join    signaling.Join // if the client resumes, with the room of the ticket
	Creates bool           // there is no such room at the moment; without it, the session creates none
	// Resume is true for a client that resumes: then Seat and Subject are those of its ticket.
	Resume  bool
	Seat    Seat
	Subject string
}

// A Grant says what an admitted client may do. The zero value admits it to rooms that others have created.
type Grant struct {
	// MayCreate lets the client create the room that it names, and rooms without a name. Without it, the error for
	// these is forbidden. To be matched, the client needs MayHost as well.
	MayCreate bool `json:"may_create,omitzero"`
	// MayHost lets the client become the host. The first member with MayHost does so; a room can be without a host
	// until then. In a room that migrates, MayHost also lets it become the host later.
	MayHost bool `json:"may_host,omitzero"`
	// Name, if not empty, becomes the field "name" of the client's metadata, whatever the client gave.
	Name string `json:"name,omitzero"`
	// Metadata, if not nil, replaces the client's own metadata: at most signaling.MaxMetadata bytes of JSON, together
	// with Name.
	Metadata json.RawMessage `json:"metadata,omitempty"`
	// Fixed is set by the server if Metadata was granted: the member cannot change it.
	Fixed bool `json:"fixed,omitzero"`
	// Subject, if not empty, identifies the client for bans: for instance the subject of its access token. At most
	// MaxSubject bytes are kept.
	Subject string `json:"subject,omitzero"`
	// Expires, if not zero, is when the membership ends, with the error expired. If it is zero for a client that
	// resumes, the earlier time still holds.
	Expires time.Time `json:"expires,omitzero"`
	// Left is set when the grant goes to another server, whose wall clock may differ: how long the membership still
	// lasts. If it is not zero, it counts instead of Expires.
	Left time.Duration `json:"left,omitzero"`
}

// Sent returns the grant as it is sent to another server.
func (s *Store) Sent(g Grant) Grant {
	if !g.Expires.IsZero() {
		g.Left = max(1, s.clock.At(g.Expires)-s.clock.Now())
	}
	return g
}

// MaxSubject is the longest Grant.Subject that a ticket can hold, in bytes.
const MaxSubject = 128

// afford takes n bytes of an account, or returns an error.
func (s *Store) afford(a Account, n int) error {
	if why := a.Hold(n); why != nil {
		s.config.Dropped(DroppedBudget)
		return why
	}
	return nil
}

func (s *Store) tryJoin(session Session, j signaling.Join, name signaling.RoomName, g Grant, creates bool) (*Member, error) {
	r := s.room(j.Room)
	if r == nil && !creates {
		return nil, errCreates
	}
	if r == nil {
		var err error
		if r, err = s.found(session, j, name, g); err != nil {
			return nil, err
		}
	} else if err := s.mayEnter(session, r, j); err != nil {
		return nil, err
	}
	return r.admit(session, j, g)
}

// mayEnter returns nil, or why a join may not enter an existing room.
func (s *Store) mayEnter(session Session, r *room, j signaling.Join) error {
	if j.Create == signaling.CreateOnly {
		return &signaling.Error{Code: signaling.CodeRoomExists, Text: fmt.Sprintf("room %q already exists: choose another name", r.name)}
	}
	return s.checkPassword(session, r, j.Password)
}

// found creates the room of a join. If another join was faster, that join's password counts.
func (s *Store) found(session Session, j signaling.Join, name signaling.RoomName, g Grant) (*room, error) {
	d := session.Dialect()
	switch {
	case j.Room != "" && d.NamedRoomsExist:
		return nil, &signaling.Error{Code: signaling.CodeUnknownRoom, Text: fmt.Sprintf("no room %q", j.Room)}
	case !g.MayCreate && j.Create != signaling.CreateNever: // CreateNever does not create a room: see below
		return nil, forbidden("no room %q, and this member may not create it", j.Room)
	}
	hash, err := newPassword(j.Password)
	if err != nil {
		return nil, err
	}
	made := fixed{
		Topology:   cmp.Or(j.Topology, signaling.Mesh),
		Rules:      d.Room,
		Public:     j.NewRoom.Public,
		Metadata:   j.NewRoom.Metadata,
		MaxMembers: j.NewRoom.MaxMembers,
		Password:   hash,
	}
	if j.NewRoom.Migrates && made.Topology == signaling.Star {
		made.Migrates, made.HostTimeout = true, j.NewRoom.HostTimeoutMillis
	}
	created := false
	r, err := s.openRoom(session, cmp.Or(j.Room, name), made, func(name signaling.RoomName) (*room, error) {
		if j.Create == signaling.CreateNever {
			return nil, &signaling.Error{Code: signaling.CodeUnknownRoom, Text: fmt.Sprintf("no room %q: nobody has created it yet", name)}
		}
		created = true
		r := newRoom(s, name, made)
		if j.Password != "" {
			r.guard.right = macOf(j.Password, s.passwordKey)
		}
		return r, nil
	})
	if err == nil && !created {
		err = s.mayEnter(session, r, j)
	}
	return r, err
}

func (s *Store) resume(session Session, j signaling.Join, admit func(Ask) (Grant, error)) (*Member, error) {
	t, err := s.tickets.open(j.Resume)
	if err != nil {
		return nil, err
	}
	if j.Room != "" && j.Room != t.Room {
		return nil, refuseResume("the token is for room %q, not %q", t.Room, j.Room)
	}
	j.Room = t.Room
	g, err := admit(Ask{Join: j, Creates: s.room(j.Room) == nil, Resume: true, Seat: Seat{t.Nonce, t.ID}, Subject: t.Subject})
	if err != nil {
		return nil, err
	}
	if g.Metadata != nil {
		j.Metadata = g.Metadata
	}
	for {
		m, err := s.tryResume(session, j, g, t)
		switch {
		case errors.Is(err, errOver):
			return nil, nil
		case errors.Is(err, errGone):
			continue
		}
		if err == nil {
			m.welcome(session, m.id == t.ID)
		}
		return m, err
	}
}

func (s *Store) tryResume(session Session, j signaling.Join, g Grant, t ticket) (*Member, error) {
	r, err := s.openRoom(session, t.Room, t.Fixed, func(signaling.RoomName) (*room, error) {
		switch {
		case t.Process == s.process || s.sleeping(t.Nonce) >= 0:
			return s.wakeRoom(t)
		case t.expired():
			return nil, Expired()
		}
		if err := s.checkEarlier(t, 0); err != nil {
			return nil, err
		}
		s.tellRebuilt(t.Room)
		return rebuildRoom(s, t), nil
	})
	if err != nil {
		return nil, err
	}
	return r.readmit(session, j, g, t)
}

// room returns the room of that name, or nil.
func (s *Store) room(name signaling.RoomName) *room {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rooms[name]
}

// openRoom returns the room of that name, or builds and adds it. The new room counts for the address of the session.
// An empty name means a new room with a random name, as the dialect of the session demands.
func (s *Store) openRoom(by Session, name signaling.RoomName, t fixed, build func(signaling.RoomName) (*room, error)) (*room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms[name]; r != nil {
		return r, nil
	}
	if name != "" && s.config.Owns != nil && !s.config.Owns(name) {
		return nil, ErrElsewhere
	}
	if len(s.rooms) >= s.config.MaxRooms {
		return nil, signaling.ErrTooManyRooms
	}
	for name == "" || s.rooms[name] != nil {
		name = NewName(by.Dialect())
	}
	pays := by.Account()
	if err := pays.Found(t.Public); err != nil {
		return nil, err
	}
	if err := s.afford(pays, roomCost(t)); err != nil {
		pays.Ended(t.Public)
		return nil, err
	}
	r, err := build(name)
	if err != nil {
		pays.Release(roomCost(t))
		pays.Ended(t.Public)
		return nil, err
	}
	r.founder = pays
	s.add(r)
	return r, nil
}

// add adds a room to those that are awake. The caller holds mu.
func (s *Store) add(r *room) {
	s.rooms[r.name] = r
	if r.fixed.Public {
		s.listing.add(r)
	}
}

// allRooms returns all rooms, ordered by name.
func (s *Store) allRooms() []*room {
	s.mu.Lock()
	rooms := make([]*room, 0, len(s.rooms))
	for _, r := range s.rooms {
		rooms = append(rooms, r)
	}
	s.mu.Unlock()
	slices.SortFunc(rooms, byName)
	return rooms
}

func byName(a, b *room) int { return cmp.Compare(a.name, b.name) }

const (
	// roomNameLength makes names of 50 bits, which cannot be found by trying.
	roomNameLength = 10
	// MaxRoomNameLength is the length of a rand.Text.
	MaxRoomNameLength = 26
)

// NewName returns a name for a room that a session of that dialect creates.
func NewName(d *signaling.Dialect) signaling.RoomName {
	return randomName(cmp.Or(d.RoomNameLength, roomNameLength))
}

// randomName returns letters and digits of base32, which has no 0, 1, 8 and 9 that look like letters.
func randomName(length int) signaling.RoomName {
	return signaling.RoomName(strings.ToLower(rand.Text()[:length]))
}

// forgetRoom takes a room without members out of the Store. If all its members were lost, the room is asleep: its
// members may still resume, as long as nobody else takes the name. If the room is elsewhere, it is no longer this
// server's, so Config.Changed is not called.
func (s *Store) forgetRoom(r *room, sleeps, elsewhere bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms[r.name] != r {
		return
	}
	delete(s.rooms, r.name)
	r.founder.Release(roomCost(r.fixed))
	r.founder.Ended(r.fixed.Public)
	if r.fixed.Public {
		s.listing.remove(r)
	}
	if elsewhere {
		return
	}
	defer s.changed(r.name)
	switch {
	case sleeps:
		s.lull(r)
	case r.returned != nil && s.rebuilding():
		s.void.add(Seat{Nonce: r.nonce}) // otherwise tickets of the earlier process would rebuild it
	}
}

// Expired returns the error for a client whose grant has ended.
func Expired() *signaling.Error {
	return &signaling.Error{Code: signaling.CodeExpired, Text: "the admission has ended"}
}

func forbidden(format string, args ...any) error {
	return &signaling.Error{Code: signaling.CodeForbidden, Text: fmt.Sprintf(format, args...)}
}
