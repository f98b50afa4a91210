package signalclient

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"example.org/rtcpeer/signaling"
)

// hurryEvery is how often a check may cut a wait short. With that a program that checks all the time
// dials once a second at most, whatever becomes of its attempts.
const hurryEvery = time.Second

// hurryFor is how long after a check a client is in a hurry that cannot reach its server.
const hurryFor = 90 * time.Second

// errGivenUp is why an attempt to connect ended before DialTimeout.
var errGivenUp = errors.New("given up after a check")

// An attempt is a dial under way, as a check sees it.
type attempt struct {
	began    time.Time
	patience time.Duration // how long it may take when a check asks
	giveUp   context.CancelCauseFunc
}

// Check asks at once whether the server is still there. It is for a program that has news: the network has
// changed, the machine was asleep. It returns at once, and may be called from any goroutine and any
// number of times; Status and the messages of Receive tell what came of it.
//
//   - Connected, the client pings. If nothing comes from the server for Config.CheckTimeout, the
//     connection counts as lost, and the client redials without the first wait. It does so at once if
//     the address that the connection was made from is not this machine's any more.
//   - Waiting to redial, it dials now. It still waits for as long as the server has asked it to.
//   - Dialing, it gives the attempt up once that has taken Config.CheckTimeout, and begins anew. Each
//     attempt that is given up in a row leaves the next one twice the time, so that a slow network
//     gets its connection in the end.
//
// For 90 seconds after that a client that nothing reaches from the server is in a hurry: it begins another TCP connection each
// 400 ms until one is there, and waits for a second at most between its attempts. A server that answers, if only by a
// refused connection, is not hurried.
//
// There is one check at a time: calls meanwhile are one, and if the server was there they have it checked
// once more. A wait is cut short at most once a second. Do not call Check because of a Disconnected: the random wait keeps the members of a server that
// restarts from coming back all at once.
//
// In a browser, where a page cannot send pings, the client sends a frame without effect that the server
// answers (signaling.ClientDialect.Ping). Where the dialect has none, Check does nothing while connected.
func (c *Client) Check() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hurryUntil = time.Now().Add(hurryFor)
	switch dialing := c.dialing; {
	case c.closing.Err() != nil:
	case c.conn != nil && c.conn.stranded(): // a check under way would find it out later
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

// check begins the check of a connection. mu is held.
func (c *Client) check(conn *conn) {
	since := conn.mark()
	c.checking, c.again = time.AfterFunc(c.dialer.cfg.CheckTimeout, func() { c.conclude(conn, since) }), false
	c.hurry()
}

// hurry has writeLoop ping, or wait end. mu is held.
func (c *Client) hurry() {
	select {
	case c.checks <- struct{}{}:
	default:
	}
}

// inHurry reports whether a check has come within the last hurryFor, and the server has not answered since.
func (c *Client) inHurry() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Before(c.hurryUntil)
}

// conclude ends the check of a connection, or the connection.
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
	case silence < limit: // nobody read for a while
		c.checking.Reset(limit - silence)
	default:
		conn.giveUp(fmt.Errorf("nothing came within %v of a check: %w", limit, os.ErrDeadlineExceeded))
	}
	c.mu.Unlock()
	if silence >= limit {
		conn.abort() // a write may be waiting
	}
}

// errStranded is why a connection is over whose own address this machine has no more: nothing gets back to it.
var errStranded = errors.New("this machine's address that the connection was made from is gone")

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

// giveUp ends an attempt that has lasted too long for a check.
func (c *Client) giveUp(a *attempt) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dialing == a {
		a.giveUp(fmt.Errorf("no answer within %v: %w", a.patience, errGivenUp))
	}
}

// settle ends the check under way and reports whether there was one. mu is held.
func (c *Client) settle() bool {
	if c.checking == nil {
		return false
	}
	c.checking.Stop()
	c.checking, c.again = nil, false
	return true
}

// attempt dials once, and makes what it gets the client's connection.
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
	c.settle() // the next wait, if there is one, is cut short: its token is still there
	c.mu.Unlock()
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

// blame returns why conn was lost. Where a check has ended it, that is the reason and not what the reader or
// the writer saw of that; but what the server said counts more.
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
