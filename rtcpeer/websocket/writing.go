//go:build !js

package websocket

import (
	"errors"
	"net"
	"time"

	gorilla "github.com/gorilla/websocket"
)

// This file has the writing side of a socket.

// write queues a packet. If there is no room for it, the socket is ended.
func (s *socket) write(p []byte) error {
	err := s.out.push(p)
	if err == errSlow {
		s.abort()
	}
	return err
}

// writeLoop writes what the outbox has, and pings, until the close frame or an error.
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
		select { // at random if both are ready, so that neither starves the other
		case <-tick:
			kind, data = gorilla.PingMessage, s.window.ping()
		case <-s.out.ready:
			kind, data = s.out.pop(s.window.fits)
		case <-s.window.moved:
			kind, data = s.out.pop(s.window.fits)
		}
		switch {
		case kind == gorilla.CloseMessage:
			if s.awaitRead() == nil {
				_ = s.send(kind, data)
			}
			return
		case kind != 0 && s.send(kind, data) != nil:
			return
		case (s.window.due() || s.window.blocked && s.window.asks()) && s.ask() != nil:
			return
		}
	}
}

// ask sends a ping. Its pong says how much the other end has read.
func (s *socket) ask() error { return s.send(gorilla.PingMessage, s.window.ping()) }

// awaitRead waits until the other end has read what was written, or nothing more can come from it: an engine drops what
// it reads together with a close frame.
func (s *socket) awaitRead() error {
	if s.window.unbounded {
		return nil
	}
	for s.window.unread().packets > 0 {
		if s.window.asks() {
			if err := s.ask(); err != nil {
				return err
			}
		}
		select {
		case <-s.window.moved:
		case <-s.over:
			return nil
		}
	}
	return nil
}

// send writes one message. A socket that takes nothing for deadAfter is given up. After any other error the reader
// still gets what has arrived, and then notices the end itself.
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
		s.window.wrote(len(data))
		s.out.written(len(data))
	}
	return err
}

func timedOut(err error) bool {
	late, ok := errors.AsType[net.Error](err)
	return ok && late.Timeout()
}
