package main

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

// A shipment is a send that is in its room. It has goroutines for listen, for run, and for a few files at a time.
type shipment struct {
	*exchange
	peer rtcpeer.PeerID // 0: anybody
	wait time.Duration  // 0: no limit

	// Owned by run, and between two rounds.
	unwilling map[rtcpeer.PeerID]bool // they receive no files

	mu     sync.Mutex // guards the fields below
	todo   []*parcel
	failed int
}

var (
	// errSent is the end of a shipment that is complete.
	errSent = errors.New("everything is sent")
	// errSilent is the end of a round whose receiver is silent, when there is another one.
	errSilent = errors.New("another receiver has come")
)

// run sends everything. listen ends with it.
func (s *shipment) run(outer context.Context) error {
	ctx, end := context.WithCancelCause(outer)
	var wg sync.WaitGroup
	wg.Go(func() { end(s.listen(ctx)) })
	end(s.sendAll(ctx))
	wg.Wait()
	missing := s.failed + len(s.todo)
	switch err := context.Cause(ctx); {
	case missing > 0 && outer.Err() != nil:
		return fmt.Errorf("interrupted: %s not sent; the same command goes on from there", format.Count(missing, "file"))
	case missing > 0 && err == errSent:
		return fmt.Errorf("%s not sent", format.Count(missing, "file"))
	case err != errSent && outer.Err() == nil:
		return err
	}
	return nil
}

func (s *shipment) sendAll(ctx context.Context) error {
	for len(s.todo) > 0 {
		to, err := s.meet(ctx)
		if err != nil {
			return err
		}
		if s.round(ctx, to) {
			s.unwilling[to] = true
			s.console.Say("peer %d does not receive files", to)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return errSent
}

// meet waits until there is somebody to send to.
func (s *shipment) meet(ctx context.Context) (rtcpeer.PeerID, error) {
	var late <-chan time.Time
	if s.wait > 0 {
		late = time.After(s.wait)
	}
	lonely := time.After(linklog.AloneAfter)
	for {
		changed := s.change()
		if id := s.candidate(); id != 0 {
			return id, nil
		}
		select {
		case <-changed:
		case <-lonely:
			s.console.Say("%s", s.alone())
		case <-late:
			return 0, fmt.Errorf("nobody came within %v who receives files; --wait is how long to wait", s.wait)
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

func (s *shipment) alone() string {
	if peers := s.node.Peers(); len(peers) > 0 {
		return "waiting for somebody who receives files: rtc-client receive " + s.url
	}
	return linklog.Alone(s.node, "rtc-client receive "+s.url)
}

// candidate returns who is to get the files, or 0: somebody who is not interrupted, if there is a choice. The host of
// a star is one only if it was asked for: it is likely to be a relay.
func (s *shipment) candidate() (best rtcpeer.PeerID) {
	for _, id := range s.node.Peers() {
		switch {
		case s.peer != 0 && id != s.peer, s.unwilling[id]:
		case s.peer == 0 && s.node.Relays() && id == s.node.Host():
		case best == 0 || s.isSilent(best) && !s.isSilent(id):
			best = id
		}
	}
	return best
}

// sentAtOnce is how many files are on their way at a time.
const sentAtOnce = 4

// round sends what is to be sent to one peer, as long as it is there. It reports whether that does not want any files.
func (s *shipment) round(ctx context.Context, to rtcpeer.PeerID) (unwilling bool) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var watch, workers sync.WaitGroup
	watch.Go(func() { s.watch(ctx, end, to) })
	for range min(sentAtOnce, len(s.todo)) {
		workers.Go(func() {
			for ctx.Err() == nil {
				p := s.next()
				if p == nil {
					return
				}
				if passing := s.send(ctx, to, p); passing != nil {
					s.again(p)
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

// isPassing reports whether another peer, or the same one later, may take the file.
func isPassing(err error) bool {
	return errors.Is(err, transfer.ErrPeerGone) || errors.Is(err, transfer.ErrNotReceiving)
}

// watch ends the round when its receiver is interrupted and another one is there: it may be that of before, in
// a new process.
func (s *shipment) watch(ctx context.Context, end context.CancelCauseFunc, to rtcpeer.PeerID) {
	for {
		changed := s.change()
		if s.isSilent(to) && s.candidate() != to {
			end(errSilent)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func (s *shipment) next() *parcel {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.todo) == 0 {
		return nil
	}
	p := s.todo[0]
	s.todo = slices.Delete(s.todo, 0, 1)
	return p
}

// again puts a parcel back.
func (s *shipment) again(p *parcel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.todo = slices.Insert(s.todo, 0, p)
}

// send sends one file, and tells what has become of it. If it is to be sent again, it returns why.
func (s *shipment) send(ctx context.Context, to rtcpeer.PeerID, p *parcel) (passing error) {
	began := time.Now()
	g := s.meter.Add(p.name(), p.size)
	err := s.transfer(ctx, to, p, g)
	g.Over()
	switch {
	case isPassing(err), err != nil && ctx.Err() != nil:
		return err
	case err != nil:
		s.mu.Lock()
		s.failed++
		s.mu.Unlock()
	}
	s.report("sent", g, p.path, to, began, err)
	return nil
}

func (s *shipment) transfer(ctx context.Context, to rtcpeer.PeerID, p *parcel, g *progress.Gauge) error {
	f, err := os.Open(p.path)
	if err != nil {
		return err
	}
	defer f.Close()
	size := p.size
	if info, err := f.Stat(); err == nil && size >= 0 {
		size = info.Size() // it may have grown while it waited
	}
	asked := time.AfterFunc(linklog.AloneAfter, func() { s.console.Say("waiting for peer %d to accept %s", to, p.name()) })
	defer asked.Stop()
	return s.files.Send(ctx, to, transfer.File{Name: p.name(), Size: size, Content: f, Progress: func(n int64) {
		asked.Stop()
		g.Set(n)
	}})
}
