//go:build linux

package lab

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// A gamer is a process in a star that outlives its host. It sends a numbered reliable packet to each other member, 60
// times a second. It prints what happens, each line with the time in ms since 1970:
//
//	T joined ID
//	T connected ID, T disconnected ID REASON
//	T host ID term N missed [IDS]
//	T linked with ID            it reaches this host, or is the host
//	T heard ID in term N        the first packet of a member since it was connected, or since the host changed
//	wrong WHAT                  a packet that is not as it should be
//	time N of ID rtt D offset D once a second, N = 1, 2, ..., of each member whose times are known
//	clock D                     at the end: how far its clock is ahead of the machine's
//	received N                  at the end
//	ended WHY                   the node has ended by itself
type gamer struct {
	node  *rtcpeer.Node
	out   io.Writer
	place string // file of the token with which another gamer takes its place; empty: none

	mu       sync.Mutex // guards the fields below
	next     map[rtcpeer.PeerID]int
	last     map[rtcpeer.PeerID]int
	heard    map[rtcpeer.PeerID]bool
	term     int
	received int
}

const gamerEach = time.Second / 60

func playGame(stdout, stderr io.Writer, args []string) int {
	flags := flag.NewFlagSet("gamer", flag.ExitOnError)
	url := flags.String("url", "", "")
	timeout := flags.Duration("host-timeout", 0, "")
	never := flags.Bool("never-host", false, "")
	place := flags.String("place", "", "")
	_ = flags.Parse(args) // it exits by itself
	token, err := os.ReadFile(*place)
	if err != nil && *place != "" && !errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(stderr, err)
		return 1
	}
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	node, err := rtcpeer.Join(ctx, *url, rtcpeer.Config{
		Topology: rtcpeer.Star, NewRoom: rtcpeer.NewRoom{Migrates: true, HostTimeoutMillis: int(timeout.Milliseconds())},
		Channels: []rtcpeer.Mode{rtcpeer.Reliable}, NeverHost: *never, Resume: string(token),
	})
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	g := &gamer{node: node, out: stdout, place: *place, next: make(map[rtcpeer.PeerID]int), last: make(map[rtcpeer.PeerID]int), heard: make(map[rtcpeer.PeerID]bool), term: node.Term()}
	if err := g.keepPlace(); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	g.say("joined %d", node.ID())
	go g.receiveLoop() // until the node is closed
	g.sendLoop(interrupts)
	g.report()
	if err := node.Close(); err != nil {
		fmt.Fprintln(stderr, err) // others may have left before
	}
	return 0
}

func (g *gamer) keepPlace() error {
	if g.place == "" {
		return nil
	}
	return os.WriteFile(g.place, []byte(g.node.ResumeToken()), 0o600)
}

func (g *gamer) say(format string, args ...any) {
	fmt.Fprintf(g.out, "%d %s\n", time.Now().UnixMilli(), fmt.Sprintf(format, args...))
}

func (g *gamer) sendLoop(interrupts <-chan os.Signal) {
	ticker := time.NewTicker(gamerEach)
	defer ticker.Stop()
	var linked rtcpeer.PeerID // the host that was last reached
	for ticks := 1; ; ticks++ {
		select {
		case <-ticker.C:
		case <-interrupts:
			return
		}
		if host := g.node.Host(); host != linked && g.node.Status() == rtcpeer.ConnectionConnected {
			linked = host
			g.say("linked with %d", host)
		}
		if ticks%60 == 0 {
			g.tellTimes(ticks / 60)
		}
		g.mu.Lock()
		for id, n := range g.next {
			if g.node.TrySend(rtcpeer.Packet{Peer: id, Channel: 1, Data: strconv.AppendInt(nil, int64(n), 10)}) == nil {
				g.next[id] = n + 1
			}
		}
		g.mu.Unlock()
	}
}

func (g *gamer) receiveLoop() {
	for {
		ev, err := g.node.Receive(context.Background())
		if err != nil {
			if !errors.Is(err, rtcpeer.ErrClosed) {
				g.say("ended %v", err)
			}
			return
		}
		g.take(ev)
	}
}

func (g *gamer) take(ev rtcpeer.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch ev.Kind {
	case rtcpeer.PeerConnected:
		g.next[ev.Peer], g.last[ev.Peer], g.heard[ev.Peer] = 1, 0, false
		g.say("connected %d", ev.Peer)
	case rtcpeer.PeerDisconnected:
		delete(g.next, ev.Peer)
		g.say("disconnected %d %v", ev.Peer, ev.Reason)
	case rtcpeer.HostChanged:
		g.term = ev.Host.Term
		clear(g.heard)
		g.say("host %d term %d missed %v", ev.Host.New, ev.Host.Term, ev.Host.Missed)
	case rtcpeer.PacketReceived:
		n, err := strconv.Atoi(string(ev.Packet.Data))
		if err != nil || n <= g.last[ev.Packet.Peer] {
			fmt.Fprintf(g.out, "wrong packet %q of %d after %d\n", ev.Packet.Data, ev.Packet.Peer, g.last[ev.Packet.Peer])
		}
		g.last[ev.Packet.Peer] = n
		g.received++
		if !g.heard[ev.Packet.Peer] {
			g.heard[ev.Packet.Peer] = true
			g.say("heard %d in term %d", ev.Packet.Peer, g.term)
		}
	}
}

func (g *gamer) tellTimes(n int) {
	for _, id := range g.node.Peers() {
		rtt, known := g.node.RTT(id)
		offset, measured := g.node.Offset(id)
		if known && measured {
			fmt.Fprintf(g.out, "time %d of %d rtt %v offset %v\n", n, id, rtt, offset)
		}
	}
}

func (g *gamer) report() {
	now := time.Now()
	fmt.Fprintf(g.out, "clock %v\n", g.node.Now().Sub(now))
	g.mu.Lock()
	defer g.mu.Unlock()
	fmt.Fprintf(g.out, "received %d\n", g.received)
}
