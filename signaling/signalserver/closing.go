package signalserver

import (
	"errors"
	"net"
	"time"

	"github.com/gorilla/websocket"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
)

// closingTimeout is how long the client of an ended session may take to read the last frames and to close.
const closingTimeout = 2 * time.Second

// refuse sends err to the client, and ends the session if the dialect closes it for this error. more is for the log.
func (s *session) refuse(err error, more ...any) {
	why, ok := errors.AsType[*signaling.Error](err)
	if !ok {
		why = &signaling.Error{Code: signaling.CodeInternal, Text: err.Error()}
	}
	s.log("refused", append(logged(why), more...)...)
	s.Fail(why)
}

// Fail is refuse without the log line, for callers that hold locks.
func (s *session) Fail(why *signaling.Error) {
	s.server.counters.refuse(why.Code)
	n := rooms.Prepare(why)
	code, text, ends := s.dialect.Close(why)
	if !ends {
		s.Deliver(n)
		return
	}
	frames, _ := n.Frames(s.dialect) // an error is ignored: the close frame gives the reason, too
	var last []item
	for _, data := range frames {
		last = append(last, item{websocket.TextMessage, data})
	}
	s.end(string(why.Code), false, append(last, closing(code, text))...)
}

// logged returns what the log says of a refusal. Most texts quote frames, so only those of the admission and of limits
// are logged.
func logged(why *signaling.Error) []any {
	args := []any{"code", why.Code}
	switch why.Code {
	case signaling.CodeUnauthorized, signaling.CodeForbidden, signaling.CodeRateLimited, signaling.CodeServerFull:
		if why.Text != "" {
			args = append(args, "text", why.Text)
		}
	}
	return args
}

func closing(code int, text string) item {
	return item{websocket.CloseMessage, websocket.FormatCloseMessage(code, text)}
}

// end ends the session. The writer still sends what waits and then the last frames, within closingTimeout; with
// drop, what waits is dropped. Only the first call counts.
func (s *session) end(why string, drop bool, last ...item) {
	wake, first := s.outbox.end(drop, last...)
	if wake {
		go s.writeLoop()
	}
	if first {
		s.why = why
		close(s.ended)
		s.conn.NetConn().SetDeadline(time.Now().Add(closingTimeout)) // wakes readLoop; does not block
	}
}

// abort ends the session without any last frames. It does not wait for TLS to close properly.
func (s *session) abort(why string) {
	s.end(why, true)
	conn := s.conn.NetConn()
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok { // a *tls.Conn, or another wrapper
		conn = t.NetConn()
	}
	conn.Close()
}
