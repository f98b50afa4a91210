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

// A matcher puts sessions together that ask for the same match. Its queues have at most one place for each session,
// which ends with the session. Its mu comes before Store.mu.
type matcher struct {
	store *Store // fixed at construction

	mu      sync.Mutex // guards the fields below
	queues  map[wish][]*Waiter
	waiting int
}

// A wish is what the sessions of a match have in common.
type wish struct {
	key      string
	size     int
	topology signaling.Topology
}

// A Waiter is a session that waits to be matched, with the join and the grant for its member.
type Waiter struct {
	matcher *matcher
	session Session
	wish    wish
	join    signaling.Join
	grant   Grant
	cost    int // of the join, while it waits
	began   time.Time
	seated  *Member // read by matched, which welcomes it
}

// enter puts a session into its queue. If that completes a match, enter also creates the room.
func (q *matcher) enter(s Session, j signaling.Join, g Grant) (*Waiter, error) {
	w := &Waiter{matcher: q, session: s, join: j, grant: g, began: time.Now()}
	w.wish = wish{j.Match.Key, j.Match.Size, cmp.Or(j.Topology, signaling.Mesh)}
	switch size := w.wish.size; {
	case !g.MayCreate || !g.MayHost:
		return nil, forbidden("a match needs the rights to create a room and to be its host")
	case size > q.store.config.MaxMembers:
		return nil, &signaling.Error{Code: signaling.CodeForbidden, Text: fmt.Sprintf("rooms have at most %d members here", q.store.config.MaxMembers)}
	case rosterSize(j) > maxRoster/size:
		return nil, &signaling.Error{Code: signaling.CodeRoomFull, Text: fmt.Sprintf("too much metadata, or too many channels, for a match of %d", size)}
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

// matched welcomes one session of a group, or reports the error. It is called without locks.
func (s *Store) matched(w *Waiter, err error) {
	if err == nil {
		w.seated.welcome(w.session, false)
		s.counters.joins.Add(1)
	}
	s.config.Matched(w.session, time.Since(w.began), err)
}

// add puts a session into its queue. If that completes a match, all sessions of the match get their places, or an
// error. They do not learn of it before the caller calls matched.
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

// Leave removes the session from its queue, if it is still there.
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

// Waiting returns the waiting sessions for which meant returns true, given their address and the Subject of their
// grant.
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

// seat creates a room for a group, in the order in which its sessions came. The caller holds matcher.mu.
func (s *Store) seat(group []*Waiter) error {
	made := fixed{Topology: group[0].wish.topology, Rules: s.config.MatchRules, Sealed: true, MaxMembers: len(group)}
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

// seat gives places to the whole group at once, so that each welcome lists all of them.
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
