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
	Peer     int32         `placeholder:"ID" help:"Ping only this peer (all peers in the room)."`
	Count    int           `default:"10" placeholder:"N" help:"Pings to send to each peer in each mode (${default})."`
	Interval time.Duration `default:"200ms" placeholder:"TIME" help:"Time between pings (${default})."`
	Wait     time.Duration `default:"10s" placeholder:"TIME" help:"How long to wait for a peer to join, and at the end for an interrupted one (${default})."`
	JSON     bool          `name:"json" help:"Print one JSON object: room, peers."`
}

func (*Command) Help() string {
	return `Pings peers that run rtc-client, for example chat, relay or ping. Without --peer it waits for the first peer, and pings all peers that are in the room then. In a star the packets pass through the host. The exit code is 1 without an answer.

A ping that is not answered within a second of the last one counts as lost. While a peer is interrupted, unreliable pings are lost, and reliable pings arrive late: at the end an interrupted peer has --wait to come back. While a peer is lost, all pings to it are lost, until it is connected again.

It prints for each peer, as tables or (in brackets) as JSON:

  sent, lost (sent, received)              pings in that mode, and answers
  min, p50, avg, max (rtt_us)              round trips of the answered pings
  interruptions (interruptions)            how often the link was interrupted
  longest (longest_interruption_ms)        the longest one, to half a second
  paths (paths)                            paths that the link has used
  sent again (resent)                      packets sent again on a new path
  round trip (beats.rtt_us)                measured by the beats of the link
  clock (beats.offset_us)                  how far the peer's clock is ahead
  on stderr (path)                         local, remote: the kinds of address
      at the two ends of the link (host; srflx: as a STUN server sees it;
      prflx: as the other end sees it; relay: on a TURN server); connect_ms

Packets to another guest of a star use the link with the host; such a peer has no "path".

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
		return cli.Usagef("--peer %d: want the id of a peer, which is positive", o.Peer)
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
