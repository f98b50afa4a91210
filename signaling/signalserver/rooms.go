package signalserver

import (
	"crypto/rand"
	"errors"
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
	r, err := s.openRoom(j.Room, func(name signaling.RoomName) *room { return newRoom(s, name, j.Topology) })
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
	r, err := s.openRoom(t.room, func(signaling.RoomName) *room {
		s.tellRebuilt()
		return rebuildRoom(s, t)
	})
	if err != nil {
		return nil, err
	}
	return r.readmit(session, j, t)
}

// openRoom returns the room of that name, or builds and adds it. An empty name means a new room.
func (s *Server) openRoom(name signaling.RoomName, build func(signaling.RoomName) *room) (*room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms[name]; r != nil {
		return r, nil
	}
	if len(s.rooms) >= s.config.MaxRooms {
		return nil, &signaling.Error{Code: signaling.CodeServerFull, Text: "too many rooms"}
	}
	for name == "" || s.rooms[name] != nil {
		name = randomName()
	}
	r := build(name)
	s.rooms[name] = r
	return r, nil
}

// randomName has 10 letters and digits of base32, which has no 0, 1, 8 and 9 to take for letters:
// 50 bits, enough not to be found by trying.
func randomName() signaling.RoomName {
	return signaling.RoomName(strings.ToLower(rand.Text()[:10]))
}

func (s *Server) forgetRoom(r *room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms[r.name] == r {
		delete(s.rooms, r.name)
	}
}
