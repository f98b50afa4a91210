package signalserver

import (
	"time"

	"github.com/gorilla/websocket"

	"example.org/rtcpeer/signaling"
)

// writeTimeout is how long one frame may take. A member that reads nothing for so long comes back
// faster than it catches up.
const writeTimeout = 10 * time.Second

// send queues a message. It never blocks.
func (s *session) send(n *note) {
	frames, err := n.in(s.dialect)
	if err != nil {
		s.fail(&signaling.Error{Code: signaling.CodeInternal, Text: err.Error()})
		return
	}
	s.push(websocket.TextMessage, frames...)
}

func (s *session) push(kind int, frames ...[]byte) {
	wake, fits := s.outbox.push(kind, frames...)
	if wake {
		go s.writeLoop()
	}
	if !fits {
		s.server.counters.drop(droppedSlow)
		code, text, _ := s.dialect.Close(&signaling.Error{Code: signaling.CodeSlow})
		s.end(droppedSlow, true, closing(code, text))
	}
}

// writeLoop writes what is in the outbox, and ends when it is empty.
func (s *session) writeLoop() {
	for {
		i, ok := s.outbox.next()
		if !ok {
			return
		}
		if s.write(i) != nil {
			s.abort("write")
		}
	}
}

func (s *session) write(i item) error {
	if i.kind != websocket.TextMessage {
		return s.conn.WriteControl(i.kind, i.data, time.Now().Add(writeTimeout))
	}
	c := &s.server.counters
	c.framesOut.Add(1)
	c.bytesOut.Add(uint64(len(i.data)))
	began := time.Now()
	s.conn.SetWriteDeadline(began.Add(writeTimeout))
	err := s.conn.WriteMessage(i.kind, i.data)
	s.server.observe(PhaseWrite, began)
	return err
}
