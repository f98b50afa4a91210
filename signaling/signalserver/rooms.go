package signalserver

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"example.org/rtcpeer/signaling"
)

// join finds or makes the room that a join message means, and enters it.
func (s *Server) join(session *session, j signaling.Join) (*member, error) {
	for {
		m, err := s.tryJoin(session, j)
		if !errors.Is(err, errGone) {
			return m, err
		}
		// That room is out of the way now. The next one is another.
	}
}

func (s *Server) tryJoin(session *session, j signaling.Join) (*member, error) {
	if j.Resume != "" {
		return s.tryResume(session, j)
	}
	s.awaitRebuilt(session, j.Room)
	d := session.dialect
	r, err := s.openRoom(j.Room, d, func(name signaling.RoomName) *room { return newRoom(s, name, j.Topology, d.Room) })
	if err != nil {
		return nil, err
	}
	return r.admit(session, j)
}

func (s *Server) tryResume(session *session, j signaling.Join) (*member, error) {
	t, err := openTicket(s.config.ResumeKey, j.Resume)
	if err != nil {
		return nil, err
	}
	if j.Room != "" && j.Room != t.room {
		return nil, refuseResume("the token is for room %q, not %q", t.room, j.Room)
	}
	r, err := s.openRoom(t.room, session.dialect, func(signaling.RoomName) *room {
		s.tellRebuilt()
		return rebuildRoom(s, t)
	})
	if err != nil {
		return nil, err
	}
	return r.readmit(session, j, t)
}

// openRoom returns the room of that name, or builds and adds it as the dialect of who asks has it. An
// empty name means a new room.
func (s *Server) openRoom(name signaling.RoomName, d *signaling.Dialect, build func(signaling.RoomName) *room) (*room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms[name]; r != nil {
		return r, nil
	}
	switch {
	case name != "" && d.NamedRoomsExist:
		return nil, &signaling.Error{Code: signaling.CodeUnknownRoom, Text: fmt.Sprintf("no room %q", name)}
	case len(s.rooms) >= s.config.MaxRooms:
		return nil, signaling.ErrTooManyRooms
	}
	for name == "" || s.rooms[name] != nil {
		name = randomName(cmp.Or(d.RoomNameLength, roomNameLength))
	}
	r := build(name)
	s.rooms[name] = r
	return r, nil
}

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

func (s *Server) forgetRoom(r *room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms[r.name] == r {
		delete(s.rooms, r.name)
	}
}
