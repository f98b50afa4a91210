//go:build linux

package lab

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// A recorder is a member that sends numbered packets to all others, all the time and in all modes, and
// writes down what it receives and when. It is a program of its own, a role of the test binary:
//
//	stdout: joined 1234   it is in the room, with that id
//	        linked        all others have been connected
//	SIGUSR1               the fault is over
//	        whole         and since then packets have come from all others, in each mode, and the signaling
//	                      server is there
//	SIGINT                it stops sending and waits for the others' last packets
//	        recorded      its record is in the file; a second SIGINT ends it
type recorder struct {
	// Fixed at construction.
	node    *rtcpeer.Node
	members int
	out     io.Writer
	err     io.Writer

	mu      sync.Mutex // guards the fields below
	record  record
	peers   map[rtcpeer.PeerID]*counterpart
	turn    int             // counts the rounds of packets
	linked  bool            // has been said
	mark    time.Time       // of SIGUSR1
	heard   map[stream]bool // something has come that was sent after the mark; nil: no mark yet
	alone   bool            // without the signaling server
	drained chan struct{}   // closed when the last packets of all others are there; nil then
}

// A counterpart is one of the others, as a recorder knows it.
type counterpart struct {
	sent
	finished bool // its last packet is there
}

// A stream is what comes from one peer in one mode.
type stream struct {
	from rtcpeer.PeerID
	mode rtcpeer.Mode
}

const (
	// sendInterval is short enough to see a pause, and long enough for some dozens of recorders on two
	// processors.
	sendInterval = 20 * time.Millisecond
	// drainTime is how long a recorder waits for the last packets of the others.
	drainTime = 5 * time.Second
)

// recordAll is the process of a recorder.
func recordAll(stdout, stderr io.Writer, args []string) int {
	flags := flag.NewFlagSet("recorder", flag.ExitOnError)
	url := flags.String("url", "", "")
	topology := flags.String("topology", "", "")
	members := flags.Int("members", 0, "")
	relayOnly := flags.Bool("relay-only", false, "")
	above := flags.Int("above", 0, "") // ids that it may have
	below := flags.Int("below", math.MaxInt, "")
	path := flags.String("record", "", "")
	_ = flags.Parse(args) // it exits by itself
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGUSR1, os.Interrupt)

	config := rtcpeer.Config{Topology: rtcpeer.Topology(*topology), Log: slog.New(slog.NewTextHandler(stderr, nil))}
	config.WebRTC.RelayOnly = *relayOnly
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	node, err := joinBetween(ctx, *url, config, *above, *below)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	fmt.Fprintln(stdout, "joined", node.ID())
	r := &recorder{
		node: node, members: *members, out: stdout, err: stderr,
		record: record{ID: node.ID(), Refused: make(map[string]int)},
		peers:  make(map[rtcpeer.PeerID]*counterpart), drained: make(chan struct{}),
	}
	go r.receiveLoop() // until the node is closed
	r.sendLoop(signals)
	if err := r.finish(*path); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	fmt.Fprintln(stdout, "recorded")
	<-signals
	if err := node.Close(); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

// joinBetween joins until it has an id between the two: the server gives them at random.
func joinBetween(ctx context.Context, url string, config rtcpeer.Config, above, below int) (*rtcpeer.Node, error) {
	for {
		node, err := rtcpeer.Join(ctx, url, config)
		if err != nil || int(node.ID()) > above && int(node.ID()) < below {
			return node, err
		}
		if err := node.Close(); err != nil {
			return nil, err
		}
	}
}

// sendLoop returns when the program is interrupted.
func (r *recorder) sendLoop(signals <-chan os.Signal) {
	ticker := time.NewTicker(sendInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			for _, mode := range []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.UnreliableOrdered, rtcpeer.Unreliable} {
				r.send(mode, false)
			}
		case s := <-signals:
			if s == os.Interrupt {
				return
			}
			r.setMark()
		}
	}
}

// send sends a packet to each connected peer: a broadcast or one to each, by turns.
func (r *recorder) send(mode rtcpeer.Mode, last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := numbered{sentAt: time.Now(), last: last}
	for id, p := range r.peers {
		if p.Connected {
			n.entries = append(n.entries, entry{id, p.Epoch, p.Last[mode] + 1})
		}
	}
	if len(n.entries) == 0 {
		return
	}
	r.turn++
	if r.turn%2 == 0 {
		r.sendTo(rtcpeer.Broadcast, mode, n)
		return
	}
	for _, e := range n.entries {
		r.sendTo(e.To, mode, numbered{n.sentAt, n.last, []entry{e}})
	}
}

// sendTo sends a packet. The numbers of the peers that it is not sent to are for the next one.
func (r *recorder) sendTo(target rtcpeer.PeerID, mode rtcpeer.Mode, n numbered) {
	err := r.node.TrySend(rtcpeer.Packet{Peer: target, Mode: mode, Data: n.encode()})
	var partly *rtcpeer.BroadcastError
	if err != nil {
		r.record.Refused[err.Error()]++
		if !errors.As(err, &partly) {
			return
		}
	}
	for _, e := range n.entries {
		if partly == nil || !slices.Contains(partly.Peers, e.To) {
			r.peers[e.To].Last[mode] = e.Number
		}
	}
}

func (r *recorder) receiveLoop() {
	for {
		ev, err := r.node.Receive(context.Background())
		now := time.Now()
		r.mu.Lock()
		if err != nil {
			r.happened(happening{At: now, Error: err.Error()})
			r.mu.Unlock()
			return
		}
		if ev.Kind == rtcpeer.PacketReceived {
			r.arrived(ev.Packet, now)
		} else {
			r.told(ev, now)
		}
		r.mu.Unlock()
	}
}

// told takes an event that is not a packet.
func (r *recorder) told(ev rtcpeer.Event, now time.Time) {
	h := happening{At: now, Kind: ev.Kind, Peer: ev.Peer, Reason: ev.Reason}
	if ev.Err != nil {
		h.Error = ev.Err.Error()
	}
	r.happened(h)
	switch ev.Kind {
	case rtcpeer.PeerConnected:
		p := r.peers[ev.Peer]
		if p == nil {
			p = &counterpart{sent: sent{To: ev.Peer}}
			r.peers[ev.Peer] = p
		}
		p.Connected, p.finished = true, false
		p.Epoch++
		p.Last = [modes]uint32{}
	case rtcpeer.PeerDisconnected:
		r.peers[ev.Peer].Connected = false
	case rtcpeer.SignalingLost:
		r.alone = true
	case rtcpeer.SignalingResumed:
		r.alone = false
		r.checkWhole()
	}
	connected := 0
	for _, p := range r.peers {
		if p.Connected {
			connected++
		}
	}
	if connected == r.members-1 && !r.linked {
		r.linked = true
		fmt.Fprintln(r.out, "linked")
	}
}

// happened writes down what happened, and tells it to who reads the log.
func (r *recorder) happened(h happening) {
	r.record.Events = append(r.record.Events, h)
	fmt.Fprintf(r.err, "%s %v %d %s\n", h.At.Format("15:04:05.000"), h, h.Peer, h.Error)
}

func (r *recorder) arrived(p rtcpeer.Packet, now time.Time) {
	n, err := decodeNumbered(p.Data)
	if err != nil {
		r.happened(happening{At: now, Error: err.Error()})
		return
	}
	from := r.peers[p.Peer] // its PeerConnected comes first
	for _, e := range n.entries {
		if e.To == r.record.ID {
			r.record.Arrivals = append(r.record.Arrivals, arrival{p.Peer, p.Mode, from.Epoch, e.Epoch, e.Number, n.sentAt, now})
		}
	}
	from.finished = from.finished || n.last
	if s := (stream{p.Peer, p.Mode}); r.heard != nil && !r.heard[s] && n.sentAt.After(r.mark) {
		r.heard[s] = true
		r.checkWhole()
	}
	r.checkDrained()
}

func (r *recorder) setMark() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mark = time.Now()
	r.heard = make(map[stream]bool)
}

// checkWhole says so, perhaps more than once.
func (r *recorder) checkWhole() {
	if len(r.heard) == (r.members-1)*modes && !r.alone {
		fmt.Fprintln(r.out, "whole")
	}
}

// checkDrained notes that all has come of those that are connected, after the own last packet.
func (r *recorder) checkDrained() {
	if r.drained == nil || r.record.Stopped.IsZero() {
		return
	}
	for _, p := range r.peers {
		if p.Connected && !p.finished {
			return
		}
	}
	close(r.drained)
	r.drained = nil
}

// finish sends the last packets, waits for those of the others, and writes the record.
func (r *recorder) finish(path string) error {
	r.send(rtcpeer.Reliable, true)
	r.mu.Lock()
	r.record.Stopped = time.Now()
	drained := r.drained
	r.checkDrained()
	r.mu.Unlock()
	select {
	case <-drained:
	case <-time.After(drainTime):
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.peers {
		r.record.Sent = append(r.record.Sent, p.sent)
	}
	return r.record.write(path)
}
