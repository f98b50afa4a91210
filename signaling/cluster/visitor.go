package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
	"example.org/rtcpeer/signaling/text"
)

// A visitor is a session of another server in a room of this one.
type visitor struct {
	// Fixed at construction.
	node    *Node
	at      visit
	attempt uint64
	lease   string // of this server, when the visitor came
	home    string // lease of the session's server, when the visitor came
	key     string
	dialect *signaling.Dialect
	remote  netip.Addr
	account rooms.Account
	view    *rooms.View
	ended   chan struct{}

	// Safe for concurrent use.
	once   sync.Once   // closes ended
	void   atomic.Bool // its session did not get the answer and has joined anew
	missed atomic.Bool // its server was lost, and may attach the session again
	due    atomic.Int64
	member atomic.Pointer[rooms.Member]

	mu     sync.Mutex // guards the fields below
	waiter *rooms.Waiter
	waits  *claim // the claim that waiter keeps
}

// A visit identifies a session in the cluster.
type visit struct{ process, number uint64 }

// maxJoining is how many joins and questions of other servers may be in progress.
const maxJoining = 4096

// handle handles a message of another server.
func (n *Node) handle(from uint64, m *message) {
	at := visit{from, m.Session}
	switch m.Kind {
	case kindJoin, kindAttach:
		n.welcome(at, m)
	case kindFrame, kindGone:
		n.mu.Lock()
		v := n.visitors[at]
		gone := v != nil && v.attempt <= m.Attempt && m.Kind == kindGone // the session may have given up this attempt
		if gone {
			delete(n.visitors, at)
		}
		n.mu.Unlock()
		switch {
		case gone:
			v.detach()
		case m.Kind != kindFrame:
		case v != nil && v.attempt == m.Attempt:
			v.take(m.frames)
		default:
			n.returnFrames(at, m.Attempt, m.frames)
		}
	case kindDeliver, kindWaiting, kindSeated, kindFail, kindRefused, kindCreates, kindBye, kindList, kindNotMine, kindReturned:
		n.mu.Lock()
		p := n.places[m.Session]
		n.mu.Unlock()
		switch {
		case p == nil:
		case m.Kind == kindReturned:
			p.takeBack(from, m)
		default:
			p.tell(from, m)
		}
	case kindAsk:
		n.asked(from, m)
	case kindAnswered:
		n.mu.Lock()
		answer := n.asks[m.ID]
		delete(n.asks, m.ID)
		n.mu.Unlock()
		if answer != nil {
			answer <- m.Body
		}
	case kindHello: // see receive: the epoch of the pipe says it all
	default:
		n.counters.drop(DropUnknown, 1)
	}
}

// welcome handles a join or an attach of a session of another server.
func (n *Node) welcome(at visit, m *message) {
	d := n.config.Dialects[m.Guest.Dialect]
	n.mu.Lock()
	c := n.claims[m.Key]
	lease := n.lease
	old := n.visitors[at]
	mine := n.good(c) && (old == nil || old.attempt < m.Attempt)
	v := &visitor{node: n, at: at, attempt: m.Attempt, lease: lease, home: m.Home, key: m.Key, dialect: d, remote: m.Guest.Remote, view: new(rooms.View), ended: make(chan struct{})}
	if m.View != nil {
		v.view = rooms.NewView(*m.View)
	}
	if mine && d != nil {
		c.users++
		n.visitors[at] = v
	}
	n.mu.Unlock()
	switch {
	case d == nil:
		n.send(at.process, &message{Kind: kindRefused, Session: at.number, Attempt: m.Attempt, Lease: m.Lease,
			Error: &signaling.Error{Code: signaling.CodeInternal, Text: fmt.Sprintf("the room's server does not speak %q", m.Guest.Dialect)}})
		return
	case !mine:
		n.send(at.process, &message{Kind: kindNotMine, Session: at.number, Attempt: m.Attempt, Lease: m.Lease})
		return
	}
	v.account = n.config.Account(m.Guest.Remote)
	switch {
	case old == nil:
	case m.Kind == kindJoin && m.Join.Resume == "":
		old.retract()
	default:
		old.miss()
	}
	if m.Kind == kindAttach {
		defer n.done(c)
		if err := n.bringBack(m.Attachment.Room, m.Token); err != nil && m.Token != "" { // earlier versions send none
			v.settled(nil, err)
			return
		}
		member, err := n.store().Attach(v, *m.Attachment)
		v.settled(member, err)
		if err == nil {
			a := member.Attachment()
			token, _ := member.Token()
			v.Welcomed(member, a, token)
		}
		return
	}
	if n.joining.Add(1) > maxJoining {
		n.joining.Add(-1)
		n.done(c)
		v.refuse(&signaling.Error{Code: signaling.CodeServerFull, Text: "too many joins at the room's server", RetryMillis: 2000})
		return
	}
	n.wg.Go(func() {
		defer n.joining.Add(-1)
		v.join(c, m)
	})
}

// errCreates is returned for a join that would create the room, if its admission was asked as for a room that exists.
var errCreates = errors.New("cluster: the room does not exist, and the client was not admitted to create it")

func (v *visitor) join(c *claim, m *message) {
	name := strings.TrimPrefix(m.Key, roomPrefix)
	member, w, err := v.node.store().JoinAs(v, *m.Join, signaling.RoomName(name), func(a rooms.Ask) (rooms.Grant, error) {
		if a.Creates && m.Exists {
			return rooms.Grant{}, errCreates
		}
		return *m.Grant, nil
	})
	if w == nil {
		defer v.node.done(c)
	} else {
		v.mu.Lock()
		v.waiter, v.waits = w, c
		v.mu.Unlock()
		if v.member.Load() == nil {
			v.tell(&message{Kind: kindWaiting})
		}
		if v.over() || v.member.Load() != nil {
			v.stopWaiting()
		}
		return
	}
	if member == nil && err == nil {
		return // it has ended
	}
	v.settled(member, err)
	switch {
	case member == nil || !v.over():
	case v.void.Load():
		member.Leave(v)
	default:
		member.Detach(v)
	}
}

// settled handles the result of a join or an attach.
func (v *visitor) settled(m *rooms.Member, err error) {
	switch {
	case errors.Is(err, rooms.ErrElsewhere):
		v.forget()
		v.notMine()
	case errors.Is(err, errCreates):
		v.forget()
		v.end()
		v.tell(&message{Kind: kindCreates})
	case err != nil:
		v.forget()
		v.refuse(err)
	default:
		v.member.Store(m)
	}
}

// known reports whether frames of its session still come to this visitor.
func (v *visitor) known() bool {
	n := v.node
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.visitors[v.at] == v
}

func (v *visitor) forget() {
	n := v.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.visitors[v.at] == v {
		delete(n.visitors, v.at)
	}
}

func (v *visitor) refuse(err error) {
	v.end()
	v.tell(&message{Kind: kindRefused, Error: asError(err)})
}

// notMine tells the session's server that this server does not own the room.
func (v *visitor) notMine() {
	v.end()
	v.tell(&message{Kind: kindNotMine})
}

func (v *visitor) tell(m *message) {
	m.Session, m.Attempt, m.Lease = v.at.number, v.attempt, v.lease
	v.node.send(v.at.process, m)
}

// take handles frames of the client. What comes after a message that ends the session is dropped.
func (v *visitor) take(frames [][]byte) {
	for i, frame := range frames {
		if v.over() && v.known() && !v.missed.Load() {
			return
		}
		err := rooms.ErrElsewhere
		if !v.over() {
			err = v.takeOne(frame)
		}
		if errors.Is(err, rooms.ErrElsewhere) {
			v.node.returnFrames(v.at, v.attempt, frames[i:])
			return
		}
		if err != nil {
			v.Fail(asError(err))
		}
	}
}

// returnFrames returns frames of a client to its server, which sends them to the room's next owner.
func (n *Node) returnFrames(to visit, attempt uint64, frames [][]byte) {
	n.send(to.process, &message{Kind: kindReturned, Session: to.number, Attempt: attempt, frames: frames})
}

// asError returns err as an error for a client.
func asError(err error) *signaling.Error {
	if why, ok := errors.AsType[*signaling.Error](err); ok {
		return why
	}
	return &signaling.Error{Code: signaling.CodeInternal, Text: err.Error()}
}

func (v *visitor) takeOne(frame []byte) error {
	m, err := v.dialect.Decode(frame)
	if err != nil {
		return err
	}
	member := v.member.Load()
	switch m := m.(type) {
	case signaling.List:
		v.tell(&message{Kind: kindList, List: &m})
		return nil
	case signaling.Join:
		text := "already waiting to be matched"
		if member != nil {
			text = fmt.Sprintf("already in room %q", member.Room())
		}
		return &signaling.Error{Code: signaling.CodeAlreadyJoined, Text: text}
	}
	if member == nil {
		return &signaling.Error{Code: signaling.CodeNotJoined, Text: fmt.Sprintf("%s before join", m.Kind())}
	}
	return member.Handle(v, m)
}

// detach is called when the session has ended, or is about to because its server stops.
func (v *visitor) detach() {
	v.end()
	if m := v.member.Load(); m != nil {
		m.Detach(v)
	}
}

// miss is called when the server of the session is lost, or attaches the session again.
func (v *visitor) miss() {
	v.missed.Store(true)
	v.end()
	if m := v.member.Load(); m != nil {
		m.Miss(v)
	}
}

// retract is called when the session did not get the answer to this join and joins anew, so that it has no second
// member.
func (v *visitor) retract() {
	v.void.Store(true)
	v.end()
	if m := v.member.Load(); m != nil {
		m.Leave(v)
	}
}

// end ends the visitor and all waits for it.
func (v *visitor) end() {
	v.once.Do(func() { close(v.ended) })
	v.stopWaiting()
}

func (v *visitor) stopWaiting() {
	v.mu.Lock()
	w, c := v.waiter, v.waits
	v.waiter, v.waits = nil, nil
	v.mu.Unlock()
	if w != nil {
		w.Leave()
		v.node.done(c)
	}
}

func (v *visitor) over() bool {
	select {
	case <-v.ended:
		return true
	default:
		return false
	}
}

func (v *visitor) wakeIfDue() {
	due := v.due.Load()
	if m := v.member.Load(); m != nil && due != 0 && due <= int64(v.node.store().Now()) {
		m.Due(v)
	}
}

// RenewSoon calls rooms.Member.RenewSoon for the members of this server's rooms that are connected to other servers. It is
// called when the wall clock of this server was set.
func (n *Node) RenewSoon() {
	n.mu.Lock()
	visitors := slices.Collect(maps.Values(n.visitors))
	n.mu.Unlock()
	for _, v := range visitors {
		if m := v.member.Load(); m != nil {
			m.RenewSoon(v)
		}
	}
}

// The methods of rooms.Session.

func (v *visitor) Deliver(p *rooms.Prepared) {
	frames, err := p.Frames(v.dialect)
	if err != nil {
		v.Fail(asError(err))
		return
	}
	change := p.Change()
	v.view.Apply(change)
	if len(frames) > 0 || change != nil {
		v.tell(&message{Kind: kindDeliver, Change: change, frames: frames})
	}
}

func (v *visitor) Fail(why *signaling.Error) {
	v.tell(&message{Kind: kindFail, Error: why})
	if _, _, ends := v.dialect.Close(why); ends {
		v.once.Do(func() { close(v.ended) })
	}
}

func (v *visitor) Bye() {
	v.tell(&message{Kind: kindBye})
	v.once.Do(func() { close(v.ended) })
}

// Welcomed sends the session's server the Attachment and a token. The welcome comes after them.
func (v *visitor) Welcomed(m *rooms.Member, a rooms.Attachment, token string) {
	v.member.Store(m)
	v.tell(&message{Kind: kindSeated, Attachment: &a, Token: token})
}

// Forwards returns false: binary frames are not forwarded between servers, because they would delay the messages of
// all rooms.
func (v *visitor) Forwards() bool { return false }

func (v *visitor) Seated(m *rooms.Member)      { v.member.Store(m) }
func (v *visitor) Wake(at time.Duration)       { v.due.Store(int64(at)) }
func (v *visitor) View() *rooms.View           { return v.view }
func (v *visitor) Done() <-chan struct{}       { return v.ended }
func (v *visitor) Dialect() *signaling.Dialect { return v.dialect }
func (v *visitor) Remote() netip.Addr          { return v.remote }
func (v *visitor) Account() rooms.Account      { return v.account }

// Matched is for Config.Matched of the Store. It reports whether s is a session of another server.
func (n *Node) Matched(s rooms.Session, err error) bool {
	v, ok := s.(*visitor)
	if !ok {
		return false
	}
	if err != nil {
		v.forget()
		v.refuse(err)
		return true
	}
	v.stopWaiting()
	return true
}

// Ask sends a question to all other living servers. It returns when all have answered or ctx ends, with the answers
// so far.
func (n *Node) Ask(ctx context.Context, op string, body any) []json.RawMessage {
	answers, _ := n.ask(ctx, op, body, func(holder) bool { return true })
	return answers
}

// Tell sends a question to all other living servers, and does not wait for answers.
func (n *Node) Tell(op string, body any) {
	b, _ := text.JSON(body)
	for _, process := range n.others(func(holder) bool { return true }) {
		n.send(process, &message{Kind: kindAsk, Op: op, Body: b})
	}
}

// others returns the processes of the other living servers for which whom returns true.
func (n *Node) others(whom func(holder) bool) (list []uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, h := range n.living {
		if h.Process != n.process && !slices.Contains(list, h.Process) && whom(h) {
			list = append(list, h.Process)
		}
	}
	return list
}

// ask is Ask for some of the other servers. It also reports whether all of them have answered.
func (n *Node) ask(ctx context.Context, op string, body any, whom func(holder) bool) (list []json.RawMessage, all bool) {
	return n.askOf(ctx, n.others(whom), op, body)
}

// askOf is ask for servers that need not have a lease.
func (n *Node) askOf(ctx context.Context, to []uint64, op string, body any) (list []json.RawMessage, all bool) {
	b, _ := text.JSON(body)
	n.mu.Lock()
	answers := make(chan json.RawMessage, len(to))
	first := n.lastAsk + 1
	n.lastAsk += uint64(len(to))
	for i := range to {
		n.asks[first+uint64(i)] = answers
	}
	n.mu.Unlock()
	for i, process := range to {
		n.send(process, &message{Kind: kindAsk, ID: first + uint64(i), Op: op, Body: b})
	}
	for len(list) < len(to) {
		select {
		case a := <-answers:
			list = append(list, a)
			continue
		case <-ctx.Done():
		case <-n.life.Done():
		}
		break
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range to {
		delete(n.asks, first+uint64(i))
	}
	return list, len(list) == len(to)
}

// asked answers a question of another server.
func (n *Node) asked(from uint64, m *message) {
	if m.Op == opRecall {
		n.mu.Lock()
		if n.handed.Load() != 0 {
			n.recallers[from] = true
		}
		n.mu.Unlock()
		n.send(from, &message{Kind: kindAnswered, ID: m.ID})
		return
	}
	if m.Op == opOwns {
		body, _ := json.Marshal(n.answerOwns(m.Body))
		n.send(from, &message{Kind: kindAnswered, ID: m.ID, Body: body})
		return
	}
	if n.config.Answer == nil {
		return
	}
	if n.joining.Add(1) > maxJoining {
		n.joining.Add(-1)
		return
	}
	n.wg.Go(func() {
		defer n.joining.Add(-1)
		answer, err := n.config.Answer(m.Op, m.Body)
		if err != nil {
			n.logError(m.Op, err)
			answer = nil // a newer server may ask what this one does not know: it must not wait
		}
		body, _ := text.JSON(answer)
		n.send(from, &message{Kind: kindAnswered, ID: m.ID, Body: body})
	})
}
