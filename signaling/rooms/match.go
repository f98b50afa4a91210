package rooms

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"example.org/rtcpeer/signaling"
)

// A matcher puts those together who ask for the same. There is at most one place in its queues for each
// session, and it goes with the session. Its mu comes before Store.mu.
type matcher struct {
	store *Store // fixed at construction

	mu      sync.Mutex // guards the fields below
	queues  map[wish][]*Waiter
	waiting int
}

// A wish is what is the same for those who are matched.
type wish struct {
	key      string
	size     int
	topology signaling.Topology
}

// A Waiter is a session that waits to be matched, and with what it will join.
type Waiter struct {
	matcher *matcher
	session Session
	wish    wish
	join    signaling.Join
	grant   Grant
	cost    int // of the join, while it waits
	began   time.Time
	seated  *Member // read by who welcomes it
}

// enter puts a session into its queue, and is the one that makes the room when there are enough.
func (q *matcher) enter(s Session, j signaling.Join, g Grant) (*Waiter, error) {
	w := &Waiter{matcher: q, session: s, join: j, grant: g, began: time.Now()}
	w.wish = wish{j.Match.Key, j.Match.Size, cmp.Or(j.Topology, signaling.Mesh)}
	switch size := w.wish.size; {
	case !g.MayCreate || !g.MayHost:
		return nil, forbidden("a match is a new room, which may not be created")
	case size > q.store.config.MaxMembers:
		return nil, &signaling.Error{Code: signaling.CodeForbidden, Text: fmt.Sprintf("rooms have at most %d members here", q.store.config.MaxMembers)}
	case rosterSize(j) > maxRoster/size:
		return nil, &signaling.Error{Code: signaling.CodeRoomFull, Text: fmt.Sprintf("too much metadata and channels for a match of %d", size)}
	}
	w.join.Token = "" // it has been used
	w.cost = MemberCost(j)
	if err := s.Account().MayFound(); err != nil {
		return nil, err
	}
	if err := q.store.afford(s.Account(), w.cost); err != nil {
		return nil, err
	}
	group, err := q.add(w)
	for _, w := range group {
		q.store.matched(w, err)
	}
	return w, nil
}

// matched welcomes one of a group. No lock is held.
func (s *Store) matched(w *Waiter, err error) {
	if err == nil {
		w.seated.welcome(w.session, false)
		s.counters.joins.Add(1)
	}
	s.config.Matched(w.session, time.Since(w.began), err)
}

// add puts one more into its queue. When it is the last that was missing all of them get their places, which they are
// still to be told, or an error.
func (q *matcher) add(w *Waiter) ([]*Waiter, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	group := append(q.queues[w.wish], w)
	q.waiting++
	if len(group) < w.wish.size {
		q.queues[w.wish] = group
		return nil, nil
	}
	delete(q.queues, w.wish)
	q.waiting -= len(group)
	for _, w := range group {
		w.session.Account().Release(w.cost)
	}
	return group, q.store.seat(group)
}

// Leave takes the session out of its queue, if it is still there.
func (w *Waiter) Leave() {
	q := w.matcher
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.queues[w.wish], w)
	if i < 0 {
		return
	}
	q.queues[w.wish] = slices.Delete(q.queues[w.wish], i, i+1)
	q.waiting--
	w.session.Account().Release(w.cost)
	if len(q.queues[w.wish]) == 0 {
		delete(q.queues, w.wish)
	}
}

// Waiting returns the sessions that wait to be matched and that are meant, by where they come from and by the
// Subject of their grants.
func (s *Store) Waiting(meant func(remote netip.Addr, subject string) bool) (found []Session) {
	q := &s.matcher
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, queue := range q.queues {
		for _, w := range queue {
			if meant(w.session.Remote(), w.grant.Subject) {
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

// seat makes a room of a group, in the order in which they came. matcher.mu is held.
func (s *Store) seat(group []*Waiter) error {
	made := terms{Topology: group[0].wish.topology, Rules: s.config.MatchRules, Sealed: true, MaxMembers: len(group)}
	r, err := s.openRoom(group[0].session, "", made, func(name signaling.RoomName) (*room, error) {
		return newRoom(s, name, made), nil
	})
	if err != nil {
		return err
	}
	r.seat(group)
	s.counters.matches.Add(1)
	return nil
}

// seat lets a whole group in at once: each welcome will have all of them.
func (r *room) seat(group []*Waiter) {
	r.mu.Lock()
	defer r.unlock()
	for _, w := range group {
		m := r.add(r.newID(w.grant.MayHost), w.join)
		w.session.Account().Force(w.cost)
		m.charge(w.session.Account(), w.cost)
		m.grant(w.grant)
		m.attach(w.session)
		w.seated = m
		w.session.Seated(m)
	}
}
