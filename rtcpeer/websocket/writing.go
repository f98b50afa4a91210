//go:build !js

package websocket

import (
	"errors"
	"net"
	"time"

	gorilla "github.com/gorilla/websocket"
)

// What a socket does to write.

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

func timedOut(err error) bool {
	late, ok := errors.AsType[net.Error](err)
	return ok && late.Timeout()
}
