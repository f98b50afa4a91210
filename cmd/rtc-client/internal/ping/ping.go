// Package ping is the command ping of rtc-client.
package ping

import (
	"context"
	"errors"
	"time"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/entry"
	"example.org/rtcpeer/cmd/rtc-client/internal/linklog"
	"example.org/rtcpeer/rtcpeer"
)

// Command is ping: it sends probes to the peers of a room and reports the answers.
type Command struct {
	entry.Room
	Peer     int32         `placeholder:"ID" help:"Ping this peer alone (all that are there)."`
	Count    int           `default:"10" placeholder:"N" help:"Pings to send to each peer in each mode (${default})."`
	Interval time.Duration `default:"200ms" placeholder:"TIME" help:"Time between two pings (${default})."`
	Wait     time.Duration `default:"10s" placeholder:"TIME" help:"How long to wait for the peer to come, and at the end for one that is interrupted (${default})."`
	JSON     bool          `name:"json" help:"Print one JSON object: room, peers."`
}

func (*Command) Help() string {
	return `Each rtc-client in the room answers: chat, relay and ping. Without --peer it waits for the first peer to come and pings all that are there then. In a star the packets pass through the host. The exit code is 1 if nothing came back.

A ping that has not come back a second after the last one counts as lost. While a peer is interrupted, unreliable pings to it are lost, and reliable ones arrive late: at the end it has until --wait to come back. While it is lost all are, until it is connected again.

What it prints of each peer, as tables or (in brackets) as JSON:

  sent, lost (sent, received)              pings in that mode, and answers
  min, p50, avg, max (rtt_us)              round trips of those that came back
  interruptions (interruptions)            times that nothing was heard of it
  longest (longest_interruption_ms)        of these, to half a second
  paths (paths)                            connections that its link went over
  sent again (resent)                      packets, because a path had failed
  round trip (beats.rtt_us)                by the beats of the links
  clock (beats.offset_us)                  how far its clock is ahead of ours
  on stderr (path)                         local, remote: the kinds of address
      at the two ends of the link (host; srflx: as a STUN server sees it;
      prflx: as the other end sees it; relay: on a TURN server); connect_ms

The link of a peer behind a star's host is that with the host, and it has no "path".

Examples:

  rtc-client ping ws://localhost:9080/lobby
  rtc-client ping --peer 1 --count 100 --json ws://localhost:9080/lobby`
}

// Run sends the pings. It prints the figures even when it was interrupted.
func (o *Command) Run(ctx context.Context, c *console.Console) error {
	switch {
	case o.Count < 1 || o.Count > 100_000:
		return cli.Usagef("--count %d: want 1 to 100000", o.Count)
	case o.Interval <= 0:
		return cli.Usagef("--interval %v: want a positive time", o.Interval)
	case o.Peer < 0:
		return cli.Usagef("--peer %d: want the id of a peer", o.Peer)
	}
	node, url, err := o.Join(ctx, c, rtcpeer.Config{NeverHost: true})
	if err != nil {
		return cli.UnlessInterrupted(ctx, err)
	}
	defer node.Close()
	r := pingRun{
		node: node, console: c, url: url, count: o.Count, interval: o.Interval, wait: o.Wait,
		links: linklog.New(c, node, "reliable pings wait, others are lost"),
	}
	err = r.meet(ctx, rtcpeer.PeerID(o.Peer))
	if err == nil {
		err = r.run(ctx)
	}
	if r.sent != nil {
		err = errors.Join(err, r.print(o.JSON), r.verdict())
	}
	return cli.UnlessInterrupted(ctx, err)
}
