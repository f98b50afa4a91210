package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// A talk is a chat that is in its room. It has three goroutines: listen, speak, and the script that
// reads stdin. A speaker that waits for a slow peer must go on hearing it, or two of them would wait
// for each other for ever.
type talk struct {
	// Fixed at construction.
	node    *rtcpeer.Node
	console *console
	name    string
	wait    time.Duration

	changed chan struct{} // gets a token when somebody comes or goes
}

const (
	// settle is how long the first line waits after somebody has come, for others who are likely to
	// be connecting at the same time.
	settle = 300 * time.Millisecond
	// maxLine is the largest packet of rtcpeer.Config by default, in bytes. Longer lines are cut.
	maxLine = 16 << 10
)

// errSaid is the end of a speaker who has said everything.
var errSaid = errors.New("everything is said")

// run returns when listen or speak has ended, and why that was; the other one ends with it.
func (t *talk) run(ctx context.Context) error {
	ctx, end := context.WithCancelCause(ctx)
	script := startScript(ctx, t.console.in)
	var wg sync.WaitGroup
	wg.Go(func() { end(t.listen(ctx)) })
	wg.Go(func() { end(t.speak(ctx, script)) })
	wg.Wait()
	if err := context.Cause(ctx); err != errSaid {
		return err
	}
	return nil
}

func (t *talk) listen(ctx context.Context) error {
	for {
		ev, err := t.node.Receive(ctx)
		switch {
		case err != nil:
			return err
		case ev.Kind == rtcpeer.PacketReceived:
			err = t.hear(ev.Packet)
		default:
			t.console.tell(ev)
			t.somebodyChanged()
		}
		if err != nil {
			return err
		}
	}
}

func (t *talk) somebodyChanged() {
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// hear prints a packet, each of its lines with the sender, unless it is a probe, or a command that only
// a game understands.
func (t *talk) hear(p rtcpeer.Packet) error {
	if p.Command != rtcpeer.CommandRaw {
		return nil
	}
	if _, mine := answered(p); mine || answer(t.node, p) {
		return nil
	}
	for line := range bytes.Lines(p.Data) {
		text := clean(string(bytes.TrimRight(line, "\r\n")))
		if _, err := fmt.Fprintf(t.console.out, "<%d> %s\n", p.Peer, text); err != nil {
			return err
		}
	}
	return nil
}

// speak sends the lines of the script while somebody is there.
func (t *talk) speak(ctx context.Context, s *script) error {
	t.somebodyChanged() // there may have been somebody before
	err := t.awaitPeers(ctx, s)
	for err == nil {
		select {
		case line, more := <-s.lines:
			if !more {
				return cmp.Or(s.err, errSaid)
			}
			if t.say(ctx, line) != nil {
				<-ctx.Done() // the node has ended; listen tells why, after what had arrived
			}
		case <-t.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
		if len(t.node.Peers()) == 0 {
			err = t.awaitPeers(ctx, s)
		}
	}
	return err
}

// awaitPeers waits until somebody is there and others have had the time to come as well. When the
// script has ended it waits no longer than t.wait, and not at all if nothing is left to say.
func (t *talk) awaitPeers(ctx context.Context, s *script) error {
	var late, settled <-chan time.Time
	ended := s.ended
	for {
		select {
		case <-t.changed:
			settled = nil
			if len(t.node.Peers()) > 0 {
				settled = time.After(settle)
			}
		case <-settled:
			return nil
		case <-ended:
			if len(s.lines) == 0 {
				return cmp.Or(s.err, errSaid)
			}
			ended, late = nil, time.After(t.wait)
		case <-late:
			if len(t.node.Peers()) > 0 {
				return nil
			}
			return fmt.Errorf("nobody came within %v, so nothing was said; --wait is how long to wait", t.wait)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// say sends a line to everybody. A peer that has no room for it holds up the speaker, and with it
// stdin.
func (t *talk) say(ctx context.Context, line []byte) error {
	if t.name != "" {
		line = append([]byte(t.name+": "), line...)
	}
	for piece := range pieces(line, maxLine) {
		err := t.node.Send(ctx, rtcpeer.Packet{Data: piece})
		if full, ok := errors.AsType[*rtcpeer.BroadcastError](err); ok {
			err = t.sendEach(ctx, full.Peers, piece)
		}
		if errors.Is(err, rtcpeer.ErrPacketTooLarge) { // for one that announced a smaller limit
			t.console.say("%s", plain(err))
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *talk) sendEach(ctx context.Context, peers []rtcpeer.PeerID, data []byte) error {
	for _, id := range peers {
		err := t.node.Send(ctx, rtcpeer.Packet{Peer: id, Data: data})
		if err != nil && !errors.Is(err, rtcpeer.ErrUnknownPeer) { // who has gone needs no more of it
			return err
		}
	}
	return nil
}
