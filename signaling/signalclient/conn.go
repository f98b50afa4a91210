package signalclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/text"
)

// A conn is one established connection. One goroutine calls read, and one other calls send, write, writeBinary,
// ping, ask, pong and sayClose. Any goroutine may call abort, idle, mark, silence and stranded.
type conn struct {
	socket // gorilla's WebSocket, or a browser's

	// Fixed by dial.
	url     string
	dialect *signaling.ClientDialect
	taken   bool // the server has taken the first frame from the request
	relays  bool // the join lists FeatureRelayLinks
	decode  func(frame []byte) (signaling.Message, error)
	welcome signaling.Welcome

	// Safe for concurrent use.
	unanswered chan struct{} // closed when a check gets no answer
	found      error         // set by the check before it closes unanswered: what is wrong
	asked      atomic.Int32  // number of dialect.Ping frames without an answer
}

// A mark is a moment in the life of a socket, from which silence is measured.
type mark struct {
	came uint64        // how often data had come
	at   time.Duration // since the socket began
}

func newConn(url string, d *signaling.ClientDialect) *conn {
	return &conn{url: url, dialect: d, decode: d.NewDecoder(), unanswered: make(chan struct{})}
}

// dial connects, joins and waits for the welcome. A Join with a Match waits until ctx ends.
func (d *dialer) dial(ctx context.Context, join signaling.Join) (*conn, error) {
	return d.open(ctx, join.Match != nil, join, func(c *conn) error { return c.joined(join) })
}

// open connects, sends first and calls talk. All of that must end before ctx ends and within DialTimeout; with
// patient, DialTimeout covers the connecting only. The request carries first, unless the server or a proxy refuses
// the request because of its size.
func (d *dialer) open(ctx context.Context, patient bool, first signaling.Message, talk func(*conn) error) (*conn, error) {
	frame, err := d.cfg.Dialect.Encode(first)
	if err != nil {
		return nil, err
	}
	begin := func(c *conn) error {
		if frame != nil && !c.taken {
			if err := c.write(frame); err != nil {
				return err
			}
		}
		return talk(c)
	}
	var more []string
	if d.cfg.Dialect.Taken != "" {
		more = signaling.OfferFrame(frame)
	}
	c, err := d.openOnce(ctx, patient, more, begin)
	if e, ok := errors.AsType[*DialError](err); ok && more != nil && headerRefused(e.Status) {
		return d.openOnce(ctx, patient, nil, begin)
	}
	return c, err
}

// headerRefused reports whether an HTTP status can mean that the header of the request is too large. nginx answers
// 400.
func headerRefused(status int) bool {
	return status == http.StatusRequestHeaderFieldsTooLarge || status == http.StatusBadRequest
}

// offered returns the subprotocols to offer: that of the dialect, and then more.
func (d *dialer) offered(more []string) []string {
	if d.cfg.Dialect.Subprotocol == "" {
		return nil
	}
	return slices.Concat([]string{d.cfg.Dialect.Subprotocol}, more)
}

// chose checks the subprotocol that the server has chosen, and sets c.taken.
func (c *conn) chose(got string, more []string) error {
	want := c.dialect.Subprotocol
	c.taken = more != nil && got == c.dialect.Taken
	if got != want && !c.taken {
		return fmt.Errorf("the WebSocket is not a signaling server: it chose subprotocol %q, not %q", got, want)
	}
	return nil
}

// joined waits for the welcome that answers m.
func (c *conn) joined(m signaling.Join) error {
	c.relays = slices.Contains(m.Features, signaling.FeatureRelayLinks)
	if m.Match != nil { // a match can take longer than the server tolerates silence
		defer c.answerPings()()
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

// answerPings answers pings until stop is called, for a caller that reads before writeLoop runs. It starts one
// goroutine, for which stop waits.
func (c *conn) answerPings() (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case data := <-c.pings:
				if c.pong(data) != nil {
					return // the reader gets the reason
				}
			case <-done:
				return
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

// read returns the next message. It ignores kinds of a newer server. Anything else outside the protocol is a
// *ProtocolError; other errors mean that the connection is lost.
func (c *conn) read() (signaling.Message, error) {
	for {
		frame, binary, err := c.next()
		if wrong, ok := errors.AsType[*frameError](err); ok {
			return nil, c.malformed(wrong.frame, wrong.reason)
		}
		if err != nil {
			return nil, c.meant(err)
		}
		if binary {
			return c.forwarded(frame)
		}
		m, err := c.decode(frame)
		switch {
		case err == nil && m != nil && c.answers(m):
			continue
		case err == nil && m != nil:
			return m, nil
		case err == nil:
			continue // a part of a message
		}
		if !errors.Is(err, &signaling.Error{Code: signaling.CodeUnknownKind}) {
			return nil, c.malformed(frame, err.Error())
		}
	}
}

// forwarded returns a binary frame as a message.
func (c *conn) forwarded(frame []byte) (signaling.Message, error) {
	if !c.forwards() {
		return nil, c.malformed(frame, "a binary frame")
	}
	from, data, err := signaling.DecodeForward(frame)
	if err != nil {
		return nil, c.malformed(frame, err.Error())
	}
	return signaling.Forwarded{From: from, Data: data}, nil
}

// forwards reports whether binary frames are forwarded, in both directions.
func (c *conn) forwards() bool { return c.relays && c.welcome.RelayLinks }

// giveUp ends the connection because of the result of a check. The first reason stays. The caller holds the client's
// mu.
func (c *conn) giveUp(why error) {
	if c.found == nil {
		c.found = why
		close(c.unanswered)
	}
}

// canAsk reports whether ask can get an answer from the server.
func (c *conn) canAsk() bool { return canPing || c.dialect.Ping != nil }

// ask makes the server send something.
func (c *conn) ask() error {
	switch {
	case canPing:
		return c.ping()
	case c.dialect.Ping != nil:
		c.asked.Add(1)
		return c.write(c.dialect.Ping)
	}
	return nil
}

// answers reports whether m is the answer to a dialect.Ping. Such answers are hidden from the program.
func (c *conn) answers(m signaling.Message) bool {
	e, ok := m.(*signaling.Error)
	if !ok || e.Code != signaling.CodeUnknownKind || c.asked.Load() == 0 {
		return false
	}
	c.asked.Add(-1)
	return true
}

// meant returns the error that the server's close frame stands for, or else err.
func (c *conn) meant(err error) error {
	if code, text, ok := closeFrame(err); ok {
		if why := c.dialect.Closed(code, text); why != nil {
			return why
		}
	}
	return err
}

// A frameError says that a socket received something other than a text or binary frame of a legal size.
type frameError struct {
	frame  []byte // nil if there was no frame
	reason string
}

func (e *frameError) Error() string { return e.reason }

func (c *conn) malformed(frame []byte, reason string) error {
	return &ProtocolError{URL: c.url, Protocol: c.dialect.Name, Frame: text.Shorten(string(frame), text.Most), Reason: reason}
}

// send writes m, if the dialect can express it.
func (c *conn) send(m signaling.Message) error {
	frame, err := c.dialect.Encode(m)
	if err != nil || frame == nil {
		return err
	}
	return c.write(frame)
}
