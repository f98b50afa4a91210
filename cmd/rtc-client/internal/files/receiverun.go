package files

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/format"
	"example.org/rtcpeer/cmd/rtc-client/internal/linklog"
	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transfer"
)

// A receiveRun is a receive command that has joined its room. It has one goroutine each for listen, for accept,
// for run, which waits for the end, and for every file.
type receiveRun struct {
	// Fixed at construction.
	*exchange
	folder               *transfer.Folder
	dir                  string
	yes, overwrite, stay bool
	wait                 time.Duration // 0: no limit
	saves                sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	offers  int
	senders map[rtcpeer.PeerID]bool // peers that have offered a file
	running map[string]*incoming    // the latest file of each name
	missing map[string]bool         // files whose sender was lost and may come back
	failed  int                     // other files that were wanted and have failed
	saving  int                     // files that are being saved or asked for
}

// An incoming is a file that is being saved.
type incoming struct {
	peer rtcpeer.PeerID
	end  context.CancelCauseFunc
	over chan struct{}
}

var (
	// errReceived ends a receiveRun: every peer that has sent a file has left.
	errReceived = errors.New("everything has arrived")
	// errReplaced ends a transfer whose sender is silent when the same file is offered again.
	errReplaced = errors.New("the file was offered again")
)

// run receives files until there is nothing more to receive.
func (r *receiveRun) run(outer context.Context) error {
	ctx, end := context.WithCancelCause(outer)
	var wg sync.WaitGroup
	wg.Go(func() { end(r.listen(ctx)) })
	wg.Go(func() { end(r.accept(ctx)) })
	end(r.awaitEnd(ctx))
	wg.Wait()
	r.saves.Wait()
	missing := r.failed + len(r.missing)
	switch err := context.Cause(ctx); {
	case missing > 0 && outer.Err() != nil:
		return fmt.Errorf("interrupted: %s incomplete: the transfer resumes when the file is sent again", format.Count(missing, "file"))
	case err != errReceived && outer.Err() == nil:
		return err
	case missing > 0:
		return fmt.Errorf("%s not received", format.Count(missing, "file"))
	}
	return nil
}

// awaitEnd waits until every peer that has sent a file has left. It waits at most r.wait for the first offer.
func (r *receiveRun) awaitEnd(ctx context.Context) error {
	var late <-chan time.Time
	if r.wait > 0 {
		late = time.After(r.wait)
	}
	lonely := time.After(linklog.AloneAfter)
	for {
		changed := r.change()
		if r.isOver() {
			return errReceived
		}
		select {
		case <-changed:
		case <-lonely:
			if r.offered() == 0 && len(r.node.Peers()) == 0 {
				r.console.Say("%s", linklog.Alone(r.node, "rtc-client send FILE... "+r.url))
			}
		case <-late:
			if r.offered() == 0 {
				return fmt.Errorf("no file was offered within %v: give the sender more time with --wait", r.wait)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (r *receiveRun) offered() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.offers
}

func (r *receiveRun) isOver() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stay || r.offers == 0 || r.saving > 0 || len(r.missing) > 0 {
		return false
	}
	for id := range r.senders {
		if r.isConnected(id) {
			return false
		}
	}
	return true
}

// accept accepts the offers. It asks the user about each one, unless --yes was given.
func (r *receiveRun) accept(ctx context.Context) error {
	var answers *console.Lines
	if !r.yes {
		answers = console.ReadLines(ctx, r.console.In)
	}
	for {
		o, err := r.files.Accept(ctx)
		if err != nil {
			return err
		}
		r.begin(o)
		switch wanted, err := r.wants(ctx, answers, o); {
		case err != nil:
			o.Refuse("")
			r.finish()
			return err
		case !wanted:
			o.Refuse("not wanted")
			r.finish()
		default:
			r.saves.Go(func() { r.save(ctx, o) })
		}
	}
}

func (r *receiveRun) begin(o *transfer.Offer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.offers++
	r.saving++
	r.senders[o.Peer] = true
}

func (r *receiveRun) finish() {
	r.mu.Lock()
	r.saving--
	r.mu.Unlock()
	r.notify()
}

// wants asks the user whether to save a file. If stdin has ended, the answer is no.
func (r *receiveRun) wants(ctx context.Context, answers *console.Lines, o *transfer.Offer) (bool, error) {
	if r.yes {
		return true, nil
	}
	r.meter.Hold(true)
	defer r.meter.Hold(false)
	for {
		r.console.Say("peer %d offers %s (%s): save it? y or n", o.Peer, o.Name, offeredSize(o))
		select {
		case line, more := <-answers.C:
			switch answer := strings.ToLower(strings.TrimSpace(string(line))); {
			case !more:
				r.console.Say("%s refused because stdin has ended; --yes accepts every file", o.Name)
				return false, nil
			case answer == "y" || answer == "yes":
				return true, nil
			case answer == "n" || answer == "no":
				return false, nil
			}
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

func offeredSize(o *transfer.Offer) string {
	if o.Size < 0 {
		return "size not known"
	}
	return format.Bytes(uint64(o.Size))
}

// save saves a file and reports the outcome.
func (r *receiveRun) save(ctx context.Context, o *transfer.Offer) {
	defer r.finish()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	in := &incoming{peer: o.Peer, end: end, over: make(chan struct{})}
	defer close(in.over)
	r.awaitOther(ctx, r.replace(o.Name, in))
	began := time.Now()
	g := r.meter.Add(o.Name, o.Size)
	name, err := o.Save(ctx, r.folder, transfer.SaveOptions{Overwrite: r.overwrite, Progress: g.Set})
	g.Over()
	if err != nil {
		name = o.Name
	}
	path := filepath.Join(r.dir, name)
	r.report("saved", g, path, o.Peer, began, err)
	if err == nil && !r.json {
		fmt.Fprintln(r.console.Out, path)
	}
	r.note(o, in, err)
}

// replace records in as the latest file of its name. It returns the previous one, or nil.
func (r *receiveRun) replace(name string, in *incoming) *incoming {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.running[name]
	r.running[name] = in
	return before
}

// awaitOther decides what to do about an earlier transfer of a file with the same name. If its sender is
// silent, or becomes silent within AloneAfter, this may be the same sender in a new process. Then awaitOther
// ends the earlier transfer and waits for its end, so that the new one continues where it stopped. Otherwise
// both go on.
func (r *receiveRun) awaitOther(ctx context.Context, other *incoming) {
	if other == nil {
		return
	}
	moment := time.After(linklog.AloneAfter) // an interruption is noticed after two seconds
	for {
		changed := r.change()
		if r.isSilent(other.peer) {
			other.end(errReplaced)
			moment = nil
		}
		select {
		case <-other.over:
			return
		case <-changed:
		case <-moment:
			return
		case <-ctx.Done():
			return
		}
	}
}

// note records the outcome of a file, for awaitEnd and the exit code.
func (r *receiveRun) note(o *transfer.Offer, in *incoming, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running[o.Name] == in {
		delete(r.running, o.Name)
	}
	file := fmt.Sprint(o.Size, " ", o.Name)
	switch {
	case err == nil:
		delete(r.missing, file)
	case errors.Is(err, transfer.ErrPeerGone):
		r.missing[file] = true
		r.console.Say("%s: the part that has arrived is kept, and the transfer resumes when the file is sent again", o.Name)
	case !errors.Is(err, errReplaced):
		r.failed++
	}
}
