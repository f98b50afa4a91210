package load

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

// A loadRun is a load in progress, with all its members. It is owned by one goroutine, that of Run. At most
// atOnce other goroutines work at a time, and each member has one that receives until close.
type loadRun struct {
	// Fixed at construction.
	server                    entry.Server
	rooms, size, each, atOnce int
	progress                  *progress.Bar

	members  []*member // size members for each room in turn; nil: could not join
	wg       sync.WaitGroup
	closing  sync.Once
	leaving  atomic.Bool // set by close: a room may end when its first members leave
	joins    phase
	messages phase

	mu     sync.Mutex // guards the field below
	errors map[string]int
}

// A member is a member of a room.
type member struct {
	client *signalclient.Client
	id     signaling.PeerID
	heard  chan struct{} // gets a token for each signal that arrives; holds a burst
}

const (
	// burst is how many messages of one member are in flight at a time, as when two peers connect.
	burst = 16
	// loadTimeout is how long a join, or the messages of a burst, may take.
	loadTimeout = 15 * time.Second
)

func newLoadRun(server entry.Server, o *Command, w io.Writer) *loadRun {
	return &loadRun{
		server: server, rooms: o.Rooms, size: o.Members, each: o.Messages, atOnce: o.AtOnce,
		members:  make([]*member, o.Rooms*o.Members),
		errors:   make(map[string]int),
		progress: progress.NewBar(w, o.Rooms*o.Members*(1+o.Messages)),
	}
}

// fill opens the rooms and lets all members join.
func (r *loadRun) fill(ctx context.Context) error {
	r.progress.Describe("joining")
	r.joins.begin()
	defer r.joins.end()
	return r.parallel(ctx, r.rooms, func(room int) {
		name := signaling.RoomName("")
		for i := range r.size {
			if i > 0 && name == "" || ctx.Err() != nil {
				return // the first member could not open the room, or ctx is done
			}
			name = r.join(ctx, room*r.size+i, name)
		}
	})
}

// join lets member n join the room, or a new one if room is empty. It returns the room's name.
func (r *loadRun) join(ctx context.Context, n int, room signaling.RoomName) signaling.RoomName {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	began := time.Now()
	client, welcome, err := r.server.Join(ctx, signaling.Join{Room: room})
	if err != nil {
		r.failed(err)
		return room
	}
	r.joins.took(time.Since(began))
	r.progress.Add(1)
	m := &member{client: client, id: welcome.ID, heard: make(chan struct{}, burst)}
	r.members[n] = m
	r.wg.Go(func() { r.hear(m) })
	return welcome.Room
}

// hear receives until the client is closed. It counts an error if the server ends the session.
func (r *loadRun) hear(m *member) {
	for {
		message, err := m.client.Receive(context.Background())
		switch {
		case errors.Is(err, signalclient.ErrClosed), err != nil && r.leaving.Load():
			return
		case err != nil:
			r.failed(err)
			return
		}
		switch message := message.(type) {
		case signaling.Signal:
			select {
			case m.heard <- struct{}{}:
			default: // it came too late, and no sender is waiting for it
			}
		case *signaling.Error:
			r.failed(message)
		}
	}
}

// exchange lets each member send its messages to the next member of its room.
func (r *loadRun) exchange(ctx context.Context) error {
	if r.size < 2 || r.each == 0 {
		return nil
	}
	r.progress.Describe("sending")
	r.messages.begin()
	defer r.messages.end()
	return r.parallel(ctx, len(r.members), func(n int) {
		next := n + 1
		if next%r.size == 0 {
			next -= r.size
		}
		from, to := r.members[n], r.members[next]
		for left := r.each; from != nil && to != nil && left > 0; left -= burst {
			if err := r.send(ctx, from, to, min(left, burst)); err != nil {
				r.failed(err)
				return
			}
		}
	})
}

// send sends a burst of n messages and waits until they have arrived.
func (r *loadRun) send(ctx context.Context, from, to *member, n int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, loadTimeout, fmt.Errorf("a message did not arrive within %v", loadTimeout))
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
			r.messages.took(time.Since(began))
			r.progress.Add(1)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// sampleCandidate has the size of a real candidate.
var sampleCandidate = json.RawMessage(`{"type":"candidate","attempt":1,"candidate":"candidate:842163049 1 udp 1677729535 ` +
	`198.51.100.7 51423 typ srflx raddr 192.168.1.20 rport 51423 generation 0 ufrag Xy1z network-cost 999","sdpMid":"0"}`)

// parallel calls do for each number below n, at most atOnce at a time, until ctx is done.
func (r *loadRun) parallel(ctx context.Context, n int, do func(int)) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(r.atOnce, n) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (r *loadRun) failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors[format.Clean(format.Error(err))]++
}

// close lets all members leave.
func (r *loadRun) close() {
	r.closing.Do(func() {
		r.leaving.Store(true)
		r.progress.Finish()
		_ = r.parallel(context.Background(), len(r.members), func(n int) {
			if m := r.members[n]; m != nil {
				m.client.Close()
			}
		})
		r.wg.Wait()
	})
}
