package signalclient

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall/js"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/text"
)

// A browser cannot be made to read more slowly, so frames that come while the inbox is full wait here. A frame that
// does not fit ends the connection, because signals cannot be skipped; the next welcome describes the room anew.
const (
	arrivedFrames = 1024
	arrivedBytes  = 4 << 20

	// unsentBytes is how much the browser may hold unsent before a write waits. No event reports that less is unsent,
	// so the amount is polled every unsentPoll.
	unsentBytes = 64 << 10
	unsentPoll  = 20 * time.Millisecond
)

// An arrival is a frame that has come.
type arrival struct {
	data   []byte
	binary bool
}

// A socket is a browser's WebSocket. No handler blocks, because the page is blocked while a handler runs.
type socket struct {
	// Fixed by open.
	ws        js.Value
	began     time.Time
	deadAfter time.Duration
	handlers  []js.Func
	accepted  chan struct{} // closed when the server has accepted
	ended     chan struct{} // closed when why is set
	wake      chan struct{} // holds one token when a frame has come
	pings     chan []byte   // nil: the browser answers pings itself and does not report them
	heardAt   atomic.Int64  // time.Duration since began: when a frame came
	came      atomic.Uint64 // how many frames came

	mu     sync.Mutex // guards the fields below
	frames []arrival  // not yet read
	bytes  int
	why    error // the first reason for the end; what has arrived can still be read
}

// open begins to connect, and offers subprotocols. It returns an error if this page may not use the URL.
func (s *socket) open(url string, subprotocols []string, deadAfter time.Duration) error {
	offered := []any{}
	for _, p := range subprotocols {
		offered = append(offered, p)
	}
	s.began, s.deadAfter = time.Now(), deadAfter
	s.accepted, s.ended, s.wake = make(chan struct{}), make(chan struct{}), make(chan struct{}, 1)
	s.heardAt.Store(int64(time.Since(s.began)))
	err := try(func() {
		s.ws = js.Global().Get("WebSocket").New(url, offered)
		s.ws.Set("binaryType", "arraybuffer") // a Blob could only be read asynchronously
	})
	if err != nil {
		return fmt.Errorf("the browser refused to connect: %w: a page from https needs wss", err)
	}
	s.on("open", func(js.Value) { close(s.accepted) })
	s.on("message", func(event js.Value) { s.arrived(event.Get("data")) })
	s.on("close", func(event js.Value) { s.end(closed(event)) })
	return nil
}

func (s *socket) on(event string, f func(js.Value)) {
	handler := js.FuncOf(func(_ js.Value, args []js.Value) any { f(args[0]); return nil })
	s.handlers = append(s.handlers, handler)
	s.ws.Set("on"+event, handler)
}

// opened waits for the server to accept.
func (s *socket) opened() error {
	select {
	case <-s.accepted:
		return nil
	case <-s.ended:
		return fmt.Errorf("cannot connect (%w): is signal-server running there? The browser's console may say more", s.reason())
	}
}

// arrived queues a frame, or ends the connection. A text frame comes as a string.
func (s *socket) arrived(data js.Value) {
	s.heardAt.Store(int64(time.Since(s.began)))
	s.came.Add(1)
	frame := arrival{binary: data.Type() != js.TypeString}
	if frame.binary {
		array := js.Global().Get("Uint8Array").New(data)
		frame.data = make([]byte, min(array.Length(), signaling.MaxMessage+1))
		js.CopyBytesToGo(frame.data, array)
	} else {
		frame.data = []byte(data.String())
	}
	if len(frame.data) <= signaling.MaxMessage {
		s.push(frame)
	} else {
		s.end(&frameError{reason: fmt.Sprintf("a frame of more than %d bytes", signaling.MaxMessage)})
	}
}

func (s *socket) push(frame arrival) {
	s.mu.Lock()
	full := len(s.frames) >= arrivedFrames || s.bytes+len(frame.data) > arrivedBytes
	if s.why == nil && !full {
		s.frames = append(s.frames, frame)
		s.bytes += len(frame.data)
	}
	s.mu.Unlock()
	if full {
		s.end(errors.New("frames arrive faster than the program reads them"))
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// next returns the next frame, and whether it is binary. A *frameError means that the data is not a valid frame;
// other errors mean that the connection is lost.
func (s *socket) next() (frame []byte, binary bool, err error) {
	for {
		select {
		case <-s.wake:
		case <-s.ended:
		}
		if frame, err := s.take(); frame.data != nil || err != nil {
			return frame.data, frame.binary, err
		}
	}
}

func (s *socket) take() (arrival, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.frames) == 0 {
		return arrival{}, s.why
	}
	frame := s.frames[0]
	s.frames[0] = arrival{}
	s.frames = s.frames[1:]
	s.bytes -= len(frame.data)
	if len(s.frames) > 0 {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	return frame, nil
}

func (s *socket) write(frame []byte) error {
	return s.writeAs(func() any { return string(frame) })
}

func (s *socket) writeBinary(frame []byte) error {
	return s.writeAs(func() any {
		array := js.Global().Get("Uint8Array").New(len(frame))
		js.CopyBytesToJS(array, frame)
		return array
	})
}

// writeAs waits at most deadAfter until the browser holds little, because a browser's own queue has no bound. After
// the end of the connection it returns an error, because the browser would silently drop the frame.
func (s *socket) writeAs(frame func() any) error {
	for began := time.Now(); s.ws.Get("bufferedAmount").Int() > unsentBytes; {
		if time.Since(began) > s.deadAfter {
			return fmt.Errorf("a write took more than %v", s.deadAfter)
		}
		select {
		case <-s.ended:
			return s.reason()
		case <-time.After(unsentPoll):
		}
	}
	if err := s.reason(); err != nil {
		return err
	}
	return try(func() { s.ws.Call("send", frame()) })
}

// idle returns how long nothing has come.
func (s *socket) idle() time.Duration { return time.Since(s.began) - time.Duration(s.heardAt.Load()) }

// mark returns the current mark.
func (s *socket) mark() mark { return mark{s.came.Load(), time.Since(s.began)} }

// silence returns how long nothing has come since m, or 0 if a frame has come. Frames arrive even if nobody is
// reading.
func (s *socket) silence(m mark) time.Duration {
	if s.came.Load() != m.came {
		return 0
	}
	return time.Since(s.began) - m.at
}

// stranded returns false: a page cannot know. The browser itself ends such a socket.
func (*socket) stranded() bool { return false }

// canPing says that a page cannot send pings.
const canPing = false

// ping does nothing, because a page cannot send pings.
func (s *socket) ping() error { return nil }

// pong does nothing, because the browser answers pings.
func (s *socket) pong([]byte) error { return nil }

// sayClose begins the closing handshake. When the server answers it, next returns. Of the protocol's own codes, a
// page may only use 1000.
func (s *socket) sayClose(code int) error {
	return try(func() {
		if code == closeNormal {
			s.ws.Call("close", code)
		} else {
			s.ws.Call("close")
		}
	})
}

// abort ends reads and writes at once.
func (s *socket) abort() {
	s.end(net.ErrClosed)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frames, s.bytes = nil, 0
	if s.handlers == nil {
		return
	}
	for _, event := range []string{"open", "message", "close"} {
		s.ws.Set("on"+event, js.Null())
	}
	for _, h := range s.handlers {
		h.Release()
	}
	s.handlers = nil
	_ = s.sayClose(closeNormal)
}

func (s *socket) end(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why == nil {
		s.why = why
		close(s.ended)
	}
}

func (s *socket) reason() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.why
}

// A closeError is a close event: 1006 is an end without a closing handshake.
type closeError struct {
	code int
	text string
}

func closed(event js.Value) error {
	return &closeError{event.Get("code").Int(), event.Get("reason").String()}
}

func (e *closeError) Error() string {
	if e.text == "" {
		return fmt.Sprintf("closed with %d", e.code)
	}
	return fmt.Sprintf("closed with %d: %s", e.code, text.Shorten(e.text, text.Most))
}

// closeFrame returns the content of the close frame that ended a connection.
func closeFrame(err error) (code int, text string, ok bool) {
	e, ok := errors.AsType[*closeError](err)
	if !ok {
		return 0, "", false
	}
	return e.code, e.text, true
}

// try turns a JavaScript exception into an error.
func try(f func()) (err error) {
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case js.Error:
			err = thrown
		default:
			panic(thrown)
		}
	}()
	f()
	return nil
}
