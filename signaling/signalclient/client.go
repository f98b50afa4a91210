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

	// closeTimeout limits the time in which Close sends what is still queued.
	closeTimeout = time.Second
)

// A Client is a member of a room. It is connected, or redials.
type Client struct {
	// Fixed at construction.
	dialer  dialer
	closing context.Context // done when Close begins
	life    context.Context // done when Close has waited long enough

	// Owned by run.
	join     signaling.Join // with the token of the last welcome
	id       signaling.PeerID
	backoff  backoff
	garbage  int               // malformed answers since the last welcome
	untold   signaling.Message // a Disconnected for which the inbox had no room yet; nil: none
	hurried  time.Time         // when a check last cut a wait short
	patience time.Duration     // of the next attempt, if Check is called during it
	strayed  time.Time         // when an attempt was last given up that the server may still answer; zero: never

	// Safe for concurrent use.
	outbox     *outbox
	forward    atomic.Pointer[func() []byte] // set by Forward; nil: not set
	inbox      chan signaling.Message        // closed by run when it ends
	maxFrame   atomic.Int64                  // the largest frame that the server accepts, in bytes
	checks     chan struct{}                 // holds one token when Check wants something done
	beginClose context.CancelFunc
	kill       context.CancelFunc
	closeOnce  sync.Once
	suspended  atomic.Bool // Close was Suspend
	wg         sync.WaitGroup

	mu         sync.Mutex // guards the fields below
	status     Status
	conn       *conn               // nil while not connected
	dialing    *attempt            // nil while not redialing
	checking   *time.Timer         // runs during a check; nil if there is none
	again      bool                // Check was called during the check
	hurryUntil time.Time           // until then, the client is in a hurry unless it is connected
	metadata   *signaling.Metadata // the last one sent, for join; nil: none
	why        error               // why the client has ended, set before inbox is closed
}

// A Status says how a Client is connected.
type Status struct {
	Connected bool      // false: the client is redialing, or has ended
	Since     time.Time // when Connected last changed
	Redials   int       // how often the client has reconnected
	Err       error     // the last failure, kept after the client has reconnected
}

// Dial joins a room. If join.Room is empty, the room is the last part of the path of rawURL, see ParseURL. With
// join.Match that part is ignored, and Dial waits until the match is complete or ctx ends. ctx bounds only this first
// connection, for which there is one attempt; the client lives until Close. The error is a *DialError, a
// *ProtocolError, the *signaling.Error with which the server refused, or an error about an argument. Retry says
// whether to try again.
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

// Send queues a Signal, a Seal, a Lock, a Kick, a Successor, a HostLost, a Metadata or a List and returns at once,
// connected or not. It does not keep m. A message that Config.Dialect cannot express is dropped without an error. The
// client also uses a Metadata for each later join, after it has lost its connection. The errors are ErrBufferFull, a
// *signaling.Error for a message that the server would refuse, the reason for which the client has ended, and
// ErrClosed.
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

// encode returns an error for a message that would cause a fatal error from the server and so cost the membership. It
// returns nil for a message that the dialect cannot express.
func (c *Client) encode(m signaling.Message) ([]byte, error) {
	switch m := m.(type) {
	case signaling.Seal, signaling.Lock, signaling.Kick, signaling.Successor, signaling.HostLost, signaling.Metadata, signaling.List:
	case signaling.Signal:
		if m.To == 0 {
			return nil, &signaling.Error{Code: signaling.CodeBadMessage, Text: "signal: want to"}
		}
	case signaling.Leave:
		return nil, errors.New("signalclient: send leave: use Close instead")
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

// Receive returns the next message, waiting until ctx is done; the message belongs to the caller. An error of the
// server that does not end the session comes as a *signaling.Error message. When the connection is lost and the
// client redials, a signaling.Disconnected comes, in its place among the messages; the Welcome after it says that the
// connection is back. After all messages, Receive returns the reason for which the client has ended: a
// *signaling.Error, *ProtocolError or *LostError. After Close it returns ErrClosed at once.
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

// Close sends what is queued and a leave, and waits at most a second for the server to read them. While the
// connection is lost it sends nothing, and the server gives up the place after its grace period. Close waits until
// all goroutines of the client have ended, and returns nil. It may be called again, also concurrently.
func (c *Client) Close() error { return c.close(false) }

// Suspend is Close without the leave: the server keeps the place for its grace period. A client that joins with the
// last token (Join.Resume) takes it.
func (c *Client) Suspend() error { return c.close(true) }

func (c *Client) close(suspend bool) error {
	c.closeOnce.Do(func() {
		c.suspended.Store(suspend)
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
