package signalclient

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"example.org/rtcpeer/signaling"
)

const (
	// mostGarbage is how many malformed answers in a row end the client: one may be a passing error of a proxy, but
	// three mean another protocol.
	mostGarbage = 3

	// verdictTimeout is how long to keep reading after a write has failed.
	verdictTimeout = time.Second

	// Close codes (RFC 6455, section 7.4.1).
	closeNormal        = 1000
	closeProtocolError = 1002
)

// run serves one connection after another. For each it starts a readLoop and waits for it.
func (c *Client) run(conn *conn) {
	for conn != nil {
		began := time.Now()
		why := c.serve(conn)
		// A server that welcomes and then fails at once must not be dialed ten times a second.
		if time.Since(began) >= c.dialer.cfg.BackoffMax {
			c.backoff.reset()
		}
		c.disconnected(why)
		err := c.final(why)
		if conn = nil; err == nil {
			conn, err = c.redial(why)
		}
		if err != nil {
			c.end(err)
		}
	}
}

// serve uses conn until it is lost, and returns why.
func (c *Client) serve(conn *conn) error {
	defer context.AfterFunc(c.life, conn.abort)()
	stop, lost := make(chan struct{}), make(chan error, 1)
	var reader sync.WaitGroup
	first := []signaling.Message{conn.welcome}
	if c.untold != nil {
		first, c.untold = []signaling.Message{c.untold, conn.welcome}, nil
	}
	reader.Go(func() { lost <- c.readLoop(conn, first, stop) })

	why := c.blame(conn, c.writeLoop(conn, lost))
	if _, ok := errors.AsType[*ProtocolError](why); ok {
		_ = conn.sayClose(closeProtocolError) // a courtesy
	}
	close(stop)
	conn.abort()
	reader.Wait()
	return why
}

// readLoop puts first, and then what it reads from conn, into the inbox. It returns why it ends. Nothing follows a
// fatal error frame, so that error is the reason.
func (c *Client) readLoop(conn *conn, first []signaling.Message, stop <-chan struct{}) error {
	for _, m := range first {
		if !c.put(m, stop) {
			return net.ErrClosed
		}
	}
	for {
		m, err := conn.read()
		if err != nil {
			return err
		}
		if refused, ok := m.(*signaling.Error); ok && refused.Code.Fatal() {
			return refused
		}
		if renewed, ok := m.(signaling.Resume); ok {
			c.join.Resume = renewed.Token // run reads it when this has returned
		}
		if !c.put(m, stop) {
			return net.ErrClosed
		}
	}
}

// put waits for room in the inbox. It returns false if the connection is lost first.
func (c *Client) put(m signaling.Message, stop <-chan struct{}) bool {
	select {
	case c.inbox <- m:
	case <-c.closing.Done(): // nobody receives, but leave waits for the server's close
	case <-stop:
		return false
	}
	return true
}

// writeLoop sends what is queued, answers pings, and pings when nothing comes. It returns when conn is lost or the
// client is closed.
func (c *Client) writeLoop(conn *conn, lost <-chan error) error {
	patience := conn.deadAfter / 3
	quiet := time.NewTimer(patience)
	defer quiet.Stop()
	err := c.writeQueued(conn)
	for err == nil {
		select {
		case err := <-lost:
			return err
		case <-c.closing.Done():
			return c.leave(conn, lost)
		case <-c.outbox.wake:
			err = c.writeQueued(conn)
		case <-c.checks:
			err = conn.ask()
		case <-conn.unanswered: // the reader may be blocked on the inbox
			return net.ErrClosed
		case data := <-conn.pings:
			err = conn.pong(data)
		case <-quiet.C:
			idle := conn.idle()
			if idle >= patience {
				idle, err = 0, conn.ping()
			}
			quiet.Reset(patience - idle)
		}
	}
	return c.verdict(lost, err)
}

// writeQueued writes the waiting frames, and then one binary frame, if there is one. The next binary frame comes
// after the frames that are queued by then.
func (c *Client) writeQueued(conn *conn) error {
	for frame := c.outbox.head(); frame != nil; frame = c.outbox.head() {
		if err := conn.write(frame); err != nil {
			return err
		}
		c.outbox.pop()
	}
	if frame := c.nextForward(conn); frame != nil {
		c.ForwardReady()
		return conn.writeBinary(frame)
	}
	return nil
}

// verdict returns the error that the server sent before it closed the connection, if there is one, and otherwise err,
// with which a write has failed. Without this, a client that was replaced would resume and replace its replacement.
func (c *Client) verdict(lost <-chan error, err error) error {
	select {
	case said := <-lost:
		if _, ok := errors.AsType[*signaling.Error](said); ok {
			return said
		}
	case <-c.closing.Done():
	case <-time.After(verdictTimeout):
	}
	return err
}

// writeAll writes what is queued, including all binary frames.
func (c *Client) writeAll(conn *conn) error {
	for {
		if err := c.writeQueued(conn); err != nil {
			return err
		}
		select {
		case <-c.outbox.wake:
		default:
			return nil
		}
	}
}

// leave ends the membership, unless Suspend was called: it writes what is queued, the leave and a close frame. It waits
// for the server's close, because a socket that is closed with unread data discards what it has not yet delivered (RFC
// 1122, section 4.2.2.13). The end of c.life interrupts all of this.
func (c *Client) leave(conn *conn, lost <-chan error) error {
	err := c.writeAll(conn)
	if err == nil && !c.suspended.Load() {
		err = conn.send(signaling.Leave{})
	}
	if err == nil && conn.sayClose(closeNormal) == nil {
		<-lost
	}
	return ErrClosed
}
