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
	Topology string        `placeholder:"mesh|star" help:"Topology that the room must have, and that a new one gets (the room's; mesh if new)."`
	Name     string        `placeholder:"NAME" help:"Put NAME and a colon before each line sent."`
	Wait     time.Duration `default:"10s" placeholder:"TIME" help:"How long the last lines wait for somebody to hear them when stdin has ended (${default})."`
}

func (*Command) Help() string {
	return `Prints the lines of others as "<id> text", and on stderr who comes, goes, and is interrupted. Lines that nobody is there to hear wait for the first peer. What is said to a peer that is interrupted arrives when it is back; if it is lost before, that is dropped, and the two connect again as soon as they can. The end of stdin is the end of the chat, as soon as what was said is acknowledged.

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
