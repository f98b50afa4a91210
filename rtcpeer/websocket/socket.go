//go:build !js

package websocket

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"

	gorilla "github.com/gorilla/websocket"
)

// socket is one WebSocket. Its goroutine, writeLoop, begins with it; close ends it and waits. Reading
// has no goroutine of its own: whoever wants a packet reads, so that a program which takes none
// pushes back through TCP on that socket alone.
type socket struct {
	// Fixed at construction.
	conn      *gorilla.Conn
	below     net.Conn // the connection under WebSocket and TLS
	deadAfter time.Duration
	out       *outbox
	closed    chan struct{} // closed by close: nothing more is handed out
	over      chan struct{} // closed when nothing more can be read; why is set before

	closing sync.Once
	writing sync.WaitGroup

	sent     atomic.Uint64 // bytes of packets
	received atomic.Uint64
	pinged   atomic.Int64 // time of the last ping, in nanoseconds since out.start; 0: answered
	rtt      atomic.Int64

	reading chan struct{} // holds a token while somebody reads; guards the fields below
	held    []byte        // a packet that did not fit the reader's buffer
	why     error         // of the end; kept
}

const (
	// closeWait bounds how long close waits for the other end: to take our close frame, and to
	// close its side. Until then it can still read what was sent before.
	closeWait = time.Second
	// sendWindow is what the kernel may hold of what was written. It bounds the age of what is
	// under way to a slow reader, which Lag cannot see: autotuning would let 4 MiB gather. It
	// allows 2.5 MB/s over a round trip of 100 ms.
	sendWindow = 256 << 10 // bytes
)

// errMisbehaved is the end of a socket whose other end sent more than the limit, or what is no
// WebSocket's. A buffer that is too short however large it becomes is what the node understands as
// Misbehaved.
var errMisbehaved = io.ErrShortBuffer

func newSocket(conn *gorilla.Conn, config Config) *socket {
	s := &socket{
		conn:      conn,
		below:     conn.NetConn(),
		deadAfter: config.deadAfter(),
		// Twice what the node lets gather of packets is left for announcements.
		out:    newOutbox(2 * config.Node.SendBuffer),
		closed: make(chan struct{}),
		over:   make(chan struct{}),

		reading: make(chan struct{}, 1),
	}
	if secure, ok := s.below.(interface{ NetConn() net.Conn }); ok { // *tls.Conn
		s.below = secure.NetConn()
	}
	if tcp, ok := s.below.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendWindow) // without it, it works as well
	}
	conn.SetReadLimit(int64(config.maxMessage()))
	conn.SetPingHandler(s.heardPing)
	conn.SetPongHandler(s.heardPong)
	conn.SetCloseHandler(func(int, string) error { return nil }) // close answers
	s.writing.Go(func() { s.writeLoop(config.PingInterval) })
	return s
}

// write queues a packet. One that finds no room ends the socket.
func (s *socket) write(p []byte) error {
	err := s.out.push(p)
	if err == errSlow {
		s.abort()
	}
	return err
}

// writeLoop writes what the outbox has, and pings, until the goodbye or an error.
func (s *socket) writeLoop(pingInterval time.Duration) {
	defer s.out.fail()
	var tick <-chan time.Time
	if pingInterval > 0 {
		ticker := time.NewTicker(pingInterval)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		var kind int
		var data []byte
		select { // at random if both are: neither starves the other
		case <-tick:
			kind = gorilla.PingMessage
			s.pinged.Store(int64(time.Since(s.out.start)))
		case <-s.out.ready:
			kind, data = s.out.pop()
		}
		if kind == 0 {
			continue
		}
		if err := s.send(kind, data); err != nil || kind == gorilla.CloseMessage {
			return
		}
	}
}

// send writes one message. A socket that takes nothing for deadAfter is given up; after any other
// error the reader still gets what has arrived, and then finds the end itself.
func (s *socket) send(kind int, data []byte) error {
	if s.deadAfter > 0 {
		s.conn.SetWriteDeadline(time.Now().Add(s.deadAfter))
	}
	err := s.conn.WriteMessage(kind, data)
	switch {
	case err != nil && timedOut(err):
		s.abort()
	case err == nil && kind == gorilla.BinaryMessage:
		s.sent.Add(uint64(len(data)))
		s.out.written(len(data))
	}
	return err
}

// read is the Read of a transport.Lane.
func (s *socket) read(p []byte) (int, error) {
	select {
	case s.reading <- struct{}{}:
	case <-s.closed:
		return 0, transport.ErrClosed
	}
	defer func() { <-s.reading }()
	n, err := 0, s.why
	switch {
	case s.held != nil:
		n, err = s.takeHeld(p)
	case err == nil:
		n, err = s.next(p)
	}
	select {
	case <-s.closed:
		return 0, transport.ErrClosed
	default:
		return n, err
	}
}

// next reads one message, which a text frame may bring as well as a binary one.
func (s *socket) next(p []byte) (int, error) {
	s.heard()
	_, message, err := s.conn.NextReader()
	if err != nil {
		return 0, s.end(err)
	}
	n := 0
	for n < len(p) {
		m, err := message.Read(p[n:])
		n += m
		if err == io.EOF {
			s.received.Add(uint64(n))
			return n, nil
		}
		if err != nil {
			return 0, s.end(err)
		}
	}
	rest, err := io.ReadAll(message) // the read limit bounds it
	if err != nil {
		return 0, s.end(err)
	}
	s.received.Add(uint64(n + len(rest)))
	if len(rest) == 0 {
		return n, nil
	}
	s.held = append(slices.Clone(p), rest...)
	return 0, io.ErrShortBuffer
}

func (s *socket) takeHeld(p []byte) (int, error) {
	if len(p) < len(s.held) {
		return 0, io.ErrShortBuffer
	}
	n := copy(p, s.held)
	s.held = nil
	return n, nil
}

// heard begins the time anew that the socket may be silent. It counts only while somebody reads: a
// program that takes its time finds what has come in the meantime, pongs too.
func (s *socket) heard() {
	if s.deadAfter > 0 {
		s.conn.SetReadDeadline(time.Now().Add(s.deadAfter))
	}
}

func (s *socket) heardPing(data string) error {
	s.heard()
	s.out.answer(data)
	return nil
}

func (s *socket) heardPong(string) error {
	s.heard()
	if pinged := s.pinged.Swap(0); pinged > 0 {
		s.rtt.Store(int64(time.Since(s.out.start)) - pinged)
	}
	return nil
}

// end keeps why nothing more can be read, as the node understands it; reading is held.
func (s *socket) end(err error) error {
	network, _ := errors.AsType[net.Error](err)
	_, goodbye := errors.AsType[*gorilla.CloseError](err)
	switch {
	case errors.Is(err, gorilla.ErrReadLimit), !goodbye && strings.HasPrefix(err.Error(), "websocket: "):
		s.why = errMisbehaved // gorilla has told the other end: 1009, 1002
	case goodbye, errors.Is(err, io.EOF):
		s.why = fmt.Errorf("%w: %v", transport.ErrRemoteClosed, err)
	case network != nil && !network.Timeout() && !errors.Is(err, net.ErrClosed):
		// A reset is how Godot closes with packets unread.
		s.why = fmt.Errorf("%w: %v", transport.ErrRemoteClosed, err)
	default:
		s.why = fmt.Errorf("%w: %v", transport.ErrLost, err)
	}
	close(s.over)
	return s.why
}

// wait returns the end, when it has come.
func (s *socket) wait() error {
	select {
	case <-s.closed:
		return transport.ErrClosed
	case <-s.over:
		return s.why
	}
}

// close says goodbye, waits for the other end's, and frees the socket, all within closeWait. It waits
// also if it is not the first.
func (s *socket) close(code int, text string) {
	s.closing.Do(func() {
		enough := time.AfterFunc(closeWait, s.abort)
		defer enough.Stop()
		close(s.closed)
		s.out.finish(code, text)
		s.writing.Wait()
		s.reading <- struct{}{} // a read under way ends with the next message, or with enough
		s.drain()
		s.conn.Close()
	})
}

// drain passes over what the other end sends until its close frame: a connection that is closed with
// bytes unread is reset, and what we said last would be lost with it.
func (s *socket) drain() {
	for s.why == nil {
		if _, _, err := s.conn.NextReader(); err != nil {
			s.end(err)
		}
	}
	if s.why != errMisbehaved {
		return
	}
	if half, ok := s.conn.NetConn().(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // else it may wait for us as we for it
	}
	_, _ = io.Copy(io.Discard, s.conn.NetConn())
}

// abort ends the connection at once, and with it all reading and writing.
func (s *socket) abort() { s.below.Close() }

func timedOut(err error) bool {
	late, ok := errors.AsType[net.Error](err)
	return ok && late.Timeout()
}
