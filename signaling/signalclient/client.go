package signalclient

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/signaling"
)

const (
	// inboxMessages is how many messages wait for Receive. When it is full the client stops
	// reading, and in the end the server closes the session as slow: signals cannot be skipped.
	inboxMessages = 64

	// closeTimeout bounds what Close does for what was not yet sent.
	closeTimeout = time.Second
)

// A Client is a member of a room, connected or coming back.
type Client struct {
	// Fixed at construction.
	dialer  dialer
	closing context.Context // done when Close begins
	life    context.Context // done when Close has waited enough

	// Owned by run.
	join     signaling.Join // with the token of the last welcome
	id       signaling.PeerID
	backoff  backoff
	garbage  int               // malformed answers since the last welcome
	untold   signaling.Message // a Disconnected for which the inbox had no room yet, or nil
	hurried  time.Time         // when a check last cut a wait short
	patience time.Duration     // of the next attempt, if there is a check

	// Safe for all.
	outbox     *outbox
	forward    atomic.Pointer[func() []byte] // of Forward; nil: nobody
	inbox      chan signaling.Message        // closed by run at its end
	maxFrame   atomic.Int64                  // bytes; what the server takes
	checks     chan struct{}                 // holds one token when Check wants something done
	beginClose context.CancelFunc
	kill       context.CancelFunc
	closeOnce  sync.Once
	wg         sync.WaitGroup

	mu         sync.Mutex // guards the fields below
	status     Status
	conn       *conn               // nil while not connected
	dialing    *attempt            // nil while not dialing again
	checking   *time.Timer         // runs during a check; nil if there is none
	again      bool                // Check was called during that
	hurryUntil time.Time           // until then the program is in a hurry to reach the server, if it is not connected
	metadata   *signaling.Metadata // that was sent last, for join; nil: none was
	why        error               // the reason for the end, set before inbox is closed
}

// A Status says how a Client is connected.
type Status struct {
	Connected bool      // false: the client is redialing, or has ended
	Since     time.Time // when Connected became what it is
	Redials   int       // how often the client came back
	Err       error     // the last failure, kept after the client came back
}

// Dial joins a room. If join.Room is empty, the room is the last part of the path of rawURL, see
// ParseURL; with join.Match that counts for nothing, and Dial waits until there are enough, or ctx
// ends. ctx bounds this first connection only, of which there is one attempt; the client lives
// until Close. The error is a *DialError, a *ProtocolError, or the *signaling.Error with which the
// server refused, and Retry tells whether to try again; or it says what is wrong with an argument.
func Dial(ctx context.Context, rawURL string, join signaling.Join, cfg Config) (*Client, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	u, err := parse(rawURL)
	if err != nil {
		return nil, err
	}
	if join.Room == "" && join.Match == nil {
		if join.Room, err = roomOf(u); err != nil {
			return nil, err
		}
	}
	if err := join.Validate(); err != nil {
		return nil, err
	}
	join.Channels, join.Metadata = slices.Clone(join.Channels), slices.Clone(join.Metadata)
	join.Features = slices.Clone(join.Features)
	join.NewRoom.Metadata = slices.Clone(join.NewRoom.Metadata)

	c := newClient(newDialer(u, cfg), join)
	conn, err := c.dialer.dial(ctx, join)
	if err == nil {
		err = c.adopt(conn)
	}
	if err != nil {
		c.kill()
		return nil, err
	}
	c.wg.Go(func() { c.run(conn) })
	return c, nil
}

func newClient(d dialer, join signaling.Join) *Client {
	c := &Client{
		dialer:   d,
		join:     join,
		backoff:  newBackoff(d.cfg),
		patience: d.cfg.CheckTimeout,
		outbox:   newOutbox(),
		inbox:    make(chan signaling.Message, inboxMessages),
		checks:   make(chan struct{}, 1),
	}
	c.dialer.hurry(c.inHurry)
	c.life, c.kill = context.WithCancel(context.Background())
	c.closing, c.beginClose = context.WithCancel(c.life)
	return c
}

// Send queues a Signal, a Seal, a Lock, a Kick, a Metadata or a List and returns at once, connected or not. It does not
// keep m. What Config.Dialect has no words for is not sent, and no error. A Metadata is also what the client joins with
// from then on, after its connection was lost. The errors are ErrBufferFull, a *signaling.Error for a message that the server would not take, the
// reason for which the client has ended, and ErrClosed.
func (c *Client) Send(ctx context.Context, m signaling.Message) error {
	if c.closing.Err() != nil {
		return ErrClosed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	frame, err := c.encode(m)
	if err != nil || frame == nil {
		return err
	}
	if err := c.outbox.push(frame); err != nil {
		return err
	}
	if m, ok := m.(signaling.Metadata); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.metadata = &signaling.Metadata{Metadata: slices.Clone(m.Metadata)}
	}
	return nil
}

// encode refuses what the server would answer with a fatal error: that would cost the membership. It
// returns nil for what its dialect has no words for.
func (c *Client) encode(m signaling.Message) ([]byte, error) {
	switch m := m.(type) {
	case signaling.Seal, signaling.Lock, signaling.Kick, signaling.Successor, signaling.HostLost, signaling.Metadata, signaling.List:
	case signaling.Signal:
		if m.To == 0 {
			return nil, &signaling.Error{Code: signaling.CodeBadMessage, Text: "signal: want to"}
		}
	case signaling.Leave:
		return nil, errors.New("signalclient: send leave: Close does that")
	default:
		return nil, fmt.Errorf("signalclient: send %T: want a Signal, a Seal, a Lock, a Kick, a Successor, a HostLost, a Metadata or a List", m)
	}
	frame, err := c.dialer.cfg.Dialect.Encode(m)
	if err != nil {
		return nil, err
	}
	if most := c.maxFrame.Load(); int64(len(frame)) > most {
		text := fmt.Sprintf("%s of %d bytes: at most %d", m.Kind(), len(frame), most)
		return nil, &signaling.Error{Code: signaling.CodeTooLarge, Text: text}
	}
	return frame, nil
}

// Receive returns the next message, waiting until ctx is done; the message belongs to the caller. An
// error of the server that does not end the session comes as a *signaling.Error message. When the
// connection is lost and the client redials, that is a signaling.Disconnected, in its place among the
// messages; the Welcome after it says that the connection is back. After all messages comes the reason for which the client has ended: a *signaling.Error, *ProtocolError or
// *LostError. After Close it is ErrClosed at once.
func (c *Client) Receive(ctx context.Context) (signaling.Message, error) {
	if c.closing.Err() != nil {
		return nil, ErrClosed
	}
	select {
	case m, ok := <-c.inbox:
		if !ok {
			return nil, c.ended()
		}
		return m, nil
	case <-c.closing.Done():
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Status returns the state of the connection.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Close sends what is queued and a leave, and waits for the server to have read them, for a second
// at most. While the connection is lost there is nobody to tell: the server gives up the place after
// its grace time. Close waits until nothing of the client is running, returns nil, and may be
// called again, also at the same time.
func (c *Client) Close() error {
	c.closeOnce.Do(func() {
		c.beginClose()
		enough := time.AfterFunc(closeTimeout, c.kill)
		c.wg.Wait()
		enough.Stop()
		c.kill()
	})
	return nil
}

func (c *Client) ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.why
}
