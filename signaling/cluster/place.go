package cluster

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
)

// A Home is a session of this server. Its methods never block, like those of rooms.Session.
type Home interface {
	rooms.Session
	// Push queues frames for the client unchanged.
	Push(frames [][]byte)
	// Listed answers a List of the client.
	Listed(signaling.List)
	// Member returns the member of the session in a room of this server, or nil if there is none.
	Member() *rooms.Member
	// SetMember sets what Member returns.
	SetMember(*rooms.Member)
	// DialectName returns the name of the session's dialect in Config.Dialects.
	DialectName() string
}

// A Place is the place of a session of this server in a room of the cluster, on any server, or in the queue of a
// match. It remains when the room moves.
type Place struct {
	// Fixed at construction.
	node    *Node
	session Home
	number  uint64

	mu         sync.Mutex    // guards the fields below
	key        string        // the key of the room, or of the match
	attempt    uint64        // counts joins and attachments at other servers
	owner      owner         // the owner that the latest attempt asked
	attached   bool          // to a room or queue on another server
	ready      chan struct{} // closed when attached, or when there is a member here; nil: nobody waits
	answers    chan error    // gets the answer to the latest attempt; nil: nobody waits
	attachment rooms.Attachment
	token      string
	seated     bool        // the session has a member on some server
	seatedAt   uint64      // the attempt with which a server first seated it; 0: none
	welcomed   bool        // the client has got its welcome
	pending    *enterMatch // set while a join with a Match is in progress elsewhere
	match      *enterMatch // set while the session waits to be matched
	waiter     *rooms.Waiter
	waits      *claim // the claim that waiter keeps
	loose      bool   // it waits to be attached again
	absent     int    // for how many seconds the lease of its owner has been missing
	over       bool

	// For returned.go.
	forwarded uint64          // the attempt under which the latest frame of the client was sent
	sentTo    uint64          // the process to which it was sent; 0: it has returned all that it will
	recall    <-chan struct{} // closed when the last owner has returned all that it will; nil: it need not
	returned  [][]byte        // frames for the next owner
	resending bool            // they are about to be sent; newer ones wait
	kept      []keptFrame     // what the client has said lately, oldest first
	leave     []byte          // the client's Leave; nil: it has not left
	left      bool            // an owner has confirmed the Leave
	departed  time.Time       // when the session ended before that; zero: it did not
}

// An enterMatch is what is needed to wait for a match on another server.
type enterMatch struct {
	join  signaling.Join
	grant rooms.Grant
}

const (
	// enterTime is how long a join may take to find the owner of its room.
	enterTime = 8 * time.Second
	// answerTime is how long another server may take to answer.
	answerTime = 4 * time.Second
)

// Enter gives a session a place. It is like Store.Join, but the room may be on any server. If the session has ended,
// the place may be nil without an error.
func (n *Node) Enter(session Home, j signaling.Join, admit func(rooms.Ask) (rooms.Grant, error)) (*Place, error) {
	p := &Place{node: n, session: session}
	n.mu.Lock()
	n.lastPlace++
	p.number = n.lastPlace
	n.places[p.number] = p
	n.mu.Unlock()
	err := p.enter(j, admit)
	select {
	case <-session.Done():
		if err == nil {
			return p, nil
		}
		p.Leave()
		return nil, nil
	default:
	}
	if err != nil {
		p.Leave()
		return nil, err
	}
	return p, nil
}

func (p *Place) enter(j signaling.Join, admit func(rooms.Ask) (rooms.Grant, error)) error {
	ask := rooms.Ask{Join: j}
	if j.Resume != "" {
		var err error
		if ask, err = p.node.store().AskOf(j); err != nil {
			return err
		}
	}
	name := ask.Join.Room
	ask.Creates = name == "" // also for a match. If it has a name, only the owner knows
	if name == "" {
		name = rooms.NewName(p.session.Dialect())
	}
	key := roomKey(name)
	if j.Match != nil {
		key = matchKey(j)
	}
	var grant rooms.Grant
	asked, creates := false, false
	once := func(a rooms.Ask) (rooms.Grant, error) {
		if asked && (creates || !a.Creates) {
			return grant, nil
		}
		g, err := admit(a)
		if err == nil {
			grant, asked, creates = g, true, a.Creates
		}
		return g, err
	}
	until := time.Now().Add(enterTime)
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		err := p.enterOnce(key, name, ask, once)
		if err == nil {
			return nil
		}
		if errors.Is(err, errCreates) {
			ask.Creates = true
			continue
		}
		if why, ok := errors.AsType[*signaling.Error](err); ok {
			return why
		}
		if !errors.Is(err, rooms.ErrElsewhere) {
			p.node.logError("join", err)
		}
		if time.Now().After(until) {
			return errNoLease
		}
		select {
		case <-time.After(wait):
		case <-p.session.Done():
			return err
		}
	}
}

// matchKey returns the key that all joins of the same match share.
func matchKey(j signaling.Join) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %s", cmp.Or(j.Topology, signaling.Mesh), j.Match.Size, j.Match.Key))
	return matchPrefix + hex.EncodeToString(sum[:16])
}

func (p *Place) enterOnce(key string, name signaling.RoomName, ask rooms.Ask, admit func(rooms.Ask) (rooms.Grant, error)) error {
	claiming, claimed := context.WithTimeout(p.node.life, answerTime)
	defer claimed()
	c, who, err := p.node.claim(claiming, key, ask.Join.Room == "")
	if err != nil {
		return err
	}
	if c != nil {
		return p.enterHere(c, key, name, ask.Join, admit)
	}
	grant, err := admit(ask)
	if err != nil {
		return err
	}
	if grant.Metadata != nil {
		ask.Join.Metadata = grant.Metadata
	}
	if ask.Join.Match != nil {
		p.mu.Lock()
		p.pending = &enterMatch{ask.Join, grant}
		p.mu.Unlock()
	}
	ctx, cancel := context.WithTimeout(p.node.life, answerTime) // without the time that admit took
	defer cancel()
	return p.ask(ctx, key, who, &message{Kind: kindJoin, Key: key, Join: &ask.Join, Grant: &grant, Exists: !ask.Creates})
}

// enterHere joins a room of this server, or waits for a match here.
func (p *Place) enterHere(c *claim, key string, name signaling.RoomName, j signaling.Join, admit func(rooms.Ask) (rooms.Grant, error)) error {
	p.mu.Lock()
	p.key, p.attached = key, false
	p.mu.Unlock()
	var granted rooms.Grant
	m, w, err := p.node.store().JoinAs(p.session, j, name, func(a rooms.Ask) (g rooms.Grant, err error) {
		granted, err = admit(a)
		return granted, err
	})
	if w == nil {
		defer p.node.done(c)
	}
	if err != nil {
		return err
	}
	if m != nil {
		p.sit(c, m)
	}
	if w == nil {
		return nil
	}
	p.mu.Lock()
	seated := p.session.Member() != nil // it has completed the match
	if !seated {
		p.waiter, p.waits, p.match = w, c, &enterMatch{j, granted}
	}
	p.mu.Unlock()
	held := p.node.holds(c)
	if seated {
		p.node.done(c)
	}
	if !held { // the lease was lost during the admission: nobody comes to this queue any more
		p.loosenLocal()
		p.node.reattach([]*Place{p})
	}
	return nil
}

// sit gives the place a member on this server. If the room was surrendered meanwhile, the place is attached
// elsewhere.
func (p *Place) sit(c *claim, m *rooms.Member) {
	p.handleReturned(m)
	p.mu.Lock()
	p.seated, p.welcomed = true, true
	p.session.SetMember(m)
	p.settle()
	p.mu.Unlock()
	if !p.node.holds(c) {
		p.loosenLocal()
		p.node.reattach([]*Place{p})
	}
}

// ask asks another server to join or attach the session, and waits for the answer.
func (p *Place) ask(ctx context.Context, key string, who owner, m *message) error {
	p.mu.Lock()
	p.attempt++
	p.key, p.owner, p.attached = key, who, false
	answers := make(chan error, 1)
	p.answers = answers
	m.Session, m.Attempt, m.Lease = p.number, p.attempt, who.lease
	if m.Kind == kindAttach {
		view, a := p.session.View().State(), *m.Attachment
		a.Grant = p.node.store().Sent(a.Grant)
		m.View, m.Attachment = &view, &a
	}
	if m.Kind == kindJoin {
		g := p.node.store().Sent(*m.Grant)
		m.Grant = &g
	}
	ended := p.session.Done()
	if p.leave != nil {
		ended = nil // the next owner must learn of it
	}
	p.mu.Unlock()
	m.Home = p.node.leaseNow()
	m.Guest = &guest{p.session.DialectName(), p.session.Remote()}
	p.node.send(who.process, m)
	select {
	case err := <-answers:
		if errors.Is(err, rooms.ErrElsewhere) {
			p.node.forgetOwner(key, who)
		}
		return err
	case <-ctx.Done():
		p.mu.Lock()
		p.letGo()
		p.mu.Unlock()
		p.node.doubt(who.lease)
		return context.Cause(ctx)
	case <-ended:
		return rooms.ErrElsewhere
	}
}

// settle wakes Forward when the place is attached or has a member here. The caller holds mu.
func (p *Place) settle() {
	if p.ready != nil {
		close(p.ready)
		p.ready = nil
	}
}

// answer ends the wait of ask. The caller holds mu.
func (p *Place) answer(err error) {
	if p.answers != nil {
		p.answers <- err
		p.answers = nil
	}
}

// letGo ends the current attempt; later answers to it are ignored. The caller holds mu.
func (p *Place) letGo() {
	p.attempt++
	p.attached, p.absent = false, 0
	p.answer(rooms.ErrElsewhere)
}

// Forward sends a frame of the client to the owner of the room. It waits while there is no owner or the owner is
// slow. It returns true if the room is on this server: then the session must handle the frame itself.
func (p *Place) Forward(frame []byte) (here bool) {
	for {
		p.mu.Lock()
		if p.over || p.session.Member() != nil || p.waiter != nil {
			p.mu.Unlock()
			return true
		}
		p.note(frame)
		wait := p.unsettled()
		who, attempt := p.owner, p.attempt
		p.mu.Unlock()
		if wait == nil {
			pipe := p.node.pipeTo(who.process)
			if wait = pipe.hasRoom(); wait == nil {
				if p.forwardOver(pipe, attempt, frame) {
					return false
				}
				continue
			}
		}
		select {
		case <-wait:
		case <-p.session.Done():
			return false
		}
	}
}

// forwardOver sends a frame to the owner that the place is attached to, or returns false if it is no longer.
func (p *Place) forwardOver(pipe *pipe, attempt uint64, frame []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.attempt != attempt || p.unsettled() != nil {
		return false
	}
	p.sendFrames(pipe, [][]byte{frame})
	return true
}

// sendFrames sends frames to the owner that the place is attached to. The caller holds mu, so that recall comes after them.
func (p *Place) sendFrames(pipe *pipe, frames [][]byte) {
	p.forwarded, p.sentTo = p.attempt, pipe.peer
	p.node.sendOver(pipe, &message{Kind: kindFrame, Session: p.number, Attempt: p.attempt, frames: frames})
}

// unsettled returns nil if the place is attached, or else a channel that is closed when it is. The caller holds mu.
func (p *Place) unsettled() <-chan struct{} {
	if p.attached && !p.resending {
		return nil
	}
	if p.ready == nil {
		p.ready = make(chan struct{})
	}
	return p.ready
}

// Who returns the room and the id of the session's member, if it has one on another server.
func (p *Place) Who() (signaling.RoomName, signaling.PeerID, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.attachment.Room, p.attachment.Seat.ID, p.seated && p.session.Member() == nil
}

// Waiting reports whether the session waits to be matched.
func (p *Place) Waiting() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.match != nil && !p.seated && p.session.Member() == nil
}

// Matched is called when the wait of a session on this server is over, with a member or without.
func (p *Place) Matched() {
	p.mu.Lock()
	waits := p.waits
	p.waiter, p.waits, p.match = nil, nil, nil
	p.settle()
	p.mu.Unlock()
	if waits != nil {
		p.node.done(waits)
	}
}

// Leave ends the place when its session has ended. The member keeps its place in the room for the grace period, unless
// the client has left. Leave reports whether a member on another server was lost.
func (p *Place) Leave() bool {
	n := p.node
	p.mu.Lock()
	tell := p.attempt > 0 && p.session.Member() == nil
	departs := p.leave != nil && !p.left && p.session.Member() == nil
	if departs {
		p.departed = time.Now()
	}
	p.over = !departs
	waiter, waits := p.waiter, p.waits
	who, m, lost := p.owner, &message{Kind: kindGone, Session: p.number, Attempt: p.attempt}, p.seated && p.leave == nil
	p.waiter, p.waits = nil, nil
	p.settle()
	p.mu.Unlock()
	if !departs {
		n.forgetPlace(p)
	}
	if waiter != nil {
		waiter.Leave()
		n.done(waits)
	}
	if tell {
		n.send(who.process, m)
	}
	return tell && lost
}

func (p *Place) ownedUnder(lease string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.owner.lease == lease && p.session.Member() == nil
}

// doubt stops waiting for an answer of an owner whose lease may be over.
func (p *Place) doubt(lease string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.owner.lease == lease && p.answers != nil {
		p.letGo()
	}
}

func (p *Place) ownedBy(process uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.owner.process == process && p.session.Member() == nil
}

// unowned reports whether the place waits for an owner of its room.
func (p *Place) unowned() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.over && !p.attached && p.waiter == nil && p.session.Member() == nil && (p.seated || p.match != nil)
}

func (p *Place) keyNow() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m := p.session.Member(); m != nil {
		return roomKey(m.Room())
	}
	return p.key
}

// orphaned reports whether the lease of the owner has been missing for more than three seconds. It is called every
// second.
func (p *Place) orphaned(living func(lease string) bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.attached || living(p.owner.lease) {
		p.absent = 0
		return false
	}
	p.absent++
	return p.absent > 3
}

// loosenLocal takes from the member, whose room is about to be surrendered, what is needed to attach the session
// elsewhere.
func (p *Place) loosenLocal() {
	m := p.session.Member()
	var a rooms.Attachment
	var token string
	if m != nil {
		a = m.Attachment()
		token, _ = m.Token()
	}
	p.mu.Lock()
	waiter, waits := p.waiter, p.waits
	p.waiter, p.waits = nil, nil
	if m != nil {
		p.attachment, p.token, p.key, p.seated, p.welcomed = a, token, roomKey(a.Room), true, true
		p.session.SetMember(nil)
	}
	p.mu.Unlock()
	if waiter != nil {
		waiter.Leave()
		p.node.done(waits)
	}
}

// reattach makes places look for the owners of their rooms again.
func (n *Node) reattach(places []*Place) {
	if len(places) == 0 {
		return
	}
	var loose []*Place
	recalls := make(map[uint64]chan struct{})
	for _, p := range places {
		p.mu.Lock()
		p.letGo()
		if to := p.sentTo; to != 0 {
			p.sentTo = 0
			if recalls[to] == nil {
				recalls[to] = make(chan struct{})
			}
			p.recall = recalls[to]
		}
		if !p.loose {
			p.loose = true
			loose = append(loose, p)
		}
		p.mu.Unlock()
	}
	for process, done := range recalls {
		n.recall(process, done)
	}
	n.mu.Lock()
	n.loose = append(n.loose, loose...)
	n.mu.Unlock()
	notify(n.mending)
}

// menders is how many places are attached at the same time.
const menders = 32

// mend attaches loose places until ctx ends.
func (n *Node) mend(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.mending:
		}
		n.mu.Lock()
		list := n.loose
		n.loose = nil
		n.mu.Unlock()
		var mu sync.Mutex
		var again []*Place
		each(menders, list, func(p *Place) {
			if !p.mend(ctx) {
				mu.Lock()
				again = append(again, p)
				mu.Unlock()
			}
		})
		if len(again) > 0 && pause(ctx, 100*time.Millisecond) == nil {
			n.reattach(again)
		}
	}
}

// mend attaches a place again. It returns false if it must be called again.
func (p *Place) mend(ctx context.Context) bool {
	p.mu.Lock()
	p.loose = false
	idle := p.over || p.attached || p.session.Member() != nil || p.waiter != nil || !p.seated && p.match == nil
	recall := p.recall
	key, a, token, match, seated, welcomed := p.key, p.attachment, p.token, p.match, p.seated, p.welcomed
	p.mu.Unlock()
	if idle {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if recall != nil {
		select {
		case <-recall:
		case <-ctx.Done():
			return false
		}
	}
	c, who, err := p.node.claim(ctx, key, !seated)
	switch {
	case err != nil:
	case seated && !welcomed: // the welcome was lost with the owner
		j := a.Join
		j.Resume = token
		if c == nil {
			err = p.ask(ctx, key, who, &message{Kind: kindJoin, Key: key, Join: &j, Grant: &a.Grant})
		} else {
			err = p.enterHere(c, key, "", j, func(rooms.Ask) (rooms.Grant, error) { return a.Grant, nil })
		}
	case c == nil && seated:
		err = p.ask(ctx, key, who, &message{Kind: kindAttach, Key: key, Attachment: &a, Token: token})
	case c == nil:
		p.mu.Lock()
		p.pending = match
		p.mu.Unlock()
		err = p.ask(ctx, key, who, &message{Kind: kindJoin, Key: key, Join: &match.join, Grant: &match.grant})
	case seated:
		err = p.attachHere(c, a, token)
	default:
		err = p.enterHere(c, key, "", match.join, func(rooms.Ask) (rooms.Grant, error) { return match.grant, nil })
	}
	if err == nil {
		return true
	}
	if why, ok := errors.AsType[*signaling.Error](err); ok && why != errNoLease {
		p.refused(why)
		return true
	}
	return false
}

// refused ends a session that was not attached. If its client has sent a Leave, that is no failure: an earlier owner has
// handled the Leave, and had no time to confirm it.
func (p *Place) refused(why *signaling.Error) {
	p.mu.Lock()
	leaves := p.leave != nil
	p.mu.Unlock()
	if leaves {
		p.session.Bye()
	} else {
		p.session.Fail(why)
	}
	p.finish()
}

// attachHere attaches the session to its room, which this server now owns.
func (p *Place) attachHere(c *claim, a rooms.Attachment, token string) error {
	n := p.node
	defer n.done(c)
	if err := n.bringBack(a.Room, token); err != nil {
		return err
	}
	m, err := n.store().Attach(p.session, a)
	if err != nil {
		return err
	}
	p.sit(c, m)
	return nil
}

// bringBack adopts a room of this server that was missing on the bus, with what a member's token says about it. It wakes the
// room if it is asleep.
func (n *Node) bringBack(name signaling.RoomName, token string) error {
	n.adopting.Lock()
	defer n.adopting.Unlock()
	if n.store().Awake(name) {
		return nil
	}
	if !n.owns(name) { // see adopt
		return rooms.ErrElsewhere
	}
	record, err := n.store().RecordOf(token)
	if err == nil {
		n.store().Adopt(name, record, n.config.Account(netip.Addr{}))
	}
	return err
}

// tell handles a message of the owner.
func (p *Place) tell(from uint64, m *message) {
	p.mu.Lock()
	if p.over || from != p.owner.process || m.Lease != p.owner.lease || m.Attempt != p.attempt && !p.follows(m) {
		p.mu.Unlock()
		return
	}
	switch m.Kind {
	case kindWaiting:
		p.attached, p.resending, p.match = true, true, p.pending
		p.answer(nil)
	case kindDeliver:
		p.welcomed = p.seated
		if !p.session.View().Apply(m.Change) { // it was under way while the session was attached again
			p.mu.Unlock()
			return
		}
	case kindSeated:
		p.attachment, p.token, p.seated, p.match = *m.Attachment, m.Token, true, nil
		p.seatedAt = cmp.Or(p.seatedAt, m.Attempt)
		p.key = roomKey(m.Attachment.Room)
		p.attached, p.resending = true, true
		p.answer(nil)
	case kindRefused:
		p.answer(m.Error)
	case kindCreates:
		p.answer(errCreates)
	case kindBye:
		p.left = true
	}
	p.mu.Unlock()
	switch m.Kind {
	case kindDeliver:
		p.session.Push(m.frames)
	case kindSeated, kindWaiting:
		p.resend()
	case kindFail:
		p.session.Fail(m.Error)
		p.finish()
	case kindBye:
		p.session.Bye()
		p.finish()
	case kindList:
		p.session.Listed(*m.List)
	case kindNotMine:
		p.node.reattach([]*Place{p})
	}
}

// follows reports whether a message to an earlier attempt is for the member nevertheless: it was under way while this
// server was cut off, and the owner stayed the same. The caller holds mu.
func (p *Place) follows(m *message) bool {
	toClient := m.Kind == kindDeliver || m.Kind == kindFail || m.Kind == kindBye
	return toClient && p.welcomed && p.seatedAt != 0 && m.Attempt >= p.seatedAt
}

// Moved waits a moment after a room here has refused a message because the room is elsewhere by now, or about to be.
func (p *Place) Moved() {
	select {
	case <-time.After(10 * time.Millisecond):
	case <-p.session.Done():
	}
}
