package chat

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

// A chatRun is a chat that has joined its room. It has three goroutines: listen, speak, and the one that reads
// stdin. listen and speak are separate so that the node keeps receiving while a send waits for a slow peer;
// otherwise two chats could wait for each other forever.
type chatRun struct {
	// Fixed at construction.
	node    *rtcpeer.Node
	console *console.Console
	url     string // the room's URL, which others can join
	name    string
	wait    time.Duration

	changed chan struct{} // gets a token when somebody comes, goes, or is interrupted or back

	// Owned by speak.
	toldAlone bool // said once that nobody is there
	said      bool // sent at least one line
}

// maxLine is the largest packet of rtcpeer.Config by default, in bytes. Longer lines are cut.
const maxLine = 16 << 10

// errSaid is what speak returns when it has sent all of stdin.
var errSaid = errors.New("everything was sent")

// run returns when listen or speak has ended, with the reason. Ending one ends the other.
func (r *chatRun) run(ctx context.Context) error {
	ctx, end := context.WithCancelCause(ctx)
	lines := console.ReadLines(ctx, r.console.In)
	var wg sync.WaitGroup
	wg.Go(func() { end(r.listen(ctx)) })
	wg.Go(func() { end(r.speak(ctx, lines)) })
	wg.Wait()
	if err := context.Cause(ctx); err != errSaid {
		return err
	}
	return nil
}

func (r *chatRun) listen(ctx context.Context) error {
	links := linklog.New(r.console, r.node, "new lines to it wait")
	for {
		ev, err := r.node.Receive(ctx)
		switch {
		case err != nil:
			return err
		case ev.Kind == rtcpeer.PacketReceived:
			err = r.hear(ev.Packet)
		default:
			links.Take(ev)
			r.somebodyChanged()
		}
		if err != nil {
			return err
		}
	}
}

func (r *chatRun) somebodyChanged() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// hear prints each line of a packet with its sender. It skips probes, and commands that only a game
// understands.
func (r *chatRun) hear(p rtcpeer.Packet) error {
	if p.Command != rtcpeer.CommandRaw {
		return nil
	}
	if _, mine := probe.Number(p); mine || probe.Answer(r.node, p) {
		return nil
	}
	for line := range bytes.Lines(p.Data) {
		text := format.Clean(string(bytes.TrimRight(line, "\r\n")))
		if _, err := fmt.Fprintf(r.console.Out, "<%d> %s\n", p.Peer, text); err != nil {
			return err
		}
	}
	return nil
}

// speak sends the lines of stdin. It waits whenever no peer is connected.
func (r *chatRun) speak(ctx context.Context, in *console.Lines) error {
	r.somebodyChanged() // somebody may have been there before speak started
	err := r.awaitPeers(ctx, in, false)
	for err == nil {
		select {
		case line, more := <-in.C:
			if !more {
				r.awaitInterrupted(ctx)
				return cmp.Or(in.Err, errSaid)
			}
			err = r.say(ctx, in, line)
		case <-r.changed:
			if len(r.node.Peers()) == 0 {
				err = r.awaitPeers(ctx, in, false)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

// awaitPeers waits until a peer is connected and other peers have had time to connect too. Once stdin has ended
// it waits at most r.wait, and it returns at once if nothing is left to send: no line of stdin, and no line
// that the caller holds.
func (r *chatRun) awaitPeers(ctx context.Context, in *console.Lines, holds bool) error {
	var late, settled, lonely <-chan time.Time
	if !r.toldAlone {
		lonely = time.After(linklog.AloneAfter)
	}
	ended := in.Ended
	for {
		select {
		case <-r.changed:
			settled = nil
			if len(r.node.Peers()) > 0 {
				settled, lonely, r.toldAlone = time.After(linklog.Settle), nil, true // from now on events say enough
			}
		case <-settled:
			return nil
		case <-lonely:
			r.toldAlone, lonely = true, nil
			r.console.Say("%s", linklog.Alone(r.node, "rtc-client chat "+r.url))
		case <-ended:
			if len(in.C) == 0 && !holds {
				return cmp.Or(in.Err, errSaid)
			}
			ended, late = nil, time.After(r.wait)
		case <-late:
			if len(r.node.Peers()) > 0 {
				return nil
			}
			return r.nobody()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *chatRun) nobody() error {
	if r.said {
		return fmt.Errorf("no peer was connected within %v, so the last lines were not sent: give it more time with --wait", r.wait)
	}
	return fmt.Errorf("no peer connected within %v, so nothing was sent: give it more time with --wait", r.wait)
}

// awaitInterrupted waits until no link is interrupted, so that the last lines arrive. It must run before Close
// because a closing node does not look for other paths.
func (r *chatRun) awaitInterrupted(ctx context.Context) {
	late := time.After(entry.Linger)
	for {
		ids := r.interrupted()
		if len(ids) == 0 {
			return
		}
		select {
		case <-r.changed:
		case <-late:
			for _, id := range ids {
				r.console.Say("peer %d is still interrupted: it may not get the last lines", id)
			}
			return
		case <-ctx.Done():
			return
		}
	}
}

func (r *chatRun) interrupted() (ids []rtcpeer.PeerID) {
	for id, l := range r.node.Stats().Links {
		if l.Interrupted {
			ids = append(ids, id)
		}
	}
	return ids
}

// say sends a line to everybody, and waits for somebody if nobody is there.
func (r *chatRun) say(ctx context.Context, in *console.Lines, line []byte) error {
	if r.name != "" {
		line = append([]byte(r.name+": "), line...)
	}
	for piece := range pieces(line, maxLine) {
		if err := r.sayPiece(ctx, in, piece); err != nil {
			return err
		}
		r.said = true
	}
	return nil
}

func (r *chatRun) sayPiece(ctx context.Context, in *console.Lines, piece []byte) error {
	for {
		if len(r.node.Peers()) == 0 {
			if err := r.awaitPeers(ctx, in, true); err != nil {
				return err
			}
		}
		switch err := r.send(ctx, piece); {
		case err == nil:
			return nil
		case !errors.Is(err, rtcpeer.ErrUnknownPeer):
			<-ctx.Done() // the node has ended; listen returns the reason once it has printed what had arrived
			return ctx.Err()
		}
		select { // the last peer was lost; its event is about to arrive
		case <-r.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// send sends a packet to every connected peer. A peer whose buffer is full delays the speaker, and with it
// stdin, but not the other peers. send returns ErrUnknownPeer if nobody was there; a broadcast alone would not
// report that.
func (r *chatRun) send(ctx context.Context, data []byte) error {
	to := r.node.Peers()
	if r.node.Relays() && r.node.ID() != r.node.Host() {
		to = []rtcpeer.PeerID{rtcpeer.Broadcast} // over the one link with the host
	}
	var full []rtcpeer.PeerID
	err := rtcpeer.ErrUnknownPeer
	sent := func(one error) {
		switch {
		case errors.Is(one, rtcpeer.ErrPacketTooLarge): // the peer announced a smaller limit
			r.console.Say("%s", format.Error(one))
			err = nil
		case !errors.Is(one, rtcpeer.ErrUnknownPeer): // a peer that has left does not need it
			err = one
		}
	}
	for _, id := range to {
		if one := r.node.TrySend(rtcpeer.Packet{Peer: id, Data: data}); one == rtcpeer.ErrBufferFull {
			full = append(full, id)
		} else {
			sent(one)
		}
	}
	for _, id := range full {
		sent(r.node.Send(ctx, rtcpeer.Packet{Peer: id, Data: data}))
	}
	return err
}
