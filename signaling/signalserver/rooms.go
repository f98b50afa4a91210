package signalserver

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.org/rtcpeer/signaling"
)

// join finds or makes the room that a join message means, and enters it. Who waits to be matched has
// no member yet, and no error; nor has a session that has ended.
func (s *Server) join(session *session, j signaling.Join) (*member, error) {
	if err := s.mayAsk(session); err != nil {
		return nil, err
	}
	if j.Resume != "" {
		return s.resume(session, j)
	}
	a := s.arrive(session, j.Room)
	defer s.depart(a, j.Room)
	g, err := s.admit(session, Request{Join: j, Creates: s.room(j.Room) == nil})
	if err != nil {
		return nil, err
	}
	if err := s.checkBans(session.remote, seat{}, g.Subject); err != nil {
		return nil, err
	}
	if g.Metadata != nil {
		j.Metadata = g.Metadata
	}
	if j.Match != nil {
		return nil, s.matcher.enter(session, j, g)
	}
	s.await(session, a)
	if session.over() {
		return nil, nil // nobody is there to be let in
	}
	for {
		m, err := s.tryJoin(session, j, g)
		if !errors.Is(err, errGone) {
			return m, err
		}
		// That room is out of the way now. The next one is another.
	}
}

// mayAsk lets a join or a list pass, if the server and its limits do.
func (s *Server) mayAsk(session *session) error {
	if s.isDraining() {
		return &signaling.Error{Code: signaling.CodeShuttingDown, Text: "the server is being drained", RetryMillis: int(retryAfter.Milliseconds())}
	}
	return s.addresses.join(session.account.address)
}

// afford takes n bytes of an account, or returns the error for whoever needs them.
func (s *Server) afford(a account, n int) error {
	if why := a.hold(n); why != nil {
		s.counters.drop(droppedBudget)
		return why
	}
	return nil
}

func (s *Server) tryJoin(session *session, j signaling.Join, g Grant) (*member, error) {
	r := s.room(j.Room)
	if r == nil {
		var err error
		if r, err = s.found(session, j, g); err != nil {
			return nil, err
		}
	} else if err := s.checkPassword(session, r, j.Password); err != nil {
		return nil, err
	}
	return r.admit(session, j, g)
}

// found makes the room of a join, unless someone else was faster: then its password counts.
func (s *Server) found(session *session, j signaling.Join, g Grant) (*room, error) {
	d := session.dialect
	switch {
	case j.Room != "" && d.NamedRoomsExist:
		return nil, &signaling.Error{Code: signaling.CodeUnknownRoom, Text: fmt.Sprintf("no room %q", j.Room)}
	case !g.MayCreate:
		return nil, forbidden("no room %q, and none may be created", j.Room)
	}
	hash, err := newPassword(j.Password)
	if err != nil {
		return nil, err
	}
	made := terms{
		Topology:   cmp.Or(j.Topology, signaling.Mesh),
		Rules:      d.Room,
		Public:     j.NewRoom.Public,
		Metadata:   j.NewRoom.Metadata,
		MaxMembers: j.NewRoom.MaxMembers,
		Password:   hash,
	}
	created := false
	r, err := s.openRoom(session, j.Room, made, func(name signaling.RoomName) (*room, error) {
		created = true
		r := newRoom(s, name, made)
		if j.Password != "" {
			r.guard.right = macOf(j.Password, s.passwordKey)
		}
		return r, nil
	})
	if err == nil && !created {
		err = s.checkPassword(session, r, j.Password)
	}
	return r, err
}

func (s *Server) resume(session *session, j signaling.Join) (*member, error) {
	t, err := s.tickets.open(j.Resume)
	if err != nil {
		return nil, err
	}
	if j.Room != "" && j.Room != t.Room {
		return nil, refuseResume("the token is for room %q, not %q", t.Room, j.Room)
	}
	j.Room = t.Room
	g, err := s.admit(session, Request{Join: j, Creates: s.room(j.Room) == nil, Resume: true, ID: t.ID})
	if err != nil {
		return nil, err
	}
	if err := s.checkBans(session.remote, seat{t.Nonce, t.ID}, g.Subject, t.Subject); err != nil {
		return nil, err
	}
	if g.Metadata != nil {
		j.Metadata = g.Metadata
	}
	for {
		m, err := s.tryResume(session, j, g, t)
		if !errors.Is(err, errGone) {
			return m, err
		}
	}
}

func (s *Server) tryResume(session *session, j signaling.Join, g Grant, t ticket) (*member, error) {
	r, err := s.openRoom(session, t.Room, t.Terms, func(signaling.RoomName) (*room, error) {
		switch {
		case t.Process == s.process:
			return s.wakeRoom(t)
		case t.expired():
			return nil, expired()
		}
		if err := s.checkEarlier(t); err != nil {
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
func (s *Server) room(name signaling.RoomName) *room {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rooms[name]
}

// openRoom returns the room of that name, or builds and adds it for a session, whose address it counts for. An
// empty name means a new room, with a name as the dialect of the session has it.
func (s *Server) openRoom(by *session, name signaling.RoomName, t terms, build func(signaling.RoomName) (*room, error)) (*room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms[name]; r != nil {
		return r, nil
	}
	if len(s.rooms) >= s.config.MaxRooms {
		return nil, signaling.ErrTooManyRooms
	}
	for name == "" || s.rooms[name] != nil {
		name = randomName(cmp.Or(by.dialect.RoomNameLength, roomNameLength))
	}
	if err := s.addresses.found(by.account.address, t.Public); err != nil {
		return nil, err
	}
	if err := s.afford(by.account, roomCost(t)); err != nil {
		s.addresses.end(by.account.address, t.Public)
		return nil, err
	}
	r, err := build(name)
	if err != nil {
		by.account.release(roomCost(t))
		s.addresses.end(by.account.address, t.Public)
		return nil, err
	}
	r.founder = by.account
	s.rooms[name] = r
	if r.terms.Public {
		s.listing.add(r)
	}
	return r, nil
}

// allRooms returns them in the order of their names.
func (s *Server) allRooms() []*room {
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
	// roomNameLength makes names of 50 bits, enough not to be found by trying.
	roomNameLength = 10
	// maxRoomNameLength is that of a rand.Text.
	maxRoomNameLength = 26
)

// randomName has letters and digits of base32, which has no 0, 1, 8 and 9 to take for letters.
func randomName(length int) signaling.RoomName {
	return signaling.RoomName(strings.ToLower(rand.Text()[:length]))
}

// forgetRoom takes a room without members out of the way. Where all its members were lost it sleeps: they may
// come back to it as they may to one in which somebody is left, as long as nobody else takes its name.
func (s *Server) forgetRoom(r *room, sleeps bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms[r.name] != r {
		return
	}
	delete(s.rooms, r.name)
	r.founder.release(roomCost(r.terms))
	s.addresses.end(r.founder.address, r.terms.Public)
	if r.terms.Public {
		s.listing.remove(r)
	}
	switch {
	case sleeps:
		s.lull(r)
	case r.returned != nil && s.rebuilding():
		s.void.add(seat{Nonce: r.nonce}) // or tickets of the earlier process would build it again
	}
}
