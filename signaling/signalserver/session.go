package signalserver

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/clock"
	"example.org/rtcpeer/signaling/cluster"
	"example.org/rtcpeer/signaling/rooms"
)

// A session is one WebSocket. Its goroutine is run, which ends when the socket ends; Fail, Bye and abort cause that.
type session struct {
	// Fixed at construction.
	server  *Server
	conn    *websocket.Conn
	dialect *signaling.Dialect
	remote  netip.Addr
	account *address // of the client's address

	// Owned by readLoop.
	unsure   bool               // true while a newcomer may not have its welcome, without which it cannot resume
	first    []byte             // the frame that came with the request, until it is taken
	asksFor  signaling.RoomName // the room of a join that is not answered yet, or was refused; "" for none
	tokens   *rate.Limiter
	request  *http.Request // for Config.Admit; nil after the join
	patience *clock.Alarm  // ends the session if there is no join; nil after the join
	waiter   *rooms.Waiter // nil unless it waits, or waited, to be matched
	forwards *forwarder    // nil before the first binary frame

	// Owned by Server.sweep.
	nextPing time.Duration // by the clock

	// Safe for concurrent use.
	view   *rooms.View // nil if the server shares no rooms
	outbox outbox
	member atomic.Pointer[rooms.Member]  // nil until joined, or while its room is on another server
	place  atomic.Pointer[cluster.Place] // nil until joined, or if the server shares no rooms
	seen   atomic.Int64                  // when something was last received, in nanoseconds of the clock
	busy   atomic.Bool                   // handling a frame: nothing is read meanwhile
	due    atomic.Int64                  // when Member.Due must be called, in the unit of seen; 0: never
	ended  chan struct{}                 // closed when the last frames are in the outbox
	why    string                        // read after ended: the reason for the end, one word for the log
}

func newSession(s *Server, conn *websocket.Conn, d *signaling.Dialect, remote netip.Addr, a *address) *session {
	limit := rate.Inf
	if s.config.MessageRate > 0 {
		limit = rate.Limit(s.config.MessageRate)
	}
	session := &session{
		server:   s,
		conn:     conn,
		dialect:  d,
		remote:   remote,
		account:  a,
		tokens:   rate.NewLimiter(limit, s.config.MessageBurst),
		nextPing: s.firstPing(s.clock.Now()),
		outbox:   outbox{maxFrames: s.config.OutboxFrames, maxBytes: s.config.OutboxBytes, account: a},
		ended:    make(chan struct{}),
	}
	if s.node != nil {
		session.view = new(rooms.View)
	}
	session.see()
	session.answerControls()
	return session
}

// The methods of rooms.Session.

// Deliver queues a message. It never blocks.
func (s *session) Deliver(n *rooms.Prepared) {
	frames, err := n.Frames(s.dialect)
	if err != nil {
		s.Fail(&signaling.Error{Code: signaling.CodeInternal, Text: err.Error()})
		return
	}
	if s.view != nil {
		s.view.Apply(n.Change())
	}
	s.push(websocket.TextMessage, frames...)
}

func (s *session) View() *rooms.View { return s.view }

// Wake sets when the sweep must call Member.Due.
func (s *session) Wake(at time.Duration) { s.due.Store(int64(at)) }

// Seated gives the session the member that a match made.
func (s *session) Seated(m *rooms.Member) { s.member.Store(m) }

func (s *session) Done() <-chan struct{}       { return s.ended }
func (s *session) Dialect() *signaling.Dialect { return s.dialect }
func (s *session) Remote() netip.Addr          { return s.remote }
func (s *session) Account() rooms.Account      { return s.account }

// run is the whole life of the session. If the server is full, the session only gets an error.
func (s *session) run(full bool) {
	s.begin(full)
	s.takeFirst()
	s.readLoop()
	s.finish()
}

// begin starts the join timeout. A timer is more precise than the sweep, which matters for a dialect with a short
// timeout, and it is gone while the session sits idle in a room.
func (s *session) begin(full bool) {
	limit := cmp.Or(s.dialect.JoinTimeout, s.server.config.JoinTimeout)
	switch {
	case full:
		s.refuse(errFull)
	case limit > 0:
		s.patience = s.server.clock.After(limit, func() {
			s.Fail(&signaling.Error{Code: signaling.CodeJoinTimeout, Text: "no join within " + limit.String()})
		})
	}
}

// asked stops the join timeout.
func (s *session) asked() {
	if s.patience != nil {
		s.patience.Stop()
		s.patience = nil
	}
}

// forgetRequest releases the request that was kept for Config.Admit.
func (s *session) forgetRequest() {
	if s.request != nil {
		s.account.Release(s.server.keptOf(s.request))
		s.request = nil
	}
}

var errFull = &signaling.Error{Code: signaling.CodeServerFull, Text: "too many sessions"}

// finish and begin are separate from run because everything on the stack of run counts for each idle session: with
// 100 bytes more, the runtime cannot shrink the stack from 8 KiB to 4.
func (s *session) finish() {
	s.asked()
	s.forgetRequest()
	if s.waiter != nil {
		s.waiter.Leave()
	}
	event := "ended" // the member has left, was removed, or has another session
	m, p := s.member.Load(), s.place.Load()
	if m != nil && s.lose(m) {
		event = "lost"
	}
	if p != nil && p.Leave() {
		event = "lost"
	}
	s.abort("connection")
	<-s.ended
	s.forwards.wait()
	if m != nil || p != nil {
		s.log(event, "reason", s.why)
	}
	s.outbox.writers.Wait()
	s.server.forgetSession(s)
}

func (s *session) lose(m *rooms.Member) bool {
	if s.unsure {
		return m.Lose(s)
	}
	return m.Detach(s)
}

// handle handles a message. An *Error is sent to the member.
func (s *session) handle(m signaling.Message, began time.Time) error {
	switch m := m.(type) {
	case signaling.Join:
		return s.join(m, began)
	case signaling.List:
		return s.list(m)
	}
	self := s.member.Load()
	if self == nil {
		return notJoined(m.Kind())
	}
	if m.Kind() == signaling.KindSignal {
		s.server.counters.signals.Add(1)
		defer s.server.observe(PhaseSignal, began)
	}
	return self.Handle(s, m)
}

func (s *session) join(j signaling.Join, began time.Time) error {
	switch m := s.member.Load(); {
	case m != nil:
		return &signaling.Error{Code: signaling.CodeAlreadyJoined, Text: fmt.Sprintf("already in room %q", m.Room())}
	case s.waiter != nil || s.waits():
		return &signaling.Error{Code: signaling.CodeAlreadyJoined, Text: "already waiting to be matched"}
	}
	s.asked()
	s.asksFor = j.Room
	s.unsure = s.unsure && j.Resume == ""
	cost := rooms.MemberCost(j) + len(j.Token) + len(j.Resume) // while the join waits
	if err := s.afford(cost); err != nil {
		return err
	}
	joined, err := s.enter(j)
	s.account.Release(cost)
	s.forgetRequest()
	if err != nil || !joined {
		return err
	}
	s.asksFor = ""
	event, phase := "joined", PhaseJoin
	if j.Resume != "" {
		event, phase = "resumed", PhaseResume
	}
	s.server.observe(phase, began)
	s.log(event)
	return nil
}

// enter gets the session a place in a room, or in the queue of a match. In a queue it is not yet a member.
func (s *session) enter(j signaling.Join) (joined bool, err error) {
	if err := s.server.mayAsk(s); err != nil {
		return false, err
	}
	if s.server.node != nil {
		return s.enterCluster(j)
	}
	m, w, err := s.server.rooms.Join(s, j, s.admitted)
	s.waiter = w
	if m != nil {
		s.member.Store(m)
		s.server.expelBanned(m) // a ban may have come since admitted checked
	}
	return m != nil, err
}

// list answers with public rooms. A session that has joined was admitted before, so it is not checked again.
func (s *session) list(l signaling.List) error {
	if err := s.server.mayAsk(s); err != nil {
		return err
	}
	if s.member.Load() == nil && s.waiter == nil && s.place.Load() == nil {
		if _, err := s.server.admit(s, Request{Join: signaling.Join{Token: l.Token}, List: true}); err != nil {
			return err
		}
	}
	s.server.counters.lists.Add(1)
	s.Deliver(rooms.Prepare(s.server.listAll(l)))
	return nil
}

// Bye ends the session of a member that has left.
func (s *session) Bye() { s.end("leave", false, closing(websocket.CloseNormalClosure, "")) }

// afford takes n bytes of the session's account, or returns an error.
func (s *session) afford(n int) error {
	if why := s.account.Hold(n); why != nil {
		s.server.counters.drop(rooms.DroppedBudget)
		return why
	}
	return nil
}

// log writes one line about this session.
func (s *session) log(event string, args ...any) {
	if m := s.member.Load(); m != nil {
		args = append(args, "room", m.Room(), "peer", m.ID())
	} else if p := s.place.Load(); p != nil {
		if room, id, ok := p.Who(); ok {
			args = append(args, "room", room, "peer", id)
		}
	}
	s.server.config.Log.Info(event, append(args, "remote", shown(s.remote))...)
}

// shown formats an address for the log.
func shown(remote netip.Addr) string {
	if !remote.IsValid() {
		return "unknown"
	}
	return remote.String()
}

func notJoined(kind signaling.Kind) error {
	return &signaling.Error{Code: signaling.CodeNotJoined, Text: fmt.Sprintf("%s before join", kind)}
}
