package main

import (
	"context"
	"fmt"
	"time"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling/signalclient"
)

// relay is the command of that name: the host of a star room.
type relay struct {
	entry
	New bool `help:"Make a new room. Its URL is printed on stdout."`
}

func (*relay) Help() string {
	return `The room is a star: its guests have a link with this program alone, which passes their packets on. It runs until it is interrupted, and the room ends with it. Each minute and at the end it prints the figures of the links with the guests that are there on stderr.

Examples:

  rtc-client relay ws://localhost:9080/lobby
  rtc-client relay --new ws://localhost:9080`
}

// figuresEach is the time between two lines of figures.
const figuresEach = time.Minute

// Run hosts the room until ctx ends.
func (r *relay) Run(ctx context.Context, c *console) error {
	_, room, err := signalclient.ParseURL(r.URL)
	switch {
	case err != nil:
		return usageError{err}
	case r.New && room != "":
		return usage("--new: the server chooses the name; leave %q out of the URL, or leave out --new", room)
	}
	node, url, err := r.join(ctx, c, rtcpeer.Config{Topology: rtcpeer.Star})
	if err != nil {
		return unlessInterrupted(ctx, err)
	}
	defer node.Close()
	if node.ID() != node.Host() {
		return fmt.Errorf("room %q has a host already, peer %d: choose another name, or --new", node.Room(), node.Host())
	}
	if room == "" {
		fmt.Fprintln(c.out, url)
	}
	c.say("relaying at %s", url)
	defer func() { c.say("%s", figures(node)) }()
	return unlessInterrupted(ctx, host(ctx, c, node))
}

// host receives, which is all that relaying asks of a program.
func host(ctx context.Context, c *console, node *rtcpeer.Node) error {
	for {
		err := receiveUntil(ctx, node, time.Now().Add(figuresEach), func(ev rtcpeer.Event) bool {
			c.tell(ev)
			answer(node, ev.Packet)
			return false
		})
		if err != nil {
			return err
		}
		c.say("%s", figures(node))
	}
}

// figures tells of the links that are open.
func figures(node *rtcpeer.Node) string {
	stats := node.Stats()
	var in, out, dropped uint64
	for _, l := range stats.Links {
		for _, lane := range l.Lanes {
			in += lane.Received
			out += lane.Sent
		}
	}
	for _, n := range stats.Dropped {
		dropped += n
	}
	return fmt.Sprintf("%s, %d packets from them, %d to them, %d dropped", count(len(stats.Links), "guest"), in, out, dropped)
}
