package rooms

import (
	"slices"

	"example.org/rtcpeer/signaling"
)

// A room whose members were all lost is asleep: it is not among the server's rooms, and its name is free, but its
// members may wake it with their tickets. It also wakes when another server, which was cut off, attaches its members
// again: see Adopt.

// maxAsleep is the most rooms that are asleep, and maxAsleepEach the most of these that one network has created,
// unless the network may stand for many clients. A network is an address, or the /48 around it.
const (
	maxAsleep     = 1024
	maxAsleepEach = 64
)

// lull adds a room to those that are asleep. The caller holds mu.
func (s *Store) lull(r *room) {
	network, open := r.founder.Network()
	same := 0
	for _, other := range s.asleep {
		if theirs, _ := other.founder.Network(); theirs == network {
			same++
		}
	}
	drop := slices.IndexFunc(s.asleep, func(other *room) bool {
		theirs, _ := other.founder.Network()
		return len(s.asleep) >= maxAsleep || same >= maxAsleepEach && !open && theirs == network
	})
	if drop >= 0 {
		s.changed(s.asleep[drop].name)
		s.asleep = slices.Delete(s.asleep, drop, drop+1)
	}
	s.asleep = append(s.asleep, r)
}

// wakeRoom returns the room of a ticket of this process. The room is not among the server's rooms, so it is asleep or
// over. The caller holds mu.
func (s *Store) wakeRoom(t ticket) (*room, error) {
	i := s.sleeping(t.Nonce)
	if i < 0 {
		return nil, refuseResume("room %q has ended", t.Room)
	}
	r := s.asleep[i]
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.mayReturn(nil, t); err != nil {
		return nil, err
	}
	s.asleep = slices.Delete(s.asleep, i, i+1)
	r.gone = false
	r.endAfterSeal()
	return r, nil
}

// sleeping returns the index of a room in asleep, or -1. The caller holds mu.
func (s *Store) sleeping(nonce uint64) int {
	return slices.IndexFunc(s.asleep, func(r *room) bool { return r.nonce == nonce })
}

// closeAsleep ends the rooms of that name that are asleep, and reports whether there were any.
func (s *Store) closeAsleep(name signaling.RoomName) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.acts() {
		return false
	}
	before := len(s.asleep)
	s.asleep = slices.DeleteFunc(s.asleep, func(r *room) bool {
		if r.name == name {
			s.config.Voided(Seat{Nonce: r.nonce})
			if r.returned != nil && s.rebuilding() {
				s.void.add(Seat{Nonce: r.nonce})
			}
		}
		return r.name == name
	})
	if len(s.asleep) == before {
		return false
	}
	s.changed(name)
	return true
}

// Nonce returns the nonce of the room of that name, which may be asleep. It differs from that of earlier rooms of the
// name.
func (s *Store) Nonce(name signaling.RoomName) (nonce uint64, ok bool) {
	r := s.awakeOrAsleep(name)
	if r == nil {
		return 0, false
	}
	return r.nonce, true
}

// awakeOrAsleep returns the room of that name, or else the last room of that name that fell asleep, or nil.
func (s *Store) awakeOrAsleep(name signaling.RoomName) *room {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms[name]; r != nil {
		return r
	}
	for _, r := range slices.Backward(s.asleep) {
		if r.name == name {
			return r
		}
	}
	return nil
}
