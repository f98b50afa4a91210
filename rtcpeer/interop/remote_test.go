//go:build unix

package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/gorilla/websocket"

	"example.org/rtcpeer/rtcpeer"
)

// A player is a node, wherever it runs. Send, Receive and Close are those of rtcpeer.Peer.
type player interface {
	ID() rtcpeer.PeerID
	Send(context.Context, rtcpeer.Packet) error
	// Flood is TrySend, count times and as fast as it goes.
	Flood(ctx context.Context, p rtcpeer.Packet, count int) error
	Receive(context.Context) (rtcpeer.Event, error)
	Facts(context.Context) (facts, error)
	Close() error
}

// remote is a player in another process. Its events are taken at once: what has to wait there waits
// after Deafen.
type remote struct {
	// Fixed at construction, but for id, which join sets.
	host *host
	page page
	conn *websocket.Conn
	id   rtcpeer.PeerID
	gone chan struct{} // closed when readLoop ends
	wg   sync.WaitGroup

	mu      sync.Mutex // guards the fields below, and writing to conn
	calls   int
	answers map[int]chan said
	events  []rtcpeer.Event
	wake    chan struct{} // closed, and replaced, when one of the fields around has changed
	ended   error         // there are no more events
	faults  []error       // errors that nobody caught there
	exit    *said
}

var errGone = errors.New("the player is gone")

func newRemote(h *host, p page, conn *websocket.Conn) *remote {
	r := &remote{host: h, page: p, conn: conn, gone: make(chan struct{}), answers: make(map[int]chan said), wake: make(chan struct{})}
	r.wg.Go(r.readLoop)
	return r
}

// readLoop ends when the page is gone, or end closes the connection.
func (r *remote) readLoop() {
	defer close(r.gone)
	for {
		_, frame, err := r.conn.ReadMessage()
		var s said
		if err == nil {
			err = json.Unmarshal(frame, &s)
		}
		r.mu.Lock()
		switch {
		case err != nil && r.ended == nil:
			r.ended = errGone
		case s.Answer != 0:
			r.answers[s.Answer] <- s
			delete(r.answers, s.Answer)
		case s.Event != nil:
			r.events = append(r.events, s.Event.event())
		case s.Ended != nil:
			r.ended = s.Ended.err()
		case s.Complaint != "":
			r.faults = append(r.faults, errors.New(s.Complaint))
		case s.Exit != nil:
			r.exit = &s
		}
		close(r.wake)
		r.wake = make(chan struct{})
		r.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (r *remote) call(ctx context.Context, c call) (said, error) {
	answer := make(chan said, 1)
	r.mu.Lock()
	r.calls++
	c.N = r.calls
	r.answers[c.N] = answer
	frame, err := json.Marshal(c)
	if err == nil {
		err = r.conn.WriteMessage(websocket.TextMessage, frame)
	}
	r.mu.Unlock()
	if err != nil {
		return said{}, fmt.Errorf("%s: %w", c.Do, err)
	}
	select {
	case s := <-answer:
		return s, s.Error.err()
	case <-r.gone:
		select {
		case s := <-answer: // its last words
			return s, s.Error.err()
		default:
			return said{}, fmt.Errorf("%s: %w", c.Do, errGone)
		}
	case <-ctx.Done():
		return said{}, fmt.Errorf("%s: %w", c.Do, context.Cause(ctx))
	}
}

func (r *remote) join(ctx context.Context, c call) error {
	c.Do = "join"
	s, err := r.call(ctx, c)
	r.id = s.ID
	return err
}

func (r *remote) ID() rtcpeer.PeerID { return r.id }

func (r *remote) Send(ctx context.Context, p rtcpeer.Packet) error {
	_, err := r.call(ctx, call{Do: "send", Packet: packetOf(p)})
	return err
}

func (r *remote) Flood(ctx context.Context, p rtcpeer.Packet, count int) error {
	_, err := r.call(ctx, call{Do: "flood", Packet: packetOf(p), Count: count})
	return err
}

// Seal closes the room to newcomers, and does not wait until it is.
func (r *remote) Seal(ctx context.Context) error {
	_, err := r.call(ctx, call{Do: "seal"})
	return err
}

// Deafen has the player's program take no events, or go on.
func (r *remote) Deafen(ctx context.Context, deaf bool) error {
	c := call{Do: "hear"}
	if deaf {
		c.Do = "deaf"
	}
	_, err := r.call(ctx, c)
	return err
}

func (r *remote) Facts(ctx context.Context) (facts, error) {
	s, err := r.call(ctx, call{Do: "stats"})
	if err != nil {
		return facts{}, err
	}
	return *s.Stats, nil
}

func (r *remote) Receive(ctx context.Context) (rtcpeer.Event, error) {
	var ev rtcpeer.Event
	err := r.await(ctx, func() (bool, error) {
		if len(r.events) == 0 {
			return r.ended != nil, r.ended
		}
		ev, r.events = r.events[0], r.events[1:]
		return true, nil
	})
	return ev, err
}

// await waits until done, which is asked under the lock.
func (r *remote) await(ctx context.Context, done func() (bool, error)) error {
	for {
		r.mu.Lock()
		ok, err := done()
		wake := r.wake
		r.mu.Unlock()
		if ok {
			return err
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Close leaves the room, and waits for the end of the program there.
func (r *remote) Close() error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, errors.New("the player does not close"))
	defer cancel()
	_, err := r.call(ctx, call{Do: "close"})
	if err == nil {
		err = r.exited(ctx)
	}
	return errors.Join(err, r.end())
}

// exited waits for the end of the program, which must have gone well.
func (r *remote) exited(ctx context.Context) error {
	return r.await(ctx, func() (bool, error) {
		switch {
		case r.exit == nil && r.ended == errGone:
			return true, errGone
		case r.exit == nil:
			return false, nil
		case *r.exit.Exit != 0:
			return true, fmt.Errorf("exit code %d: %s", *r.exit.Exit, r.exit.Output)
		}
		return true, nil
	})
}

// vanishes has the page closed or reloaded, and returns when it is gone.
func (r *remote) vanishes(ctx context.Context, how string) error {
	p := r.page
	p.Do = how
	err := r.host.order(p)
	if err == nil {
		select {
		case <-r.gone:
		case <-ctx.Done():
			err = fmt.Errorf("%s: the page is still there: %w", how, context.Cause(ctx))
		}
	}
	return errors.Join(err, r.hangUp())
}

// end closes the page, if it is still there, and returns what went wrong in it.
func (r *remote) end() error {
	p := r.page
	p.Do = "close"
	return errors.Join(r.host.order(p), r.hangUp())
}

// hangUp waits for readLoop, and returns what went wrong in the page.
func (r *remote) hangUp() error {
	r.conn.Close()
	r.wg.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.faults...)
}
