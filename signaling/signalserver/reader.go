package signalserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gorilla/websocket"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
)

// takeFirst handles the frame that came with the request. If a page is closed right after its request, it has no
// WebSocket yet on which it could leave. The session is unsure until the client answers a ping or sends something.
func (s *session) takeFirst() {
	frame := s.first
	s.first = nil
	if frame == nil || s.over() {
		return
	}
	s.unsure = s.server.config.PingInterval > 0
	if err := s.receive(websocket.TextMessage, bytes.NewReader(frame), time.Now()); err != nil {
		s.refuse(err, s.asks()...)
	} else if s.unsure {
		s.push(websocket.PingMessage, nil)
	}
}

// readLoop reads frames until the socket ends. It goes on reading after the session has ended, because the kernel
// answers unread data with a reset, which would overtake the last frames.
func (s *session) readLoop() {
	for {
		kind, frame, err := s.conn.NextReader()
		if err != nil {
			return
		}
		s.see()
		s.unsure = false
		if s.over() {
			continue
		}
		err = s.receive(kind, frame, time.Now())
		if err != nil {
			s.refuse(err, s.asks()...)
		}
		if errors.Is(err, errPieces) {
			_, _ = io.Copy(io.Discard, s.conn.NetConn()) // until closingTimeout; parsing frames costs too much
			return
		}
	}
}

// asks returns, for the log, the room that a session has asked for and not entered.
func (s *session) asks() []any {
	if s.asksFor == "" {
		return nil
	}
	return []any{"room", s.asksFor}
}

func (s *session) see() { s.seen.Store(int64(s.server.clock.Now())) }

func (s *session) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// receive reads and handles one frame. Its buffer goes back to the pool, because no dialect keeps a frame.
func (s *session) receive(kind int, frame io.Reader, began time.Time) error {
	switch {
	case kind == websocket.BinaryMessage && s.mayForward():
		return s.forward(frame)
	case kind != websocket.TextMessage:
		return signaling.ErrBinaryFrame
	}
	b := s.server.buffers.Get().(*bytes.Buffer)
	defer s.server.buffers.Put(b)
	b.Reset()
	parts := &pieces{Reader: frame}
	held, err := s.fill(b, parts, s.server.config.MaxMessage)
	defer s.account.Release(held)
	if errors.Is(err, errUnread) {
		return nil // the next read returns the same error
	}
	if err != nil {
		return err
	}
	// What follows may wait for Config.Admit, or because the session sends too fast. No pongs are read meanwhile, so
	// the session must not count as silent.
	s.busy.Store(true)
	defer func() {
		s.see()
		s.busy.Store(false)
	}()
	s.server.counters.framesIn.Add(1)
	s.server.counters.bytesIn.Add(uint64(b.Len()))
	began = began.Add(s.throttle(began, 1+b.Len()/costBytes+parts.reads/costPieces))
	return s.act(b.Bytes(), began)
}

// act handles a frame here or on the server of its room. The room may move to another server meanwhile.
func (s *session) act(frame []byte, began time.Time) error {
	for {
		place := s.place.Load()
		if place != nil && s.member.Load() == nil {
			if err := s.asksForAnswer(frame); err != nil {
				return err
			}
			if !place.Forward(frame) {
				return nil
			}
		}
		m, err := s.dialect.Decode(frame)
		if err != nil {
			return s.inTurn(err)
		}
		err = s.handle(m, began)
		if place == nil || !errors.Is(err, rooms.ErrElsewhere) || s.over() {
			return err
		}
		place.Moved()
	}
}

const (
	// freeFrame is how many bytes of a frame the budget does not count: each session may have these anyway.
	freeFrame = 2 << 10
	// bufferOf is how many bytes a bytes.Buffer takes at most for each byte in it, because it doubles.
	bufferOf = 2
)

// asksForAnswer returns the error for a short frame of an unknown kind, with which a page asks whether its server is there
// (PROTOCOL.md). It must not wait for an owner of the room.
func (s *session) asksForAnswer(frame []byte) error {
	if len(frame) > 64 {
		return nil
	}
	_, err := s.dialect.Decode(frame)
	if why, ok := errors.AsType[*signaling.Error](err); ok && why.Code == signaling.CodeUnknownKind {
		return err
	}
	return nil
}

const (
	// A frame counts once more for MessageRate for each costBytes of its size, and for each costPieces reads or
	// fragments in which it comes, because these determine the cost of reading and decoding. Descriptions have some
	// kilobytes.
	costBytes  = 4 << 10
	costPieces = 64
	// maxPieces is the largest number of pieces in which a frame may come. A frame of MaxMessage comes in 256 pieces
	// if a network delivers no more than 1 KiB at once.
	maxPieces = 1024
)

// pieces counts the reads that a frame takes, and returns an error after maxPieces.
type pieces struct {
	io.Reader
	reads int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.reads++; p.reads > maxPieces {
		return 0, errPieces
	}
	return p.Reader.Read(b)
}

var errPieces = errors.New("signalserver: frame in too many fragments")

var errUnread = errors.New("signalserver: frame incomplete")

// fill reads one frame of at most most bytes into b. While the frame grows, it holds bytes of the budget for it. It
// returns how many it holds, even with an error.
func (s *session) fill(b *bytes.Buffer, frame io.Reader, most int) (held int, err error) {
	for size := min(freeFrame, most+1); ; {
		n, err := b.ReadFrom(io.LimitReader(frame, int64(size-b.Len())))
		switch {
		case errors.Is(err, errPieces):
			return held, fmt.Errorf("%w: %w", errPieces, &signaling.Error{Code: signaling.CodeTooLarge, Text: fmt.Sprintf("frame in more than %d pieces", maxPieces)})
		case err != nil:
			return held, errUnread
		case b.Len() > most:
			return held, &signaling.Error{Code: signaling.CodeTooLarge, Text: fmt.Sprintf("frame of more than %d bytes", most)}
		case n == 0 || b.Len() < size:
			return held, nil
		}
		s.see()
		more := min(size, most+1-size)
		if why := s.account.Hold(bufferOf * more); why != nil {
			s.server.counters.drop(rooms.DroppedBudget)
			return held, why
		}
		held += bufferOf * more
		size += more
	}
}

// inTurn returns the error for a frame that cannot be decoded. A client that has not joined is told so instead, if the
// message has an unknown kind or peer and the error ends the session.
func (s *session) inTurn(err error) error {
	why, ok := errors.AsType[*signaling.Error](err)
	if ok && s.member.Load() == nil && (why.Code == signaling.CodeUnknownKind || why.Code == signaling.CodeUnknownPeer) {
		if _, _, ends := s.dialect.Close(why); ends {
			return notJoined(signaling.KindSignal)
		}
	}
	return err
}

// throttle waits until the session may send another frame. Nothing is read meanwhile, so TCP pushes back and nothing
// is lost.
func (s *session) throttle(now time.Time, cost int) (wait time.Duration) {
	wait = s.tokens.ReserveN(now, min(cost, s.server.config.MessageBurst)).DelayFrom(now)
	if wait <= 0 {
		return 0
	}
	s.server.counters.throttled.Add(1)
	select {
	case <-time.After(wait):
	case <-s.ended:
	}
	return wait
}

// answerControls sets the handlers of the frames that NextReader does not return. A close frame is answered before
// the connection is closed, unless the session has already sent its own.
func (s *session) answerControls() {
	s.conn.SetPongHandler(func(string) error { s.see(); s.unsure = false; return nil })
	s.conn.SetPingHandler(func(data string) error {
		s.see()
		s.pushed(s.outbox.pong([]byte(data)))
		return nil
	})
	s.conn.SetCloseHandler(func(code int, _ string) error {
		s.end("connection", false, closing(code, ""))
		s.outbox.writers.Wait()
		return nil
	})
}
