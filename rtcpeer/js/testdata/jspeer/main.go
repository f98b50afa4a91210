// Command jspeer is the Go end of the JavaScript tests: it joins a room and sends each packet back to
// where it came from. It prints "joined ID", "connected ID" and "disconnected ID REASON", and leaves
// when its standard input ends.
//
//	jspeer [-topology mesh|star] ws://host:port/room
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"example.org/rtcpeer/rtcpeer"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "jspeer:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	flags := flag.NewFlagSet("jspeer", flag.ContinueOnError)
	topology := flags.String("topology", "", "of the room")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		io.Copy(io.Discard, stdin)
		cancel()
	}()
	node, err := rtcpeer.Join(ctx, flags.Arg(0), rtcpeer.Config{
		Topology: rtcpeer.Topology(*topology),
		Channels: []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.UnreliableOrdered, rtcpeer.Unreliable},
	})
	if err != nil {
		return err
	}
	defer node.Close()
	fmt.Fprintln(stdout, "joined", node.ID())
	for {
		ev, err := node.Receive(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		switch ev.Kind {
		case rtcpeer.PeerConnected:
			fmt.Fprintln(stdout, "connected", ev.Peer)
		case rtcpeer.PeerDisconnected:
			fmt.Fprintln(stdout, "disconnected", ev.Peer, ev.Reason)
		case rtcpeer.PeerFailed:
			fmt.Fprintln(stdout, "failed", ev.Peer, ev.Err)
		case rtcpeer.PacketReceived:
			// Its source may have gone meanwhile.
			_ = node.Send(ctx, ev.Packet)
		}
	}
}
