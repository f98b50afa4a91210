//go:build !js

package websocket

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"

	gorilla "github.com/gorilla/websocket"
)

// This file has the reading side of a socket, which has no goroutine of its own.

// The node counts io.ErrShortBuffer as Misbehaved if its largest buffer is too short: the other end has sent more than
// the limit. errNoFrame uses that for data that is not a WebSocket frame.
var errNoFrame = fmt.Errorf("websocket: the message is not a frame: %w", io.ErrShortBuffer)

// read implements Read of a transport.Lane.
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

// next reads one message, in a binary or a text frame.
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

// heard restarts the time for which the socket may be silent. That time counts only while somebody reads: a program
// that takes its time then finds what has come meanwhile, including pongs.
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

func (s *socket) heardPong(data string) error {
	s.heard()
	if rtt, ours := s.window.pong(data); ours {
		s.rtt.Store(int64(rtt))
	}
	return nil
}

// end stores why nothing more can be read, in the terms of the node; reading is held.
func (s *socket) end(err error) error {
	network, _ := errors.AsType[net.Error](err)
	_, goodbye := errors.AsType[*gorilla.CloseError](err)
	switch {
	case errors.Is(err, gorilla.ErrReadLimit):
		s.why = io.ErrShortBuffer // gorilla has told the other end: 1009
	case !goodbye && strings.HasPrefix(err.Error(), "websocket: "):
		s.why = errNoFrame // likewise: 1002
	case goodbye, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		// With a close frame or, as Godot's close() does it, without.
		s.why = fmt.Errorf("%w: %v", transport.ErrRemoteClosed, err)
	case network != nil && !network.Timeout() && !errors.Is(err, net.ErrClosed):
		// A reset: the other end has closed with packets unread.
		s.why = fmt.Errorf("%w: %v", transport.ErrRemoteClosed, err)
	default:
		s.why = fmt.Errorf("%w: %v", transport.ErrLost, err)
	}
	close(s.over)
	return s.why
}

// wait waits for the end, and returns its reason.
func (s *socket) wait() error {
	select {
	case <-s.closed:
		return transport.ErrClosed
	case <-s.over:
		return s.why
	}
}
