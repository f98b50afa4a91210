//go:build !js

package websocket

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

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
	window    *window
	closed    chan struct{} // closed by close: nothing more is handed out
	over      chan struct{} // closed when nothing more can be read; why is set before

	closing sync.Once
	writing sync.WaitGroup

	sent     atomic.Uint64 // bytes of packets
	received atomic.Uint64
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

// newSocket has trusted if the other end needs no window.
func newSocket(conn *gorilla.Conn, config Config, trusted bool) *socket {
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
	s.window = newWindow(s.out.start, trusted)
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

// close says goodbye when the other end has read what was written, waits for its goodbye, and frees the socket, all
// within closeWait. It waits also if it is not the first.
func (s *socket) close(code int, text string) {
	s.closing.Do(func() {
		enough := time.AfterFunc(closeWait, s.abort)
		defer enough.Stop()
		close(s.closed)
		s.out.finish(code, text)
		var draining sync.WaitGroup
		draining.Go(func() { // the pongs among it are waited for
			s.reading <- struct{}{} // a read under way ends with the next message, or with enough
			s.drain()
		})
		draining.Wait()
		s.writing.Wait()
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
	if !errors.Is(s.why, io.ErrShortBuffer) {
		return
	}
	s.writing.Wait()
	if half, ok := s.conn.NetConn().(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // else it may wait for us as we for it
	}
	_, _ = io.Copy(io.Discard, s.conn.NetConn())
}

// abort ends the connection at once, and with it all reading and writing.
func (s *socket) abort() { s.below.Close() }
