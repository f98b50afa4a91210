package memory

import (
	"context"
	"errors"
	"fmt"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
)

// A Client is a member of a room of a Server. It is a Signaler for rtcpeer.New. It is safe for concurrent use.
type Client struct {
	session *session
}

// Send handles a message as a server would: any message of a member except Join and Leave. It never waits and does
// not keep m. If the server refuses the message, Receive returns a *signaling.Error. Send itself returns an error if m
// is invalid, if ctx is done, or if the membership has ended; after Close the error is net.ErrClosed.
func (c *Client) Send(ctx context.Context, m signaling.Message) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s := c.session
	if err := s.final(); err != nil {
		return err
	}
	switch m.(type) {
	case signaling.Join, signaling.Leave:
		return fmt.Errorf("signaling/memory: send %s: use Server.Join or Client.Close instead", m.Kind())
	}
	heard, err := s.server.carry(m)
	if err != nil {
		return err
	}
	if l, ok := heard.(signaling.List); ok {
		s.Deliver(rooms.Prepare(s.server.store.List(l)))
		return nil
	}
	err = s.member.Load().Handle(s, heard)
	if why, refused := errors.AsType[*signaling.Error](err); refused {
		s.Fail(why)
	} else if err != nil {
		s.Fail(&signaling.Error{Code: signaling.CodeInternal, Text: err.Error()})
	}
	return nil
}

// Receive waits for the next message until ctx is done. The message belongs to the caller. The first one is the
// Welcome. An error that does not end the membership comes as a *signaling.Error message. An error that ends it is
// returned after all messages, and by each later call. After Close the error is net.ErrClosed.
func (c *Client) Receive(ctx context.Context) (signaling.Message, error) {
	for {
		frame, wake, err := c.session.next()
		switch {
		case err != nil:
			return nil, err
		case frame != nil:
			return c.session.read(frame)
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Close leaves the room; the other members are told. It does not block, returns nil, and may be called again.
func (c *Client) Close() error {
	s := c.session
	if m := s.member.Load(); s.close() && m != nil {
		m.Leave(s)
	}
	s.Bye()
	return nil
}

// Suspend ends the client as if its connection were lost. Its place in the room is kept for 30 s (that of a host for as
// long as its room says), and a Join with the last resume token takes it. A test can use it to let a program die.
func (c *Client) Suspend() error {
	s := c.session
	if m := s.member.Load(); s.close() && m != nil {
		m.Detach(s)
	}
	s.Bye()
	return nil
}
