package signalserver

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"example.org/rtcpeer/signaling"
)

// A room is a named set of members. It ends when the last one is gone, and a star's with its host.
type room struct {
	// Fixed at construction.
	server   *Server
	name     signaling.RoomName
	topology signaling.Topology
	nonce    uint64
	host     signaling.PeerID // the role, apart from the id

	mu      sync.Mutex // guards the fields below
	members map[signaling.PeerID]*member
	left    leftIDs
	roster  int  // bytes of JSON that all members take in a welcome
	founded bool // the founder's id was given, here or before a restart
	sealed  bool
	gone    bool // was without members once: no longer among the server's rooms, or about to be taken out
}

// maxRoster keeps a welcome within what every receiver accepts: the members' share of one frame.
const maxRoster = signaling.MaxMessage - 2*maxICEServers

// errGone is returned by a room that ended while someone was about to enter it.
var errGone = errors.New("signalserver: room is gone")

func newRoom(s *Server, name signaling.RoomName, topology signaling.Topology) *room {
	return &room{
		server:   s,
		name:     name,
		topology: cmp.Or(topology, signaling.Mesh),
		nonce:    randomUint64(),
		host:     signaling.Host,
		members:  make(map[signaling.PeerID]*member),
	}
}

// rebuildRoom is newRoom after a restart, for a member that shows its ticket. A star waits for its
// host, as if that had just been lost: without it the members could only wait in vain.
func rebuildRoom(s *Server, t ticket) *room {
	r := newRoom(s, t.room, t.topology)
	r.nonce, r.founded = t.nonce, true
	if r.topology == signaling.Star && t.id != r.host {
		host := r.add(r.host, signaling.Join{})
		host.awaited = true
		host.detach()
	}
	return r
}

// admit lets a newcomer in.
func (r *room) admit(s *session, j signaling.Join) (*member, error) {
	r.mu.Lock()
	defer r.unlock()
	if r.gone {
		return nil, errGone
	}
	if r.sealed {
		return nil, &signaling.Error{Code: signaling.CodeSealed, Text: fmt.Sprintf("room %q is sealed", r.name)}
	}
	if err := r.fits(j, nil); err != nil {
		return nil, err
	}
	m := r.add(r.newID(), j)
	m.attach(s)
	r.welcome(m, false)
	r.announce(m.id, signaling.Joined{Member: m.info})
	r.server.counters.joins.Add(1)
	return m, nil
}

// readmit lets a member back in: to its place if that is still kept, else to a new one of its id.
func (r *room) readmit(s *session, j signaling.Join, t ticket) (*member, error) {
	r.mu.Lock()
	defer r.unlock()
	if r.gone {
		return nil, errGone
	}
	if t.nonce != r.nonce {
		return nil, refuseResume("room %q is another one of that name", r.name)
	}
	if r.left.has(t.id) {
		return nil, refuseResume("member %d has left room %q", t.id, r.name)
	}
	m := r.members[t.id]
	if err := r.fits(j, m); err != nil {
		return nil, err
	}
	unseen := m == nil || m.awaited
	if m == nil {
		m = r.add(t.id, j)
	}
	m.describe(j)
	m.attach(s)
	r.welcome(m, true)
	if unseen {
		r.announce(m.id, signaling.Joined{Member: m.info})
	}
	r.server.counters.resumes.Add(1)
	return m, nil
}

// fits reports whether there is room for a member that joins with j; old is the place it has now.
func (r *room) fits(j signaling.Join, old *member) error {
	roster := r.roster + rosterSize(j)
	if old != nil {
		roster -= old.size
	}
	switch {
	case j.Topology != "" && j.Topology != r.topology:
		return &signaling.Error{Code: signaling.CodeTopologyMismatch,
			Text: fmt.Sprintf("room %q is a %s, not a %s", r.name, r.topology, j.Topology)}
	case old == nil && len(r.members) >= r.server.config.MaxMembers:
		return &signaling.Error{Code: signaling.CodeRoomFull,
			Text: fmt.Sprintf("room %q has %d members", r.name, len(r.members))}
	case roster > maxRoster:
		return &signaling.Error{Code: signaling.CodeRoomFull,
			Text: fmt.Sprintf("room %q has no space for more metadata and channels", r.name)}
	}
	return nil
}

func (r *room) add(id signaling.PeerID, j signaling.Join) *member {
	m := &member{room: r, id: id}
	m.describe(j)
	r.members[id] = m
	r.server.counters.members.Add(1)
	return m
}

// newID returns an id for a newcomer: the host's for the founder, and never again; a random one for
// the others, so that an id says nothing and is not soon given twice.
func (r *room) newID() signaling.PeerID {
	if !r.founded {
		r.founded = true
		return r.host
	}
	for {
		id := signaling.PeerID(randomUint64() & uint64(signaling.MaxPeerID))
		if id > r.host && r.members[id] == nil && !r.left.has(id) {
			return id
		}
	}
}

// welcome tells a member the state of the room, and then what came for it while it was detached,
// but for what came from members that are gone as well.
func (r *room) welcome(m *member, resumed bool) {
	t := ticket{room: r.name, topology: r.topology, nonce: r.nonce, id: m.id}
	m.deliver(&note{message: signaling.Welcome{
		ID:         m.id,
		Room:       r.name,
		Topology:   r.topology,
		Host:       r.host,
		Members:    r.others(m.id),
		Resume:     t.seal(r.server.config.ResumeKey),
		Resumed:    resumed,
		Sealed:     r.sealed,
		ICEServers: r.server.config.ICEServers,
		Limits:     r.server.config.limits(),
	}})
	for _, signal := range m.takeKept() {
		if r.members[signal.From] != nil {
			m.deliver(&note{message: signal})
		}
	}
}

// others returns the members with which id is to connect, in the order of their ids.
func (r *room) others(id signaling.PeerID) []signaling.Member {
	list := []signaling.Member{}
	for _, m := range r.members {
		if r.linked(id, m.id) && !m.awaited {
			list = append(list, m.info)
		}
	}
	slices.SortFunc(list, func(a, b signaling.Member) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// linked reports whether two members have to do with each other: in a mesh all, in a star the host
// with each.
func (r *room) linked(a, b signaling.PeerID) bool {
	return a != b && (r.topology == signaling.Mesh || a == r.host || b == r.host)
}

// announce tells everybody who has a link with id.
func (r *room) announce(id signaling.PeerID, message signaling.Message) {
	n := &note{message: message}
	for _, m := range r.members {
		if r.linked(id, m.id) {
			m.deliver(n)
		}
	}
}

// relay hands a signal of m, which came over s, to its target.
func (r *room) relay(s *session, m *member, signal signaling.Signal) error {
	r.mu.Lock()
	defer r.unlock()
	if m.session != s {
		return nil // another session took over, or the room has ended: this one is being told
	}
	target := r.members[signal.To]
	if target == nil || !r.linked(m.id, target.id) {
		return &signaling.Error{Code: signaling.CodeUnknownPeer, Text: fmt.Sprintf("no peer %d here", signal.To)}
	}
	if !target.deliver(&note{message: signaling.Signal{From: m.id, Data: signal.Data}}) {
		r.server.counters.drop(droppedDetachedFull)
		r.remove(target, signaling.LeftLost)
	}
	return nil
}

// seal closes the room for newcomers.
func (r *room) seal(s *session, m *member) error {
	r.mu.Lock()
	defer r.unlock()
	switch {
	case m.session != s || r.sealed && m.id == r.host:
		return nil
	case m.id != r.host:
		return &signaling.Error{Code: signaling.CodeNotHost, Text: fmt.Sprintf("seal: only %d may", r.host)}
	}
	r.sealed = true
	n := &note{message: signaling.Sealed{}}
	for _, m := range r.members {
		m.deliver(n)
	}
	return nil
}

// leave takes m out at its own wish. It reports false if s is no longer m's session.
func (r *room) leave(s *session, m *member) bool {
	r.mu.Lock()
	defer r.unlock()
	if m.session != s {
		return false
	}
	r.left.add(m.id)
	r.remove(m, signaling.LeftByItself)
	return true
}

// detach begins m's grace time when s, its session, is lost. It reports false if s is no longer
// m's session.
func (r *room) detach(s *session, m *member) bool {
	r.mu.Lock()
	defer r.unlock()
	if m.session != s {
		return false
	}
	m.detach()
	return true
}

// expire ends m's grace time, unless m has come back from that loss.
func (r *room) expire(m *member, loss int) {
	r.mu.Lock()
	expired := r.members[m.id] == m && m.session == nil && m.losses == loss
	if expired {
		r.server.counters.drop(droppedGraceOver)
		r.remove(m, signaling.LeftLost)
	}
	r.unlock()
	if expired {
		r.server.config.Log.Info("left", "room", r.name, "peer", m.id, "reason", signaling.LeftLost)
	}
}

// remove takes a member out and tells the others. A star ends with its host.
func (r *room) remove(m *member, reason signaling.LeftReason) {
	r.drop(m)
	if r.topology == signaling.Star && m.id == r.host {
		r.end(&signaling.Error{Code: signaling.CodeHostLeft, Text: fmt.Sprintf("the host of room %q is gone", r.name)})
		return
	}
	r.announce(m.id, signaling.Left{ID: m.id, Reason: reason})
}

// end ends the room for all who are left in it.
func (r *room) end(why *signaling.Error) {
	for _, m := range r.members {
		if m.session != nil {
			m.session.fail(why)
		}
		r.drop(m)
	}
}

func (r *room) drop(m *member) {
	delete(r.members, m.id)
	r.roster -= m.size
	m.release()
	r.server.counters.members.Add(-1)
}

// unlock ends a change. A room that it left without members is gone, and the server forgets it: its
// lock comes first in the order, so not before this one is free.
func (r *room) unlock() {
	r.gone = len(r.members) == 0
	gone := r.gone
	r.mu.Unlock()
	if gone {
		r.server.forgetRoom(r)
	}
}

// leftIDs are the last members who left at their own wish. Their tokens are void, and their ids are
// not given again. It holds at most maxLeft; the oldest is forgotten for the newest.
type leftIDs []signaling.PeerID

const maxLeft = 256

func (l *leftIDs) add(id signaling.PeerID) {
	if len(*l) == maxLeft {
		*l = slices.Delete(*l, 0, 1)
	}
	*l = append(*l, id)
}

func (l leftIDs) has(id signaling.PeerID) bool { return slices.Contains(l, id) }

func randomUint64() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:])
}
