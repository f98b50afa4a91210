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

// socket is one WebSocket. Its goroutine, writeLoop, begins with it; close ends it and waits for it. Reading has no
// goroutine of its own: the caller of read does it. So a program that takes no packets slows down the other end of this
// socket, through TCP, and no other.
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
	why     error         // why reading has ended; the first reason stays
}

const (
	// closeWait limits how long close waits for the other end to take our close frame and to close its side. Until then
	// it can still read what was sent before.
	closeWait = time.Second
	// sendWindow is how much of what was written the kernel may hold. It limits the age of what is on its way to a slow
	// reader, which Lag cannot see: autotuning would let 4 MiB gather. It allows 2.5 MB/s over a round trip of 100 ms.
	sendWindow = 256 << 10 // bytes
)

// newSocket returns the socket of a connection. It is trusted if the other end is of this package, and needs no window.
func newSocket(conn *gorilla.Conn, config Config, trusted bool) *socket {
	s := &socket{
		conn:      conn,
		below:     conn.NetConn(),
		deadAfter: config.deadAfter(),
		// The node lets packets of half this size gather; the other half is left for announcements.
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
		_ = tcp.SetWriteBuffer(sendWindow) // an error does no harm: it works without this, too
	}
	conn.SetReadLimit(int64(config.maxMessage()))
	conn.SetPingHandler(s.heardPing)
	conn.SetPongHandler(s.heardPong)
	conn.SetCloseHandler(func(int, string) error { return nil }) // close answers the close frame
	s.writing.Go(func() { s.writeLoop(config.PingInterval) })
	return s
}

// close sends a close frame when the other end has read what was written, waits for the close frame of the other end,
// and frees the socket, all within closeWait. Further calls wait, too.
func (s *socket) close(code int, text string) {
	s.closing.Do(func() {
		enough := time.AfterFunc(closeWait, s.abort)
		defer enough.Stop()
		close(s.closed)
		s.out.finish(code, text)
		var draining sync.WaitGroup
		draining.Go(func() { // it also reads the pongs that writeLoop waits for
			s.reading <- struct{}{} // a read that is under way ends with the next message, or with enough
			s.drain()
		})
		draining.Wait()
		s.writing.Wait()
		s.conn.Close()
	})
}

// drain discards what the other end sends until its close frame. If a connection is closed with bytes unread, it is
// reset, and our last messages are lost.
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
		_ = half.CloseWrite() // else the other end may wait for us, as we wait for it
	}
	_, _ = io.Copy(io.Discard, s.conn.NetConn())
}

// abort ends the connection at once, and with it all reading and writing.
func (s *socket) abort() { s.below.Close() }
