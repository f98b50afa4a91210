package signalclient

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"example.org/rtcpeer/signaling"
)

// redial waits and dials until it has a connection, which it returns, or until the client ends, and then it returns
// the reason. why is the reason for which the last connection was lost; it is not final.
func (c *Client) redial(why error) (*conn, error) {
	ctx, cancel := c.closing, context.CancelFunc(func() {})
	if limit := c.dialer.cfg.RedialFor; limit > 0 {
		ctx, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	c.untold = signaling.Disconnected{Err: why}
	for {
		if !c.wait(ctx, why) {
			return nil, c.over(why)
		}
		conn, err := c.attempt(ctx)
		switch {
		case err == nil:
			return conn, nil
		case ctx.Err() != nil: // err says nothing more than that
			return nil, c.over(why)
		}
		c.failed(err)
		why = err
		if err := c.final(why); err != nil {
			return nil, err
		}
	}
}

// wait returns true when it is time for the next attempt, and false when ctx ends. A check cuts the wait short,
// except the part for which the server has asked. Meanwhile wait delivers the Disconnected to Receive.
func (c *Client) wait(ctx context.Context, why error) bool {
	soonest := time.Now().Add(asked(why))
	due := soonest.Add(c.backoff.next())
	if e, ok := errors.AsType[*DialError](why); ok && e.unreached && c.inHurry() {
		due = c.sooner(due, soonest)
	}
	c.dialer.cfg.Log.Debug("redialing the signaling server", "url", c.dialer.shown, "in", time.Until(due), "err", why)
	c.tell() // now if possible, because the select below may choose the timer
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	for {
		inbox := c.inbox
		if c.untold == nil {
			inbox = nil
		}
		select {
		case <-timer.C:
			return true
		case <-ctx.Done():
			return false
		case inbox <- c.untold:
			c.untold = nil
		case <-c.checks:
			due = c.sooner(due, soonest)
			timer.Reset(time.Until(due))
		}
	}
}

// sooner shortens the wait until due as far as allowed.
func (c *Client) sooner(due, soonest time.Time) time.Time {
	if at := latest(time.Now(), soonest, c.hurried.Add(hurryEvery)); at.Before(due) {
		due, c.hurried = at, at
	}
	return due
}

// tell puts the pending Disconnected into the inbox, if there is room.
func (c *Client) tell() {
	if c.untold == nil {
		return
	}
	select {
	case c.inbox <- c.untold:
		c.untold = nil
	default:
	}
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

// asked returns how long the server has asked the client to wait, or 0.
func asked(why error) time.Duration {
	if refused, ok := errors.AsType[*signaling.Error](why); ok {
		return refused.RetryAfter()
	}
	return 0
}

// final returns the reason for ending the client after why, or nil if redialing may help.
func (c *Client) final(why error) error {
	if c.closing.Err() != nil {
		return ErrClosed
	}
	if refused, ok := errors.AsType[*signaling.Error](why); ok && !refused.Code.Retry() && !c.replacedItself(refused) {
		return refused
	}
	if _, ok := errors.AsType[*ProtocolError](why); ok {
		if c.garbage++; c.garbage == mostGarbage {
			return why
		}
	}
	if c.dialer.cfg.RedialFor < 0 || c.join.Resume == "" {
		return &LostError{URL: c.dialer.shown, Err: why}
	}
	return nil
}

// strayTime is for how long an attempt that was given up may still reach the room. Servers that share their rooms may take
// that long when one of them was killed.
const strayTime = 30 * time.Second

// replacedItself reports whether the connection may have been replaced by an earlier attempt of this client, which the
// server handled late. Nobody uses that one, so the client comes back, but once only: another client may have the token.
func (c *Client) replacedItself(why *signaling.Error) bool {
	if why.Code != signaling.CodeReplaced || c.strayed.IsZero() || time.Since(c.strayed) > strayTime {
		return false
	}
	c.strayed = time.Time{}
	return true
}

// over returns the reason for ending the client when the time for redialing is over.
func (c *Client) over(why error) error {
	if c.closing.Err() != nil {
		return ErrClosed
	}
	return &LostError{URL: c.dialer.shown, For: c.dialer.cfg.RedialFor, Err: why}
}

// adopt makes conn the client's connection, unless the server gave the client another id or room.
func (c *Client) adopt(conn *conn) error {
	w := conn.welcome
	if c.id != 0 && (w.ID != c.id || w.Room != c.join.Room) {
		conn.abort()
		text := fmt.Sprintf("member %d of room %s came back as member %d of room %s", c.id, c.join.Room, w.ID, w.Room)
		return &signaling.Error{Code: signaling.CodeResumeRefused, Text: text}
	}
	back := c.id != 0
	c.id, c.join.Room, c.join.Resume, c.garbage = w.ID, w.Room, w.Resume, 0
	// A member that resumes needs none of these.
	c.join.Password, c.join.NewRoom, c.join.Match, c.join.Create = "", signaling.NewRoom{}, nil, ""
	c.maxFrame.Store(signaling.MaxMessage)
	if most := w.Limits.MessageBytes; most > 0 {
		c.maxFrame.Store(int64(min(most, signaling.MaxMessage)))
	}
	c.patience = c.dialer.cfg.CheckTimeout
	c.connected(conn, back)
	return nil
}

func (c *Client) connected(conn *conn, back bool) {
	c.mu.Lock()
	c.status.Connected, c.status.Since = true, time.Now()
	c.hurryUntil = time.Time{}
	c.conn = conn
	select {
	case <-c.checks: // the welcome is the answer
	default:
	}
	if back {
		c.status.Redials++
	}
	c.mu.Unlock()
	if back {
		c.dialer.cfg.Log.Info("signaling connection restored", "url", c.dialer.shown, "id", c.id)
	}
}

func (c *Client) disconnected(why error) {
	c.mu.Lock()
	c.status.Connected, c.status.Since = false, time.Now()
	c.conn = nil
	if c.settle() {
		c.hurry()
	}
	c.mu.Unlock()
	if errors.Is(why, ErrClosed) {
		return
	}
	c.failed(why)
	c.dialer.cfg.Log.Info("signaling connection lost", "url", c.dialer.shown, "id", c.id, "err", why)
}

func (c *Client) failed(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status.Err = why
}

// end tells Send and Receive why the client has ended.
func (c *Client) end(why error) {
	c.mu.Lock()
	c.why = why
	c.mu.Unlock()
	c.outbox.close(why)
	close(c.inbox)
}
