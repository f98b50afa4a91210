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
)

// A session is one WebSocket. Its goroutine is run, which ends when the socket does; fail, leave and
// abort see to that.
type session struct {
	// Fixed at construction.
	server  *Server
	conn    *websocket.Conn
	dialect *signaling.Dialect
	remote  netip.Addr
	account account // of its address

	// Owned by readLoop.
	tokens   *rate.Limiter
	request  *http.Request // for Config.Admit; nil once it has asked to join
	patience *alarm        // ends the session; nil once it has asked to join
	waiter   *waiter       // nil unless it waits, or waited, to be matched

	// Owned by Server.sweep.
	nextPing time.Duration // by the clock

	// Safe for all.
	outbox outbox
	member atomic.Pointer[member] // nil until joined
	seen   atomic.Int64           // when something came last, in nanoseconds of the clock
	busy   atomic.Bool            // with a frame: nothing is read meanwhile
	due    atomic.Int64           // when room.due is to be called, as seen; 0: never
	ended  chan struct{}          // closed when the last words are in the outbox
	why    string                 // read after ended: what ended it, in a word for the log
}

func newSession(s *Server, conn *websocket.Conn, d *signaling.Dialect, remote netip.Addr, a account) *session {
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
		nextPing: s.firstPing(s.clock.now()),
		outbox:   outbox{maxFrames: s.config.OutboxFrames, maxBytes: s.config.OutboxBytes, account: a},
		ended:    make(chan struct{}),
	}
	session.see()
	session.answerControls()
	return session
}

// run is the life of the session. When the server is full, that is all it tells.
func (s *session) run(full bool) {
	s.begin(full)
	s.readLoop()
	s.finish()
}

// begin gives the session a time to join. A timer, unlike a place in the sweep, is precise for a dialect
// with little patience, and is gone when the session sits idle in a room.
func (s *session) begin(full bool) {
	limit := cmp.Or(s.dialect.JoinTimeout, s.server.config.JoinTimeout)
	switch {
	case full:
		s.refuse(errFull)
	case limit > 0:
		s.patience = s.server.clock.after(limit, func() {
			s.fail(&signaling.Error{Code: signaling.CodeJoinTimeout, Text: "no join within " + limit.String()})
		})
	}
}

// asked ends the wait for a join.
func (s *session) asked() {
	if s.patience != nil {
		s.patience.stop()
		s.patience = nil
	}
}

// forgetRequest lets the request go that was kept for Config.Admit.
func (s *session) forgetRequest() {
	if s.request != nil {
		s.account.release(s.server.keptOf(s.request))
		s.request = nil
	}
}

var errFull = &signaling.Error{Code: signaling.CodeServerFull, Text: "too many sessions"}

// finish, like begin, is not part of run because what run keeps on its stack counts for each idle session: 100
// bytes more, and the runtime cannot shrink the stack from 8 KiB to 4.
func (s *session) finish() {
	s.asked()
	s.forgetRequest()
	s.server.matcher.leave(s)
	event := "ended" // by itself, or its place is taken or gone
	m := s.member.Load()
	if m != nil && m.room.detach(s, m) {
		event = "lost"
	}
	s.abort("connection")
	<-s.ended
	if m != nil {
		s.log(event, "why", s.why)
	}
	s.outbox.writers.Wait()
	s.server.forgetSession(s)
}

// handle acts on a message. An *Error is for the member.
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
	switch r := self.room; m := m.(type) {
	case signaling.Signal:
		return s.relay(self, m, began)
	case signaling.Seal:
		return r.asHost(s, self, m.Kind(), r.seal)
	case signaling.Lock:
		return r.asHost(s, self, m.Kind(), func() error { return r.lock(m) })
	case signaling.Kick:
		return r.asHost(s, self, m.Kind(), func() error { return r.kick(m) })
	case signaling.Leave:
		s.leave(self)
		return nil
	}
	return badMessage("%s is for the server to send", m.Kind())
}

func (s *session) join(j signaling.Join, began time.Time) error {
	switch m := s.member.Load(); {
	case m != nil:
		return &signaling.Error{Code: signaling.CodeAlreadyJoined, Text: fmt.Sprintf("already in room %q", m.room.name)}
	case s.waiter != nil:
		return &signaling.Error{Code: signaling.CodeAlreadyJoined, Text: "already waiting to be matched"}
	}
	s.asked()
	cost := memberCost(j) + len(j.Token) + len(j.Resume) // while it waits
	if err := s.server.afford(s.account, cost); err != nil {
		return err
	}
	m, err := s.server.join(s, j)
	s.account.release(cost)
	s.forgetRequest()
	if err != nil || m == nil {
		return err
	}
	s.member.Store(m)
	s.server.expelBanned(m) // since it was asked whether it is
	event, phase := "joined", PhaseJoin
	if j.Resume != "" {
		event, phase = "resumed", PhaseResume
	}
	s.server.observe(phase, began)
	s.log(event)
	return nil
}

// list answers with public rooms. Who has joined was admitted before.
func (s *session) list(l signaling.List) error {
	if err := s.server.mayAsk(s); err != nil {
		return err
	}
	if s.member.Load() == nil && s.waiter == nil {
		if _, err := s.server.admit(s, Request{Join: signaling.Join{Token: l.Token}, List: true}); err != nil {
			return err
		}
	}
	s.server.counters.lists.Add(1)
	s.send(&note{message: s.server.listing.page(l)})
	return nil
}

func (s *session) relay(m *member, signal signaling.Signal, began time.Time) error {
	if signal.To == 0 {
		return badMessage("signal: no to")
	}
	s.server.counters.signals.Add(1)
	defer s.server.observe(PhaseSignal, began)
	return m.room.relay(s, m, signal)
}

func (s *session) leave(m *member) {
	m.room.leave(s, m)
	s.end("leave", false, closing(websocket.CloseNormalClosure, ""))
}

// log writes one line about this session. Texts of errors are not for the log: they quote frames.
func (s *session) log(event string, args ...any) {
	if m := s.member.Load(); m != nil {
		args = append(args, "room", m.room.name, "peer", m.id)
	}
	s.server.config.Log.Info(event, append(args, "remote", shown(s.remote))...)
}

// shown is an address for the log.
func shown(remote netip.Addr) string {
	if !remote.IsValid() {
		return "unknown"
	}
	return remote.String()
}

func notJoined(kind signaling.Kind) error {
	return &signaling.Error{Code: signaling.CodeNotJoined, Text: fmt.Sprintf("%s before join", kind)}
}

func badMessage(format string, args ...any) error {
	return &signaling.Error{Code: signaling.CodeBadMessage, Text: fmt.Sprintf(format, args...)}
}
