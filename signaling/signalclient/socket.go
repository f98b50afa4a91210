//go:build !js

package signalclient

import (
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/signaling"

	"github.com/gorilla/websocket"
)

// A socket is a WebSocket over a socket of the operating system.
type socket struct {
	// Fixed by dial.
	ws        *websocket.Conn
	below     net.Conn // under any TLS, whose own Close may wait
	began     time.Time
	deadAfter time.Duration
	release   func() bool // detaches the socket from the context of dial

	// pings holds the last ping without a pong; older ones need none (RFC 6455, 5.5.3). The writer answers it: if the
	// readers of both ends could wait for a write, both could wait forever.
	pings   chan []byte
	heardAt atomic.Int64  // time.Duration since began: when a read began or a ping or pong came
	came    atomic.Uint64 // how often data came
	reading atomic.Int64  // time.Duration since began: when the current read began; 0: nobody is reading
}

// canPing says that the client itself can send pings.
const canPing = true

// A countedConn is a net.Conn that counts how often data comes.
type countedConn struct {
	net.Conn
	came *atomic.Uint64
}

func (c countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.came.Add(1)
	}
	return n, err
}

func (s *socket) use(ws *websocket.Conn) {
	s.ws, s.pings, s.began = ws, make(chan []byte, 1), time.Now()
	ws.SetReadLimit(signaling.MaxMessage)
	ws.SetPongHandler(func(string) error { s.heard(); return nil })
	ws.SetPingHandler(func(data string) error {
		s.heard()
		select {
		case <-s.pings:
		default:
		}
		s.pings <- []byte(data)
		return nil
	})
}

// heard extends the read deadline by deadAfter.
func (s *socket) heard() {
	s.heardAt.Store(int64(time.Since(s.began)))
	_ = s.ws.SetReadDeadline(time.Now().Add(s.deadAfter)) // if this fails, the next read fails, too
}

// idle returns how long nothing has come.
func (s *socket) idle() time.Duration { return time.Since(s.began) - time.Duration(s.heardAt.Load()) }

// mark returns the current mark.
func (s *socket) mark() mark { return mark{s.came.Load(), time.Since(s.began)} }

// silence returns how long a read has waited without data since m. It returns 0 if data has come, or if nobody is
// reading, because then nobody can tell.
func (s *socket) silence(m mark) time.Duration {
	began := time.Duration(s.reading.Load())
	if began == 0 || s.came.Load() != m.came {
		return 0
	}
	return time.Since(s.began) - max(began, m.at)
}

// next returns the next frame, and whether it is binary. A *frameError means that the data is not a valid frame;
// other errors mean that the connection is lost.
func (s *socket) next() (frame []byte, binary bool, err error) {
	s.heard() // here too, so that time without a reader does not count
	s.reading.Store(max(1, int64(time.Since(s.began))))
	defer s.reading.Store(0)
	form, frame, err := s.ws.ReadMessage()
	switch {
	case err == nil:
		return frame, form == websocket.BinaryMessage, nil
	case silent(err):
		return nil, false, fmt.Errorf("nothing received for %v: %w", s.deadAfter, err)
	case broken(err):
		return nil, false, err
	}
	return nil, false, &frameError{reason: err.Error()}
}

func (s *socket) write(frame []byte) error { return s.writeAs(websocket.TextMessage, frame) }

func (s *socket) writeBinary(frame []byte) error { return s.writeAs(websocket.BinaryMessage, frame) }

func (s *socket) writeAs(form int, frame []byte) error {
	_ = s.ws.SetWriteDeadline(time.Now().Add(s.deadAfter)) // never fails
	return s.ws.WriteMessage(form, frame)
}

func (s *socket) ping() error { return s.control(websocket.PingMessage, nil) }

func (s *socket) pong(data []byte) error { return s.control(websocket.PongMessage, data) }

func (s *socket) control(form int, data []byte) error {
	return s.ws.WriteControl(form, data, time.Now().Add(s.deadAfter))
}

// stranded reports whether this machine no longer has the local address of the socket on any interface that is up.
func (s *socket) stranded() bool {
	local, ok := s.below.LocalAddr().(*net.TCPAddr)
	if !ok || local.IP.IsLoopback() {
		return false
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(interfaces, func(i net.Interface) bool {
		addresses, err := i.Addrs()
		return i.Flags&net.FlagUp != 0 && (err != nil || slices.ContainsFunc(addresses, func(a net.Addr) bool {
			n, ok := a.(*net.IPNet)
			return ok && n.IP.Equal(local.IP)
		}))
	})
}

// sayClose begins the closing handshake. When the server answers it, next returns.
func (s *socket) sayClose(code int) error {
	return s.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(closeTimeout))
}

// abort ends reads and writes at once.
func (s *socket) abort() {
	if s.below != nil {
		s.below.Close()
	}
}
