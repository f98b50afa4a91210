package main

import (
	"context"
	"errors"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// ping is the command of that name: probes to peers, and what became of them.
type ping struct {
	entry
	Peer     int32         `placeholder:"ID" help:"Ping this peer alone (all that are there)."`
	Count    int           `default:"10" placeholder:"N" help:"Pings to send to each peer in each mode (${default})."`
	Interval time.Duration `default:"200ms" placeholder:"TIME" help:"Time between two pings (${default})."`
	Wait     time.Duration `default:"10s" placeholder:"TIME" help:"How long to wait for the peer to come (${default})."`
	JSON     bool          `name:"json" help:"Print one JSON object."`
}

func (*ping) Help() string {
	return `Each rtc-client in the room answers: chat, relay and ping. Without --peer it waits for the first peer to come and pings all that are there then. A packet that has not come back a second after the last ping counts as lost. In a star the packets pass through the host. How the link with each peer goes is told on stderr, and in "path" of --json: the kinds of address at its two ends (host, srflx: as a STUN server sees it, prflx: as the other end sees it, relay: on a TURN server) and the time in which it connected. The exit code is 1 if nothing came back.

Examples:

  rtc-client ping ws://localhost:9080/lobby
  rtc-client ping --peer 1 --count 100 --json ws://localhost:9080/lobby`
}

// Run pings, and prints the figures also when it was interrupted.
func (o *ping) Run(ctx context.Context, c *console) error {
	switch {
	case o.Count < 1 || o.Count > 100_000:
		return usage("--count %d: want 1 to 100000", o.Count)
	case o.Interval <= 0:
		return usage("--interval %v: want a positive time", o.Interval)
	case o.Peer < 0:
		return usage("--peer %d: want the id of a peer", o.Peer)
	}
	node, _, err := o.join(ctx, c, rtcpeer.Config{})
	if err != nil {
		return unlessInterrupted(ctx, err)
	}
	defer node.Close()
	s := survey{node: node, console: c, count: o.Count, interval: o.Interval}
	err = s.meet(ctx, rtcpeer.PeerID(o.Peer), o.Wait)
	if err == nil {
		err = s.run(ctx)
	}
	if s.sent != nil {
		err = errors.Join(err, s.print(o.JSON), s.verdict())
	}
	return unlessInterrupted(ctx, err)
}
