package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/cmd/rtc-client/internal/entry"
	"example.org/rtcpeer/cmd/rtc-client/internal/format"
	"example.org/rtcpeer/cmd/rtc-client/internal/progress"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalclient"
)

// A crowd is the members of a load. One goroutine, that of Run, owns it; at most atOnce others work at
// a time, and each member has one that receives, until close.
type crowd struct {
	// Fixed at construction.
	server                    entry.Server
	rooms, size, each, atOnce int
	progress                  *progress.Bar

	members  []*attendee // by room; nil: it could not join
	wg       sync.WaitGroup
	closing  sync.Once
	leaving  atomic.Bool // with the first members a room may end
	joins    phase
	messages phase

	mu     sync.Mutex // guards the field below
	errors map[string]int
}

// An attendee is one member.
type attendee struct {
	client *signalclient.Client
	id     signaling.PeerID
	heard  chan struct{} // a signal has come; it holds a burst
}

const (
	// burst is how many messages of one member are on their way at a time, as when two connect.
	burst = 16
	// loadTimeout is how long a join, or the messages of a burst, may take.
	loadTimeout = 15 * time.Second
)

func newCrowd(server entry.Server, o *load, w io.Writer) *crowd {
	return &crowd{
		server: server, rooms: o.Rooms, size: o.Members, each: o.Messages, atOnce: o.AtOnce,
		members:  make([]*attendee, o.Rooms*o.Members),
		errors:   make(map[string]int),
		progress: progress.NewBar(w, o.Rooms*o.Members*(1+o.Messages)),
	}
}

// fill opens the rooms, and has everybody join.
func (c *crowd) fill(ctx context.Context) error {
	c.progress.Describe("joining")
	c.joins.begin()
	defer c.joins.end()
	return c.parallel(ctx, c.rooms, func(room int) {
		name := signaling.RoomName("")
		for i := range c.size {
			if i > 0 && name == "" || ctx.Err() != nil {
				return // the room is not there
			}
			name = c.join(ctx, room*c.size+i, name)
		}
	})
}

// join has a member join the room, or a new one, and returns the room's name.
func (c *crowd) join(ctx context.Context, n int, room signaling.RoomName) signaling.RoomName {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	began := time.Now()
	client, welcome, err := c.server.Join(ctx, signaling.Join{Room: room})
	if err != nil {
		c.failed(err)
		return room
	}
	c.joins.took(time.Since(began))
	c.progress.Add(1)
	m := &attendee{client: client, id: welcome.ID, heard: make(chan struct{}, burst)}
	c.members[n] = m
	c.wg.Go(func() { c.hear(m) })
	return welcome.Room
}

// hear receives until the client is closed. A member that the server ended is an error.
func (c *crowd) hear(m *attendee) {
	for {
		message, err := m.client.Receive(context.Background())
		switch {
		case errors.Is(err, signalclient.ErrClosed), err != nil && c.leaving.Load():
			return
		case err != nil:
			c.failed(err)
			return
		}
		switch message := message.(type) {
		case signaling.Signal:
			select {
			case m.heard <- struct{}{}:
			default: // it came too late, and nobody waits for it
			}
		case *signaling.Error:
			c.failed(message)
		}
	}
}

// talk has each member send to the next one of its room.
func (c *crowd) talk(ctx context.Context) error {
	if c.size < 2 || c.each == 0 {
		return nil
	}
	c.progress.Describe("sending")
	c.messages.begin()
	defer c.messages.end()
	return c.parallel(ctx, len(c.members), func(n int) {
		next := n + 1
		if next%c.size == 0 {
			next -= c.size
		}
		from, to := c.members[n], c.members[next]
		for left := c.each; from != nil && to != nil && left > 0; left -= burst {
			if err := c.send(ctx, from, to, min(left, burst)); err != nil {
				c.failed(err)
				return
			}
		}
	})
}

// send sends a burst, and waits until it has arrived.
func (c *crowd) send(ctx context.Context, from, to *attendee, n int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, loadTimeout, fmt.Errorf("a message has not arrived within %v", loadTimeout))
	defer cancel()
	began := time.Now()
	for range n {
		if err := from.client.Send(ctx, signaling.Signal{To: to.id, Data: sampleCandidate}); err != nil {
			return err
		}
	}
	for range n {
		select {
		case <-to.heard:
			c.messages.took(time.Since(began))
			c.progress.Add(1)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// sampleCandidate is of the size that candidates have.
var sampleCandidate = json.RawMessage(`{"type":"candidate","attempt":1,"candidate":"candidate:842163049 1 udp 1677729535 ` +
	`198.51.100.7 51423 typ srflx raddr 192.168.1.20 rport 51423 generation 0 ufrag Xy1z network-cost 999","sdpMid":"0"}`)

// parallel does a thing for each number below n, a few at a time, until ctx ends.
func (c *crowd) parallel(ctx context.Context, n int, do func(int)) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(c.atOnce, n) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (c *crowd) failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errors[format.Clean(format.Error(err))]++
}

// close has everybody leave.
func (c *crowd) close() {
	c.closing.Do(func() {
		c.leaving.Store(true)
		c.progress.Finish()
		_ = c.parallel(context.Background(), len(c.members), func(n int) {
			if m := c.members[n]; m != nil {
				m.client.Close()
			}
		})
		c.wg.Wait()
	})
}
