package signalclient

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/signaling"

	"github.com/gorilla/websocket"
)

// A conn is one connection that was made. read is for one goroutine, send, write, control and sayClose
// for one other, abort and idle for any.
type conn struct {
	// Fixed by dial.
	ws        *websocket.Conn
	socket    net.Conn // below any TLS, whose own Close may wait
	url       string
	deadAfter time.Duration
	release   func() bool // parts the socket from the context of dial
	welcome   signaling.Welcome

	// pings holds the last ping that has no pong yet; older ones need none (RFC 6455, 5.5.3). The
	// writer answers it: if both ends' readers could wait for a write, both could wait for ever.
	pings   chan []byte
	heardAt atomic.Int64 // unix nanoseconds: when a read began or a ping or pong came
}

func (c *conn) use(ws *websocket.Conn) {
	c.ws, c.pings = ws, make(chan []byte, 1)
	ws.SetReadLimit(signaling.MaxMessage)
	ws.SetPongHandler(func(string) error { c.heard(); return nil })
	ws.SetPingHandler(func(data string) error {
		c.heard()
		select {
		case <-c.pings:
		default:
		}
		c.pings <- []byte(data)
		return nil
	})
}

// heard gives the server another deadAfter.
func (c *conn) heard() {
	now := time.Now()
	c.heardAt.Store(now.UnixNano())
	_ = c.ws.SetReadDeadline(now.Add(c.deadAfter)) // fails where the next read does
}

// idle returns how long nothing came.
func (c *conn) idle() time.Duration { return time.Since(time.Unix(0, c.heardAt.Load())) }

// join sends m and waits for the welcome.
func (c *conn) join(m signaling.Join) error {
	if err := c.send(m); err != nil {
		return err
	}
	answer, err := c.read()
	if err != nil {
		return err
	}
	switch answer := answer.(type) {
	case signaling.Welcome:
		c.welcome = answer
		return nil
	case *signaling.Error:
		return answer
	}
	return c.malformed(nil, string(answer.Kind())+" before welcome")
}

// read returns the next message. Kinds of a newer server are passed over. What is not of the
// protocol is a *ProtocolError; other errors say that the connection is lost.
func (c *conn) read() (signaling.Message, error) {
	for {
		c.heard() // here too: the time in which nobody read does not count
		form, frame, err := c.ws.ReadMessage()
		switch {
		case err == nil && form == websocket.TextMessage:
		case err == nil:
			return nil, c.malformed(frame, "a binary frame")
		case silent(err):
			return nil, fmt.Errorf("nothing came for %v: %w", c.deadAfter, err)
		case broken(err):
			return nil, err
		default:
			return nil, c.malformed(nil, err.Error())
		}
		m, err := signaling.JSON.Decode(frame)
		if err == nil {
			return m, nil
		}
		if !errors.Is(err, &signaling.Error{Code: signaling.CodeUnknownKind}) {
			return nil, c.malformed(frame, err.Error())
		}
	}
}

func (c *conn) malformed(frame []byte, reason string) error {
	return &ProtocolError{URL: c.url, Frame: shorten(string(frame)), Reason: reason}
}

func (c *conn) send(m signaling.Message) error {
	frame, err := signaling.JSON.Encode(m)
	if err != nil {
		return err
	}
	return c.write(frame)
}

func (c *conn) write(frame []byte) error {
	_ = c.ws.SetWriteDeadline(time.Now().Add(c.deadAfter)) // never fails
	return c.ws.WriteMessage(websocket.TextMessage, frame)
}

// control writes a ping or a pong.
func (c *conn) control(form int, data []byte) error {
	return c.ws.WriteControl(form, data, time.Now().Add(c.deadAfter))
}

// sayClose begins the closing handshake; the server ends it, and read returns.
func (c *conn) sayClose(code int) error {
	return c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(closeTimeout))
}

// abort ends reads and writes at once.
func (c *conn) abort() {
	if c.socket != nil {
		c.socket.Close()
	}
}
