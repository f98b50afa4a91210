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
)

// A conn is one connection that was made. read is for one goroutine, send, write, ping, ask, pong and
// sayClose for one other, abort, idle, mark and silence for any.
type conn struct {
	socket // a WebSocket of gorilla's, or a browser's

	// Fixed by dial.
	url     string
	dialect *signaling.ClientDialect
	taken   bool // the server has the first frame from the request
	relays  bool // the join asks for binary frames to be forwarded
	decode  func(frame []byte) (signaling.Message, error)
	welcome signaling.Welcome

	// Safe for all.
	unanswered chan struct{} // closed when a check has found nobody
	found      error         // by the check: what is wrong; set before that
	asked      atomic.Int32  // how many of dialect.Ping have no answer yet
}

// A mark is a moment in the life of a socket, for its silence.
type mark struct {
	came uint64        // how often something had come
	at   time.Duration // since it began
}

func newConn(url string, d *signaling.ClientDialect) *conn {
	return &conn{url: url, dialect: d, decode: d.NewDecoder(), unanswered: make(chan struct{})}
}

// dial connects, joins and waits for the welcome. Who waits to be matched does so until ctx ends.
func (d *dialer) dial(ctx context.Context, join signaling.Join) (*conn, error) {
	return d.open(ctx, join.Match != nil, join, func(c *conn) error { return c.joined(join) })
}

// open connects, sends first, and then talks, until ctx ends or for DialTimeout. Where talk is patient that is the time to
// connect alone. The request has first, unless the server or a proxy refuses that for its size.
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

// headerRefused reports whether the status of an answer can mean that the header of the request is too large. nginx says
// 400.
func headerRefused(status int) bool {
	return status == http.StatusRequestHeaderFieldsTooLarge || status == http.StatusBadRequest
}

// offered is what a WebSocket offers: the subprotocol of the dialect, and then more.
func (d *dialer) offered(more []string) []string {
	if d.cfg.Dialect.Subprotocol == "" {
		return nil
	}
	return slices.Concat([]string{d.cfg.Dialect.Subprotocol}, more)
}

// chose takes the subprotocol that the server has chosen.
func (c *conn) chose(got string, more []string) error {
	want := c.dialect.Subprotocol
	c.taken = more != nil && got == c.dialect.Taken
	if got != want && !c.taken {
		return fmt.Errorf("a WebSocket of another kind: it answers with subprotocol %q, not %q", got, want)
	}
	return nil
}

// joined waits for the welcome that answers m.
func (c *conn) joined(m signaling.Join) error {
	c.relays = slices.Contains(m.Features, signaling.FeatureRelayLinks)
	if m.Match != nil { // that can take longer than the server's patience with a silent connection
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

// answerPings does so until stop is called, for who reads and has no writeLoop yet. It starts one
// goroutine, for which stop waits.
func (c *conn) answerPings() (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case data := <-c.pings:
				if c.pong(data) != nil {
					return // the reader learns why
				}
			case <-done:
				return
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

// read returns the next message. Kinds of a newer server are passed over. What is not of the
// protocol is a *ProtocolError; other errors say that the connection is lost.
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

// forwards reports whether binary frames pass, both ways.
func (c *conn) forwards() bool { return c.relays && c.welcome.RelayLinks }

// giveUp ends the connection for what a check has found; the first reason stays. mu of the client is held.
func (c *conn) giveUp(why error) {
	if c.found == nil {
		c.found = why
		close(c.unanswered)
	}
}

// canAsk reports whether ask does something.
func (c *conn) canAsk() bool { return canPing || c.dialect.Ping != nil }

// ask has the server send something.
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

// answers reports whether m is the answer to dialect.Ping, of which the program knows nothing.
func (c *conn) answers(m signaling.Message) bool {
	e, ok := m.(*signaling.Error)
	if !ok || e.Code != signaling.CodeUnknownKind || c.asked.Load() == 0 {
		return false
	}
	c.asked.Add(-1)
	return true
}

// meant returns what the server says by the way in which it closed the connection, or else err.
func (c *conn) meant(err error) error {
	if code, text, ok := closeFrame(err); ok {
		if why := c.dialect.Closed(code, text); why != nil {
			return why
		}
	}
	return err
}

// A frameError says that what came through a socket is no text frame of a legal size.
type frameError struct {
	frame  []byte // nil if there is not even that
	reason string
}

func (e *frameError) Error() string { return e.reason }

func (c *conn) malformed(frame []byte, reason string) error {
	return &ProtocolError{URL: c.url, Protocol: c.dialect.Name, Frame: shorten(string(frame)), Reason: reason}
}

// send writes m, if the dialect has words for it.
func (c *conn) send(m signaling.Message) error {
	frame, err := c.dialect.Encode(m)
	if err != nil || frame == nil {
		return err
	}
	return c.write(frame)
}
