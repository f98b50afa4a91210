package signalclient

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"example.org/rtcpeer/signaling"
)

// hurryEvery is the least time between two waits that a check cuts short. So even a program that checks all the time
// dials at most once a second, whatever becomes of its attempts.
const hurryEvery = time.Second

// hurryFor is how long after a check a client that cannot reach its server is in a hurry.
const hurryFor = 90 * time.Second

// errGivenUp is why an attempt to connect ended before DialTimeout.
var errGivenUp = errors.New("given up after a check")

// An attempt is a dial in progress, as a check sees it.
type attempt struct {
	began    time.Time
	patience time.Duration // how long it may take before a check ends it
	giveUp   context.CancelCauseFunc
}

// Check makes the client find out at once whether the server is still there. It is for a program that has learned
// something: the network has changed, or the machine was asleep. It returns at once, and may be called from any
// goroutine and any number of times. The outcome shows in Status and in the messages of Receive.
//
//   - If the client is connected, it pings. If nothing comes from the server for Config.CheckTimeout, the
//     connection counts as lost, and the client redials without the first wait. It does so at once if this
//     machine no longer has the address from which the connection was made.
//   - If it is waiting to redial, it dials now. It still waits for as long as the server has asked it to.
//   - If it is dialing, it gives up the attempt once that has taken Config.CheckTimeout, and begins anew. After
//     each attempt that is given up in a row, the next one gets twice the time, so that a client on a slow
//     network connects in the end.
//
// For 90 seconds after that, a client that gets no answer from the server is in a hurry: it begins another TCP
// connection every 400 ms until one is there, and waits for at most a second between its attempts. A client whose
// server answers, even by refusing the connection, does not hurry.
//
// There is one check at a time: further calls during a check together cause one more check, if the server answers the
// first. A wait is cut short at most once a second. Do not call Check because of a Disconnected: the random wait
// keeps the members of a server that restarts from coming back all at once.
//
// A web page cannot send pings. There the client sends a frame without effect that the server answers
// (signaling.ClientDialect.Ping). If the dialect has none, Check does nothing while the client is connected.
func (c *Client) Check() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hurryUntil = time.Now().Add(hurryFor)
	switch dialing := c.dialing; {
	case c.closing.Err() != nil:
	case c.conn != nil && c.conn.stranded(): // a check in progress would find it out later
		conn := c.conn
		c.settle()
		c.checking = time.AfterFunc(0, func() { c.abandon(conn) })
	case c.checking != nil:
		c.again = true
	case c.conn != nil && c.conn.canAsk():
		c.check(c.conn)
	case c.conn != nil:
	case dialing != nil:
		left := dialing.patience - time.Since(dialing.began)
		c.checking = time.AfterFunc(max(left, 0), func() { c.giveUp(dialing) })
		c.hurry()
	default:
		c.hurry()
	}
}

// check begins the check of a connection. The caller holds mu.
func (c *Client) check(conn *conn) {
	since := conn.mark()
	c.checking, c.again = time.AfterFunc(c.dialer.cfg.CheckTimeout, func() { c.conclude(conn, since) }), false
	c.hurry()
}

// hurry makes writeLoop ping, or ends wait. The caller holds mu.
func (c *Client) hurry() {
	select {
	case c.checks <- struct{}{}:
	default:
	}
}

// inHurry reports whether Check was called within the last hurryFor and the server has not answered since.
func (c *Client) inHurry() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Before(c.hurryUntil)
}

// conclude ends the check of a connection, or ends the connection if nothing has come from the server.
func (c *Client) conclude(conn *conn, since mark) {
	c.mu.Lock()
	if c.conn != conn {
		c.mu.Unlock()
		return // lost meanwhile
	}
	limit := c.dialer.cfg.CheckTimeout
	silence := conn.silence(since)
	switch {
	case silence == 0 && c.again: // the last call may have come after the answer
		c.check(conn)
	case silence == 0:
		c.checking, c.hurryUntil = nil, time.Time{}
	case silence < limit: // for a while, nobody was reading
		c.checking.Reset(limit - silence)
	default:
		conn.giveUp(fmt.Errorf("nothing received within %v of a check: %w", limit, os.ErrDeadlineExceeded))
	}
	c.mu.Unlock()
	if silence >= limit {
		conn.abort() // a write may be waiting
	}
}

// errStranded is the reason for ending a connection whose local address this machine no longer has: no answer can
// arrive.
var errStranded = errors.New("this machine no longer has the address of the connection")

// abandon ends a stranded connection.
func (c *Client) abandon(conn *conn) {
	c.mu.Lock()
	lost := c.conn != conn
	if !lost {
		conn.giveUp(errStranded)
	}
	c.mu.Unlock()
	if !lost {
		conn.abort()
	}
}

// giveUp ends an attempt that takes too long for a check.
func (c *Client) giveUp(a *attempt) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dialing == a {
		a.giveUp(fmt.Errorf("no answer within %v: %w", a.patience, errGivenUp))
	}
}

// settle ends the check in progress and reports whether there was one. The caller holds mu.
func (c *Client) settle() bool {
	if c.checking == nil {
		return false
	}
	c.checking.Stop()
	c.checking, c.again = nil, false
	return true
}

// attempt dials once, and makes the result the client's connection.
func (c *Client) attempt(ctx context.Context) (*conn, error) {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	c.mu.Lock()
	c.dialing = &attempt{began: time.Now(), patience: c.patience, giveUp: giveUp}
	if c.metadata != nil {
		c.join.Metadata = c.metadata.Metadata
	}
	c.mu.Unlock()

	conn, err := c.dialer.dial(ctx, c.join)

	c.mu.Lock()
	c.dialing = nil
	c.settle() // the token stays, so the next wait, if there is one, is cut short
	c.mu.Unlock()
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, errGivenUp) {
		c.strayed = time.Now()
	}
	switch {
	case err == nil:
		err = c.adopt(conn)
	case errors.Is(err, errGivenUp):
		c.patience = min(2*c.patience, c.dialer.cfg.DialTimeout)
	}
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// blame returns why conn was lost. If a check has ended it, the result of the check is the reason, and not the error
// that the reader or the writer got because of that. But an error that the server sent takes precedence.
func (c *Client) blame(conn *conn, why error) error {
	select {
	case <-conn.unanswered:
	default:
		return why
	}
	if _, said := errors.AsType[*signaling.Error](why); said || errors.Is(why, ErrClosed) {
		return why
	}
	return conn.found
}
