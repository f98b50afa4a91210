// Package files is the commands send and receive of rtc-client.
//
//	Send    -> sendRun    -> exchange -> transfer.Files, the node of the room
//	Receive -> receiveRun -> exchange
package files

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/entry"
	"example.org/rtcpeer/cmd/rtc-client/internal/format"
	"example.org/rtcpeer/cmd/rtc-client/internal/linklog"
	"example.org/rtcpeer/cmd/rtc-client/internal/probe"
	"example.org/rtcpeer/cmd/rtc-client/internal/progress"
	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transfer"
)

// An exchange is a node in a room that can transfer files. It is the common part of sendRun and receiveRun.
// listen, which has a goroutine of its own, receives the node's events.
type exchange struct {
	// Fixed at construction.
	node    *rtcpeer.Node
	files   *transfer.Files
	console *console.Console
	meter   *progress.Meter
	url     string // the room's URL, which others can join
	json    bool

	peersMu sync.Mutex // guards the fields below
	silent  map[rtcpeer.PeerID]bool
	changed chan struct{} // closed when a peer comes, goes, or is interrupted or back, and by notify
}

// newExchange enters the room. The caller must close the exchange.
func newExchange(ctx context.Context, room *entry.Room, c *console.Console, asJSON, sendOnly bool) (*exchange, error) {
	if len(room.Channels) == 0 {
		room.Channels = []string{rtcpeer.Reliable.String()}
	}
	channel := slices.Index(room.Channels, rtcpeer.Reliable.String()) + 1
	if channel == 0 {
		return nil, cli.Usagef("--channels: files need a reliable channel")
	}
	m := progress.NewMeter(c)
	c = &console.Console{In: c.In, Out: c.Out, Err: m}
	config := rtcpeer.Config{Linger: entry.Linger, NeverHost: true} // a receiver ends by confirming the file
	if sendOnly {
		config.Linger = 0 // the default: a sender is done when it has received that message
	}
	node, url, err := room.Join(ctx, c, config)
	if err != nil {
		return nil, err
	}
	files, err := transfer.New(node, channel, transfer.Config{SendOnly: sendOnly})
	if err != nil {
		node.Close()
		return nil, err
	}
	return &exchange{
		node: node, files: files, console: c, meter: m, url: url, json: asJSON,
		silent: make(map[rtcpeer.PeerID]bool), changed: make(chan struct{}),
	}, nil
}

func (x *exchange) close() {
	x.files.Close()
	x.node.Close()
}

// listen handles the node's events until there are no more.
func (x *exchange) listen(ctx context.Context) error {
	links := linklog.New(x.console, x.node, "files wait")
	for {
		ev, err := x.node.Receive(ctx)
		switch {
		case err != nil:
			return err
		case x.files.Handle(ev):
		case ev.Kind == rtcpeer.PacketReceived:
			probe.Answer(x.node, ev.Packet)
		default:
			links.Take(ev)
			x.note(ev)
		}
	}
}

func (x *exchange) note(ev rtcpeer.Event) {
	x.peersMu.Lock()
	if ev.Kind == rtcpeer.PeerInterrupted {
		x.silent[ev.Peer] = true
	} else {
		delete(x.silent, ev.Peer)
	}
	x.peersMu.Unlock()
	x.notify()
}

// notify wakes all goroutines that wait for a change.
func (x *exchange) notify() {
	x.peersMu.Lock()
	defer x.peersMu.Unlock()
	close(x.changed)
	x.changed = make(chan struct{})
}

// change returns a channel that is closed at the next change.
func (x *exchange) change() <-chan struct{} {
	x.peersMu.Lock()
	defer x.peersMu.Unlock()
	return x.changed
}

func (x *exchange) isSilent(id rtcpeer.PeerID) bool {
	x.peersMu.Lock()
	defer x.peersMu.Unlock()
	return x.silent[id]
}

func (x *exchange) isConnected(id rtcpeer.PeerID) bool { return slices.Contains(x.node.Peers(), id) }

// A fileReport is the outcome of one file: an object of --json.
type fileReport struct {
	File    string         `json:"file"`
	Peer    rtcpeer.PeerID `json:"peer"`
	Bytes   int64          `json:"bytes"`
	Resumed int64          `json:"resumed_from"` // bytes that were already there
	MS      float64        `json:"ms"`
	Error   string         `json:"error,omitempty"`

	took time.Duration
}

// report prints the outcome of a file whose transfer began at began.
func (x *exchange) report(did string, g *progress.Gauge, file string, peer rtcpeer.PeerID, began time.Time, err error) {
	r := fileReport{File: file, Peer: peer, Bytes: g.Done(), Resumed: g.Before(), took: time.Since(began)}
	r.MS = format.Milliseconds(r.took)
	if err != nil {
		r.Error = format.Error(err)
		x.console.Say("%s", r.Error)
	} else {
		x.console.Say("%s", r.says(did))
	}
	if x.json {
		_ = json.NewEncoder(x.console.Out).Encode(r)
	}
}

func (r fileReport) says(did string) string {
	text := fmt.Sprintf("%s %s: %s in %s", did, r.File, format.Bytes(uint64(r.Bytes)), format.Duration(r.took))
	if r.Resumed > 0 {
		return fmt.Sprintf("%s, of which %s had arrived before", text, format.Bytes(uint64(r.Resumed)))
	}
	return text
}
