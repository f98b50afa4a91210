// Package chat is the command chat of rtc-client.
package chat

import (
	"context"
	"time"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/entry"
	"example.org/rtcpeer/cmd/rtc-client/internal/format"
	"example.org/rtcpeer/rtcpeer"
)

// Command is chat: it sends the lines of stdin to a room and prints the lines of the room on stdout.
type Command struct {
	entry.Room
	Topology string        `placeholder:"mesh|star" help:"Topology that the room must have, and that a new room gets (any; mesh for a new room)."`
	Name     string        `placeholder:"NAME" help:"Begin each sent line with NAME and a colon."`
	Wait     time.Duration `default:"10s" placeholder:"TIME" help:"How long to wait for a peer to read the last lines after stdin has ended (${default})."`
}

func (*Command) Help() string {
	return `Prints the lines of other members as "<id> text". On stderr it says which peers join, leave and are interrupted. While nobody else is in the room, lines wait for the first peer. Lines to an interrupted peer arrive when it is back. If the peer is lost, they are dropped, and the two connect again as soon as possible. When stdin ends, the chat ends as soon as the peers have acknowledged the last lines.

Examples:

  rtc-client chat --name anna ws://localhost:9080/lobby
  echo hello | rtc-client chat ws://localhost:9080/lobby`
}

// Run chats until stdin ends, ctx is done or the room ends.
func (o *Command) Run(ctx context.Context, c *console.Console) error {
	if o.Topology != "" && o.Topology != string(rtcpeer.Mesh) && o.Topology != string(rtcpeer.Star) {
		return cli.Usagef("--topology %q: want mesh or star", o.Topology)
	}
	node, url, err := o.Join(ctx, c, rtcpeer.Config{Topology: rtcpeer.Topology(o.Topology), Linger: entry.Linger, NeverHost: true})
	if err != nil {
		return cli.UnlessInterrupted(ctx, err)
	}
	defer func() {
		if err := node.Close(); err != nil {
			c.Say("%s", format.Error(err))
		}
	}()
	r := chatRun{node: node, console: c, url: url, name: o.Name, wait: o.Wait, changed: make(chan struct{}, 1)}
	return cli.UnlessInterrupted(ctx, r.run(ctx))
}
