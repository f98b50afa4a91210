package memory

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
)

// maxQueue is how many messages may wait for Receive. A member that falls further behind is removed with CodeSlow. A
// newcomer that makes links with all members of a room of a thousand gets fewer messages than that.
const maxQueue = 64 << 10

// A session is the connection of a Client, as the rooms see it.
type session struct {
	server *Server
	member atomic.Pointer[rooms.Member] // nil while it waits to be matched
	seated chan struct{}                // closed when it has a member
	done   chan struct{}                // closed when the server has nothing more to send

	mu     sync.Mutex    // guards the fields below
	queue  [][]byte      // frames for Receive
	wake   chan struct{} // closed, and replaced, when something has changed
	ended  bool          // done is closed
	closed bool          // by the client
	why    error         // the fatal error that Receive has returned
}

func newSession(s *Server) *session {
	return &session{server: s, seated: make(chan struct{}), done: make(chan struct{}), wake: make(chan struct{})}
}

// next returns the next frame, the final error, or a channel that is closed when there is something new.
func (s *session) next() (frame []byte, wake <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && s.why == nil && len(s.queue) > 0 {
		frame, s.queue = s.queue[0], s.queue[1:]
		return frame, nil, nil
	}
	return nil, s.wake, s.over()
}

// read returns the message of a frame. After a fatal error it is no longer called.
func (s *session) read(frame []byte) (signaling.Message, error) {
	m, err := signaling.JSON.Decode(frame)
	if err != nil {
		return nil, err
	}
	if why, ok := m.(*signaling.Error); ok && why.Code.Fatal() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.why = why
		return nil, why
	}
	return m, nil
}

// final returns why no more messages can be sent, or nil.
func (s *session) final() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over()
}

// over is final for callers that hold s.mu. A session that has ended without an error has left its room.
func (s *session) over() error {
	switch {
	case s.closed:
		return net.ErrClosed
	case s.why != nil:
		return s.why
	case s.ended:
		return net.ErrClosed
	}
	return nil
}

// close ends the client's side. It reports whether this is the first call.
func (s *session) close() (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, s.closed = !s.closed, true
	s.changed()
	return first
}

// changed wakes Receive. The caller holds s.mu.
func (s *session) changed() {
	close(s.wake)
	s.wake = make(chan struct{})
}

// awaitMatch waits until a match has seated the session. Otherwise it returns why not.
func (s *session) awaitMatch(ctx context.Context, w *rooms.Waiter) error {
	defer w.Leave()
	select {
	case <-s.seated:
		return nil
	case <-s.done: // the last frame says why
		_, err := (&Client{s}).Receive(context.WithoutCancel(ctx))
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.server.closed:
		return errShuttingDown
	}
}

// The methods of rooms.Session.

// Deliver queues a message for Receive. It never blocks.
func (s *session) Deliver(n *rooms.Prepared) {
	frames, err := n.Frames(s.server.dialect)
	if err != nil {
		s.Fail(&signaling.Error{Code: signaling.CodeInternal, Text: err.Error()})
		return
	}
	s.mu.Lock()
	full := !s.ended && len(s.queue) >= maxQueue
	if !s.ended && !full {
		s.queue = append(s.queue, frames...)
		s.changed()
	}
	s.mu.Unlock()
	if full {
		s.Fail(&signaling.Error{Code: signaling.CodeSlow, Text: "the program does not call Receive"})
	}
}

// Fail sends the member an error, and ends the session if the error is fatal. Nil ends the session silently.
func (s *session) Fail(why *signaling.Error) {
	if why == nil {
		s.end(nil)
		return
	}
	if _, _, ends := s.server.dialect.Close(why); !ends {
		s.Deliver(rooms.Prepare(why))
		return
	}
	frames, _ := s.server.dialect.Encode(why)
	s.end(frames)
}

// Bye ends the session silently.
func (s *session) Bye() { s.end(nil) }

// end ends the session after its last frames.
func (s *session) end(last [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.ended = true
		s.queue = append(s.queue, last...)
		close(s.done)
		s.changed()
	}
}

// Seated gives the session its member.
func (s *session) Seated(m *rooms.Member) {
	if s.member.CompareAndSwap(nil, m) {
		close(s.seated)
	}
}

// Wake calls Due at the given time, for delayed news. Anything due later than a minute is ignored: it can only be the
// end of a grant or the renewal of a ticket, and this server has neither.
func (s *session) Wake(at time.Duration) {
	if at == 0 || at > s.server.store.Now()+time.Minute {
		return
	}
	time.AfterFunc(at-s.server.store.Now(), func() {
		if m := s.member.Load(); m != nil {
			m.Due(s)
		}
	})
}

// Welcomed does nothing: it is for servers that share their rooms with others.
func (s *session) Welcomed(*rooms.Member, rooms.Attachment, string) {}

// Done is closed when the session has ended.
func (s *session) Done() <-chan struct{} { return s.done }
func (s *session) View() *rooms.View     { return nil }

// Forwards returns false: no binary frames are forwarded.
func (s *session) Forwards() bool { return false }

// Dialect returns the dialect of the server.
func (s *session) Dialect() *signaling.Dialect { return s.server.dialect }

// Remote returns the zero address: there is none.
func (s *session) Remote() netip.Addr { return netip.Addr{} }

// Account returns an account without limits.
func (s *session) Account() rooms.Account { return free{} }
