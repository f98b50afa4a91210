package signalserver

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"example.org/rtcpeer/signaling"
)

// A matcher puts those together who ask for the same. There is at most one place in its queues for each
// session, and it goes with the session. Its mu comes before Server.mu.
type matcher struct {
	server *Server // fixed at construction

	mu      sync.Mutex // guards the fields below
	queues  map[wish][]*waiter
	waiting int
}

// A wish is what is the same for those who are matched.
type wish struct {
	key      string
	size     int
	topology signaling.Topology
}

// A waiter is a session that waits, and with what it will join.
type waiter struct {
	session *session
	wish    wish
	join    signaling.Join
	grant   Grant
	cost    int // of the join, while it waits
	began   time.Time
}

// enter puts a session into its queue, and is the one that makes the room when there are enough.
func (q *matcher) enter(s *session, j signaling.Join, g Grant) error {
	w := &waiter{session: s, join: j, grant: g, began: time.Now()}
	w.wish = wish{j.Match.Key, j.Match.Size, cmp.Or(j.Topology, signaling.Mesh)}
	switch size := w.wish.size; {
	case !g.MayCreate || !g.MayHost:
		return forbidden("a match is a new room, which may not be created")
	case size > q.server.config.MaxMembers:
		return &signaling.Error{Code: signaling.CodeForbidden, Text: fmt.Sprintf("rooms have at most %d members here", q.server.config.MaxMembers)}
	case rosterSize(j) > maxRoster/size:
		return &signaling.Error{Code: signaling.CodeRoomFull, Text: fmt.Sprintf("too much metadata and channels for a match of %d", size)}
	}
	w.join.Token = "" // it has been used
	w.cost = memberCost(j)
	if err := q.server.addresses.mayFound(s.account.address); err != nil {
		return err
	}
	if err := q.server.afford(s.account, w.cost); err != nil {
		return err
	}
	s.waiter = w
	for _, w := range q.add(w) {
		w.session.log("matched")
		q.server.observe(PhaseMatch, w.began)
	}
	return nil
}

// add puts one more into its queue. When it is the last that was missing all of them get their places,
// and are returned.
func (q *matcher) add(w *waiter) []*waiter {
	q.mu.Lock()
	defer q.mu.Unlock()
	group := append(q.queues[w.wish], w)
	q.waiting++
	if len(group) < w.wish.size {
		q.queues[w.wish] = group
		return nil
	}
	delete(q.queues, w.wish)
	q.waiting -= len(group)
	for _, w := range group {
		w.session.account.release(w.cost)
	}
	return q.server.seat(group)
}

// leave takes a session out of its queue, if it is still there.
func (q *matcher) leave(s *session) {
	if s.waiter == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	wish := s.waiter.wish
	i := slices.Index(q.queues[wish], s.waiter)
	if i < 0 {
		return
	}
	q.queues[wish] = slices.Delete(q.queues[wish], i, i+1)
	q.waiting--
	s.account.release(s.waiter.cost)
	if len(q.queues[wish]) == 0 {
		delete(q.queues, wish)
	}
}

// find returns the sessions that wait and that a ban is about.
func (q *matcher) find(b Ban) (found []*session) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, queue := range q.queues {
		for _, w := range queue {
			if b.about(w.session.remote, w.grant.Subject, seat{}) {
				found = append(found, w.session)
			}
		}
	}
	return found
}

func (q *matcher) count() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting
}

// seat makes a room of a group, in the order in which they came, and returns those who are in it.
// matcher.mu is held.
func (s *Server) seat(group []*waiter) []*waiter {
	made := terms{Topology: group[0].wish.topology, Rules: s.own.Room, Sealed: true, MaxMembers: len(group)}
	first := group[0].session
	r, err := s.openRoom(first, "", made, func(name signaling.RoomName) (*room, error) {
		return newRoom(s, name, made), nil
	})
	if err != nil {
		for _, w := range group {
			w.session.refuse(err)
		}
		return nil
	}
	r.seat(group)
	s.counters.matches.Add(1)
	return group
}

// seat lets a whole group in at once: each welcome has all of them.
func (r *room) seat(group []*waiter) {
	r.mu.Lock()
	defer r.unlock()
	for _, w := range group {
		m := r.add(r.newID(w.grant.MayHost), w.join)
		w.session.account.force(w.cost)
		m.charge(w.session.account, w.cost)
		m.grant(w.grant)
		m.attach(w.session)
		w.session.member.Store(m)
	}
	for _, m := range r.members {
		r.welcome(m, false)
		r.server.counters.joins.Add(1)
	}
}
