package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/entry"
	"example.org/rtcpeer/cmd/rtc-client/internal/format"
	"example.org/rtcpeer/cmd/rtc-client/internal/linklog"
	"example.org/rtcpeer/cmd/rtc-client/internal/probe"
	"example.org/rtcpeer/rtcpeer"
)

// A talk is a chat that is in its room. It has three goroutines: listen, speak, and the script that
// reads stdin. A speaker that waits for a slow peer must go on hearing it, or two of them would wait
// for each other for ever.
type talk struct {
	// Fixed at construction.
	node    *rtcpeer.Node
	console *console.Console
	url     string // at which others join
	name    string
	wait    time.Duration

	changed chan struct{} // gets a token when somebody comes, goes, or is interrupted or back

	// Owned by speak.
	toldAlone bool // that nobody is there
	said      bool // something
}

const (

	// maxLine is the largest packet of rtcpeer.Config by default, in bytes. Longer lines are cut.
	maxLine = 16 << 10
)

// errSaid is the end of a speaker who has said everything.
var errSaid = errors.New("everything is said")

// run returns when listen or speak has ended, and why that was; the other one ends with it.
func (t *talk) run(ctx context.Context) error {
	ctx, end := context.WithCancelCause(ctx)
	script := console.ReadLines(ctx, t.console.In)
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
	links := linklog.New(t.console, t.node, "what is said now waits")
	for {
		ev, err := t.node.Receive(ctx)
		switch {
		case err != nil:
			return err
		case ev.Kind == rtcpeer.PacketReceived:
			err = t.hear(ev.Packet)
		default:
			links.Take(ev)
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
	if _, mine := probe.Number(p); mine || probe.Answer(t.node, p) {
		return nil
	}
	for line := range bytes.Lines(p.Data) {
		text := format.Clean(string(bytes.TrimRight(line, "\r\n")))
		if _, err := fmt.Fprintf(t.console.Out, "<%d> %s\n", p.Peer, text); err != nil {
			return err
		}
	}
	return nil
}

// speak sends the lines of the script while somebody is there.
func (t *talk) speak(ctx context.Context, s *console.Lines) error {
	t.somebodyChanged() // there may have been somebody before
	err := t.awaitPeers(ctx, s, false)
	for err == nil {
		select {
		case line, more := <-s.C:
			if !more {
				t.awaitInterrupted(ctx)
				return cmp.Or(s.Err, errSaid)
			}
			err = t.say(ctx, s, line)
		case <-t.changed:
			if len(t.node.Peers()) == 0 {
				err = t.awaitPeers(ctx, s, false)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

// awaitPeers waits until somebody is there and others have had the time to come as well. When the
// script has ended it waits no longer than t.wait, and not at all if nothing is left to say: no line of
// the script, and none that the speaker holds.
func (t *talk) awaitPeers(ctx context.Context, s *console.Lines, holds bool) error {
	var late, settled, lonely <-chan time.Time
	if !t.toldAlone {
		lonely = time.After(linklog.AloneAfter)
	}
	ended := s.Ended
	for {
		select {
		case <-t.changed:
			settled = nil
			if len(t.node.Peers()) > 0 {
				settled, lonely, t.toldAlone = time.After(linklog.Settle), nil, true // from now on events tell enough
			}
		case <-settled:
			return nil
		case <-lonely:
			t.toldAlone, lonely = true, nil
			t.console.Say("%s", linklog.Alone(t.node, "rtc-client chat "+t.url))
		case <-ended:
			if len(s.C) == 0 && !holds {
				return cmp.Or(s.Err, errSaid)
			}
			ended, late = nil, time.After(t.wait)
		case <-late:
			if len(t.node.Peers()) > 0 {
				return nil
			}
			return t.nobody()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (t *talk) nobody() error {
	if t.said {
		return fmt.Errorf("nobody was there within %v, so the last lines were not said; --wait is how long to wait", t.wait)
	}
	return fmt.Errorf("nobody came within %v, so nothing was said; --wait is how long to wait", t.wait)
}

// awaitInterrupted waits until nobody is interrupted any more, so that the last lines arrive: a node
// that is being closed does not look for other paths.
func (t *talk) awaitInterrupted(ctx context.Context) {
	late := time.After(entry.Linger)
	for {
		ids := t.interrupted()
		if len(ids) == 0 {
			return
		}
		select {
		case <-t.changed:
		case <-late:
			for _, id := range ids {
				t.console.Say("peer %d is still interrupted: the last lines may not arrive there", id)
			}
			return
		case <-ctx.Done():
			return
		}
	}
}

func (t *talk) interrupted() (ids []rtcpeer.PeerID) {
	for id, l := range t.node.Stats().Links {
		if l.Interrupted {
			ids = append(ids, id)
		}
	}
	return ids
}

// say sends a line to everybody, and waits for somebody if nobody is there.
func (t *talk) say(ctx context.Context, s *console.Lines, line []byte) error {
	if t.name != "" {
		line = append([]byte(t.name+": "), line...)
	}
	for piece := range pieces(line, maxLine) {
		if err := t.sayPiece(ctx, s, piece); err != nil {
			return err
		}
		t.said = true
	}
	return nil
}

func (t *talk) sayPiece(ctx context.Context, s *console.Lines, piece []byte) error {
	for {
		if len(t.node.Peers()) == 0 {
			if err := t.awaitPeers(ctx, s, true); err != nil {
				return err
			}
		}
		switch err := t.send(ctx, piece); {
		case err == nil:
			return nil
		case !errors.Is(err, rtcpeer.ErrUnknownPeer):
			<-ctx.Done() // the node has ended; listen tells why, after what had arrived
			return ctx.Err()
		}
		select { // the last one was lost, as its event is about to tell
		case <-t.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// send sends a packet to everybody who is there. A peer that has no room for it holds up the speaker, and
// with it stdin, but not the other peers. If nobody was there, which a broadcast would not tell, it returns
// ErrUnknownPeer.
func (t *talk) send(ctx context.Context, data []byte) error {
	to := t.node.Peers()
	if t.node.Relays() && t.node.ID() != t.node.Host() {
		to = []rtcpeer.PeerID{rtcpeer.Broadcast} // over the one link with the host
	}
	var full []rtcpeer.PeerID
	err := rtcpeer.ErrUnknownPeer
	sent := func(one error) {
		switch {
		case errors.Is(one, rtcpeer.ErrPacketTooLarge): // for one that announced a smaller limit
			t.console.Say("%s", format.Error(one))
			err = nil
		case !errors.Is(one, rtcpeer.ErrUnknownPeer): // who has gone needs no more of it
			err = one
		}
	}
	for _, id := range to {
		if one := t.node.TrySend(rtcpeer.Packet{Peer: id, Data: data}); one == rtcpeer.ErrBufferFull {
			full = append(full, id)
		} else {
			sent(one)
		}
	}
	for _, id := range full {
		sent(t.node.Send(ctx, rtcpeer.Packet{Peer: id, Data: data}))
	}
	return err
}
