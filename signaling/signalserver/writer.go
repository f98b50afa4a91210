package signalserver

import (
	"time"

	"example.org/rtcpeer/signaling"
)

// writeTimeout is how long one write may take. A member that reads nothing for so long recovers faster by resuming
// than by catching up.
const writeTimeout = 10 * time.Second

func (s *session) push(kind int, frames ...[]byte) {
	s.pushed(s.outbox.push(kind, frames...))
}

// pushed handles the result of a push to the outbox.
func (s *session) pushed(wake bool, full DropReason) {
	if wake {
		go s.writeLoop()
	}
	if full != "" {
		s.server.counters.drop(full)
		code, text, _ := s.dialect.Close(&signaling.Error{Code: signaling.CodeSlow})
		s.end(string(full), true, closing(code, text))
	}
}

// writeLoop writes the content of the outbox, and ends when the outbox is empty.
func (s *session) writeLoop() {
	b := s.server.batches.Get().(*batch)
	defer s.server.batches.Put(b)
	for {
		b.reset()
		s.outbox.take(b)
		if len(b.bytes) == 0 {
			return
		}
		if s.write(b) != nil {
			s.abort("write")
		}
	}
}

// write writes many frames with one system call, because that call is most of the cost of a frame.
func (s *session) write(b *batch) error {
	c := &s.server.counters
	c.framesOut.Add(uint64(b.texts))
	c.bytesOut.Add(uint64(b.payload))
	began := time.Now()
	conn := s.conn.NetConn()
	conn.SetWriteDeadline(began.Add(writeTimeout))
	_, err := conn.Write(b.bytes)
	s.server.observe(PhaseWrite, began)
	return err
}
