package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"example.org/rtcpeer/cmd/rtc-client/internal/format"
	"example.org/rtcpeer/cmd/rtc-client/internal/linklog"
	"example.org/rtcpeer/cmd/rtc-client/internal/progress"
	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transfer"
)

// A sendRun is a send command that has joined its room. It has one goroutine each for listen and for run, and
// during a round one for watch and up to sentAtOnce that send files.
type sendRun struct {
	*exchange
	peer rtcpeer.PeerID // 0: any peer
	wait time.Duration  // 0: no limit

	// Written by run, and only between two rounds.
	unwilling map[rtcpeer.PeerID]bool // peers that do not receive files

	mu     sync.Mutex // guards the fields below
	todo   []*outgoing
	failed int
}

var (
	// errSent ends a sendRun that is complete.
	errSent = errors.New("everything was sent")
	// errSilent ends a round whose receiver is silent when there is another one.
	errSilent = errors.New("another receiver has joined")
)

// run sends all files, then ends listen.
func (r *sendRun) run(outer context.Context) error {
	ctx, end := context.WithCancelCause(outer)
	var wg sync.WaitGroup
	wg.Go(func() { end(r.listen(ctx)) })
	end(r.sendAll(ctx))
	wg.Wait()
	missing := r.failed + len(r.todo)
	switch err := context.Cause(ctx); {
	case missing > 0 && outer.Err() != nil:
		return fmt.Errorf("interrupted: %s not sent: run the same command again to resume", format.Count(missing, "file"))
	case missing > 0 && err == errSent:
		return fmt.Errorf("%s not sent", format.Count(missing, "file"))
	case err != errSent && outer.Err() == nil:
		return err
	}
	return nil
}

func (r *sendRun) sendAll(ctx context.Context) error {
	for len(r.todo) > 0 {
		to, err := r.meet(ctx)
		if err != nil {
			return err
		}
		if r.round(ctx, to) {
			r.unwilling[to] = true
			r.console.Say("peer %d does not receive files", to)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return errSent
}

// meet waits for a peer to send to.
func (r *sendRun) meet(ctx context.Context) (rtcpeer.PeerID, error) {
	var late <-chan time.Time
	if r.wait > 0 {
		late = time.After(r.wait)
	}
	lonely := time.After(linklog.AloneAfter)
	for {
		changed := r.change()
		if id := r.candidate(); id != 0 {
			return id, nil
		}
		select {
		case <-changed:
		case <-lonely:
			r.console.Say("%s", r.alone())
		case <-late:
			return 0, fmt.Errorf("no peer that receives files joined within %v: give it more time with --wait", r.wait)
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

func (r *sendRun) alone() string {
	if peers := r.node.Peers(); len(peers) > 0 {
		return "waiting for a peer that receives files: rtc-client receive " + r.url
	}
	return linklog.Alone(r.node, "rtc-client receive "+r.url)
}

// candidate returns the peer that should get the files, or 0 if there is none. It prefers a peer that is not
// interrupted. It returns the host of a star only if the user asked for it, because such a host is probably a
// relay.
func (r *sendRun) candidate() (best rtcpeer.PeerID) {
	for _, id := range r.node.Peers() {
		switch {
		case r.peer != 0 && id != r.peer, r.unwilling[id]:
		case r.peer == 0 && r.node.Relays() && id == r.node.Host():
		case best == 0 || r.isSilent(best) && !r.isSilent(id):
			best = id
		}
	}
	return best
}

// sentAtOnce is the largest number of files that are sent at the same time.
const sentAtOnce = 4

// round sends the remaining files to one peer, as long as the peer is there. It reports whether the peer does
// not receive files.
func (r *sendRun) round(ctx context.Context, to rtcpeer.PeerID) (unwilling bool) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var watch, workers sync.WaitGroup
	watch.Go(func() { r.watch(ctx, end, to) })
	for range min(sentAtOnce, len(r.todo)) {
		workers.Go(func() {
			for ctx.Err() == nil {
				p := r.next()
				if p == nil {
					return
				}
				if passing := r.send(ctx, to, p); passing != nil {
					r.again(p)
					end(passing)
				}
			}
		})
	}
	workers.Wait()
	unwilling = errors.Is(context.Cause(ctx), transfer.ErrNotReceiving)
	end(nil)
	watch.Wait()
	return unwilling
}

// isPassing reports whether another peer, or the same peer later, may accept the file.
func isPassing(err error) bool {
	return errors.Is(err, transfer.ErrPeerGone) || errors.Is(err, transfer.ErrNotReceiving)
}

// watch ends the round when its receiver is interrupted and another receiver is there: the other one may be the
// same user in a new process.
func (r *sendRun) watch(ctx context.Context, end context.CancelCauseFunc, to rtcpeer.PeerID) {
	for {
		changed := r.change()
		if r.isSilent(to) && r.candidate() != to {
			end(errSilent)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func (r *sendRun) next() *outgoing {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.todo) == 0 {
		return nil
	}
	p := r.todo[0]
	r.todo = slices.Delete(r.todo, 0, 1)
	return p
}

// again puts a file back at the front of todo.
func (r *sendRun) again(p *outgoing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.todo = slices.Insert(r.todo, 0, p)
}

// send sends one file and reports the outcome. If the file must be sent again, send returns the reason and
// reports nothing.
func (r *sendRun) send(ctx context.Context, to rtcpeer.PeerID, p *outgoing) (passing error) {
	began := time.Now()
	g := r.meter.Add(p.name(), p.size)
	err := r.transfer(ctx, to, p, g)
	g.Over()
	if err != nil && (isPassing(err) || ctx.Err() != nil) {
		if p.stream == nil || p.stream.rewind() == nil {
			return err
		}
		err = fmt.Errorf("%w; %s is a pipe of which a part was read, so it cannot be sent again: save its content in a file, and send the file", err, p.path)
	}
	if p.stream != nil {
		p.stream.close()
	}
	if err != nil {
		r.mu.Lock()
		r.failed++
		r.mu.Unlock()
	}
	r.report("sent", g, p.path, to, began, err)
	return nil
}

func (r *sendRun) transfer(ctx context.Context, to rtcpeer.PeerID, p *outgoing, g *progress.Gauge) error {
	file := transfer.File{Name: p.name(), Size: p.size}
	if p.stream != nil {
		release, err := p.stream.acquire(ctx)
		if err != nil {
			return err
		}
		defer release()
		file.Content = p.stream
	} else {
		f, err := os.Open(p.path)
		if err != nil {
			return err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			file.Size = info.Size() // it may have grown since newOutgoing
		}
		file.Content = f
	}
	asked := time.AfterFunc(linklog.AloneAfter, func() { r.console.Say("waiting for peer %d to accept %s", to, p.name()) })
	defer asked.Stop()
	file.Progress = func(n int64) {
		asked.Stop()
		g.Set(n)
	}
	return r.files.Send(ctx, to, file)
}
