package signalserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/clock"
	"example.org/rtcpeer/signaling/cluster"
	"example.org/rtcpeer/signaling/rooms"
	"example.org/rtcpeer/signaling/text"
)

// A Server is an http.Handler with rooms. It ignores the path of a request: the join message names the room.
type Server struct {
	// Fixed at construction.
	config   Config
	upgrader websocket.Upgrader
	own      *signaling.Dialect // for signaling.Subprotocol
	stop     context.CancelFunc // ends sweep, journal.run and shareWhatIsOver

	// Safe for concurrent use.
	clock     *clock.Clock
	journal   *journal
	bans      bans
	counters  counters
	addresses *addresses
	forwards  *rate.Limiter // limits the bytes of binary frames of all sessions
	rooms     *rooms.Store
	node      *cluster.Node  // nil: this server does not share its rooms
	buffers   sync.Pool      // *bytes.Buffer, for one frame each while it is read
	batches   sync.Pool      // *batch, for one writer each
	wg        sync.WaitGroup // the server's goroutines, and run of each session; Add under mu, and not while stopping

	mu       sync.Mutex // guards the fields below
	sessions map[*session]struct{}
	draining bool
	drained  chan struct{} // closed and set to nil when the last session ends; nil while nobody waits
	stopping bool
}

const (
	handshakeTimeout = 5 * time.Second
	// Several candidates that come together fit; larger frames are read past the buffer.
	readBuffer = 2 << 10
	// retryAfter is how long a client is told to wait if the server cannot take it now.
	retryAfter = 5 * time.Second
)

// New returns a server that is ready to serve. The caller must end it with Shutdown.
func New(config Config) (*Server, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	journal, err := openJournal(config.StateFile, func(err error) { config.Log.Error("cannot write the state file", "err", err) })
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		config: config,
		upgrader: websocket.Upgrader{
			HandshakeTimeout: handshakeTimeout,
			ReadBufferSize:   readBuffer,
			WriteBufferPool:  new(sync.Pool), // so that no connection has a write buffer: frames go through a batch
			CheckOrigin:      config.CheckOrigin,
		},
		own:      signaling.V1(),
		stop:     stop,
		buffers:  sync.Pool{New: func() any { return new(bytes.Buffer) }},
		batches:  sync.Pool{New: func() any { return new(batch) }},
		sessions: make(map[*session]struct{}),
		forwards: newTotal(config),

		journal: journal,
	}
	s.clock = clock.New(s.sweepInterval())
	s.addresses = newAddresses(config, s.clock)
	s.bans.clock = s.clock
	if s.rooms, err = s.newRooms(); err != nil {
		stop()
		return nil, err
	}
	s.restore()
	if s.node != nil {
		if err := s.node.Start(s.rooms); err != nil {
			stop()
			return nil, err
		}
		s.wg.Go(func() { s.shareWhatIsOver(ctx) })
	}
	s.wg.Go(func() { s.sweep(ctx) })
	s.wg.Go(func() { journal.run(ctx) })
	return s, nil
}

// newRooms returns the rooms of the server.
func (s *Server) newRooms() (*rooms.Store, error) {
	c := &s.config
	limits := signaling.Limits{MessageBytes: c.MaxMessage}
	if c.MessageRate > 0 {
		limits.MessageRate, limits.MessageBurst = c.MessageRate, c.MessageBurst
	}
	if c.RelayLinks {
		limits.RelayRate = c.RelayRate
	}
	config := rooms.Config{
		Clock:         s.clock,
		Grace:         c.Grace,
		KeptFrames:    c.OutboxFrames,
		KeptBytes:     c.OutboxBytes,
		MaxRooms:      c.MaxRooms,
		MaxMembers:    c.MaxMembers,
		ResumeKey:     c.ResumeKey,
		Recovery:      c.Recovery,
		RebuildTime:   c.RebuildTime,
		TicketAge:     c.TicketAge,
		Limits:        limits,
		MatchRules:    s.own.Room,
		ICEServers:    c.ICEServers,
		ICEServersFor: c.ICEServersFor,
		Networks:      limitedNetworks,
		Banned:        s.bans.find,
		Voided:        s.voided,
		Dropped:       s.counters.drop,
		Matched:       s.matched,
		Log:           c.Log,
	}
	if c.Bus != nil {
		s.node = s.newNode()
		config.Owns, config.Acts, config.Changed = s.node.Owns, s.node.Acts, s.node.Changed
	}
	return rooms.New(config)
}

const about = `This is a signaling server: peers meet here by WebSocket, subprotocol ` + signaling.Subprotocol + `,
and then connect to each other directly. There is nothing to see with a browser.
`

// ServeHTTP upgrades a request to a WebSocket, starts its session and returns. Other requests get a text that
// explains what this server is.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	overload := s.overload()
	switch {
	case overload != "":
		s.refused(r, &signaling.Error{Code: overload})
		later(w, http.StatusServiceUnavailable, "The signaling server accepts no sessions at the moment.", retryAfter)
	case !websocket.IsWebSocketUpgrade(r), !r.ProtoAtLeast(1, 1): // RFC 6455, 4.2.1
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, about, http.StatusUpgradeRequired)
	case s.dialect(r) == nil:
		http.Error(w, fmt.Sprintf("This signaling server speaks the WebSocket subprotocol %s; the request offers %q.",
			signaling.Subprotocol, r.Header.Get("Sec-WebSocket-Protocol")), http.StatusBadRequest)
	default:
		s.upgrade(w, r)
	}
}

// upgrade starts a session if the address of the client may have one more.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) {
	remote := s.config.RemoteAddr(r)
	if why := s.bans.find(remote, "", rooms.Seat{}); why != nil {
		s.refused(r, why)
		http.Error(w, why.Text, http.StatusForbidden)
		return
	}
	address, wait, why := s.addresses.enter(remote)
	if address == nil {
		s.refused(r, &signaling.Error{Code: signaling.CodeRateLimited, Text: why})
		later(w, http.StatusTooManyRequests, "Too many connections from your address.", wait)
		return
	}
	kept := s.keptOf(r)
	if why := address.Hold(kept); why != nil {
		s.addresses.leave(address)
		s.refused(r, why)
		s.counters.drop(rooms.DroppedBudget)
		later(w, http.StatusServiceUnavailable, "The signaling server accepts no sessions from your address at the moment.", retryAfter)
		return
	}
	first, chosen := s.choose(r)
	conn, err := s.upgrader.Upgrade(w, r, http.Header{"Sec-Websocket-Protocol": {chosen}})
	if err != nil {
		address.Release(kept)
		s.addresses.leave(address)
		if !s.config.CheckOrigin(r) {
			err = errors.New("origin not allowed")
		}
		s.config.Log.Info("WebSocket refused", "err", err, "origin", text.Shorten(r.Header.Get("Origin"), text.Most), "remote", shown(remote))
		return // Upgrade has answered
	}
	session := newSession(s, conn, s.dialect(r), remote, address)
	session.first = first
	if s.config.Admit != nil {
		session.request = r
	}
	// In its own goroutine, so that the goroutine of net/http and its stack are freed.
	s.start(session)
}

// refused counts and logs the refusal of a request that does not become a session.
func (s *Server) refused(r *http.Request, why *signaling.Error) {
	s.counters.refuse(why.Code)
	s.config.Log.Info("refused", append(logged(why), "remote", shown(s.config.RemoteAddr(r)))...)
}

// keptOf returns the size of the part of a request that is kept for Config.Admit, in bytes: 0 if Admit is nil.
func (s *Server) keptOf(r *http.Request) int {
	if s.config.Admit == nil {
		return 0
	}
	size := len(r.RequestURI) + len(r.Host)
	for name, values := range r.Header {
		for _, value := range values {
			size += itemOverhead + len(name) + len(value)
		}
	}
	return size
}

func later(w http.ResponseWriter, status int, text string, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	http.Error(w, text, status)
}

// dialect returns the dialect for the client that sent r, or nil if there is no common subprotocol.
func (s *Server) dialect(r *http.Request) *signaling.Dialect {
	switch offered := websocket.Subprotocols(r); {
	case slices.Contains(offered, signaling.Subprotocol):
		return s.own
	case len(offered) == 0:
		return s.config.Plain
	}
	return nil
}

// choose returns the first frame of the client if it came with r, and the subprotocol with which to answer.
func (s *Server) choose(r *http.Request) (first []byte, chosen string) {
	if s.dialect(r) != s.own {
		return nil, ""
	}
	if first = signaling.OfferedFrame(websocket.Subprotocols(r)); first != nil {
		return first, signaling.SubprotocolTaken
	}
	return nil, signaling.Subprotocol
}

// overload returns an error code if the server is too busy even to send an error over a WebSocket. It accepts a few
// sessions beyond MaxSessions, only to send them an error.
func (s *Server) overload() signaling.Code {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopping || s.draining:
		return signaling.CodeShuttingDown
	case len(s.sessions) >= s.config.MaxSessions+s.config.MaxSessions/8+16:
		return signaling.CodeServerFull
	}
	return ""
}

func (s *Server) start(session *session) {
	s.mu.Lock()
	if s.stopping || s.draining { // since the upgrade began: the client sees a lost connection and comes back
		s.mu.Unlock()
		session.forgetRequest()
		s.addresses.leave(session.account)
		session.abort(string(signaling.CodeShuttingDown))
		return
	}
	full := len(s.sessions) >= s.config.MaxSessions
	s.sessions[session] = struct{}{}
	s.wg.Go(func() { session.run(full) })
	s.mu.Unlock()
}

// Shutdown refuses new sessions, tells all others to reconnect later, and waits until they have ended. If ctx is done
// first, it closes the remaining sessions and returns the cause. When it returns, the server has no goroutines and no
// rooms left. It may be called again. http.Server.Shutdown does not end these sessions, because the http.Server no
// longer knows their sockets.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	sessions := slices.Collect(maps.Keys(s.sessions))
	s.mu.Unlock()
	s.stop()
	handed := s.handOver(ctx)
	sendAway(sessions)
	ended := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(ended)
	}()
	var err error
	select {
	case <-ended:
	case <-ctx.Done():
		err = fmt.Errorf("signalserver: shutdown cut short: %w", context.Cause(ctx))
		for _, session := range sessions {
			session.abort(string(signaling.CodeShuttingDown))
		}
		<-ended
	}
	if s.node != nil {
		s.node.Close()
	}
	s.rooms.Close()
	s.journal.write() // records that the last sessions added after run had ended
	return errors.Join(handed, err)
}

func (s *Server) allSessions() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.sessions))
}

func sendAway(sessions []*session) {
	for _, session := range sessions {
		session.Fail(&signaling.Error{Code: signaling.CodeShuttingDown, Text: "the server is stopping or restarting"})
	}
}

func (s *Server) forgetSession(session *session) {
	s.addresses.leave(session.account)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, session)
	if len(s.sessions) == 0 && s.drained != nil {
		close(s.drained)
		s.drained = nil
	}
}

// matched is called when the wait of a session for a match has ended.
func (s *Server) matched(of rooms.Session, waited time.Duration, err error) {
	if s.node != nil && s.node.Matched(of, err) {
		return
	}
	session := of.(*session)
	if p := session.place.Load(); p != nil {
		p.Matched()
	}
	if err != nil {
		session.refuse(err)
		return
	}
	session.log("matched")
	s.took(PhaseMatch, waited)
}
