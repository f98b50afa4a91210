//go:build !js

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt kills at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

const (
	exitUsage = 2
	exitError = 1
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("dots", flag.ContinueOnError)
	flags.SetOutput(stderr)
	url := flags.String("url", "ws://localhost:9080/dots", "room to play in")
	address := flags.String("page", "", "address to serve the page at; no page if empty")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if err := start(ctx, *url, *address, stdout); err != nil {
		fmt.Fprintf(stderr, "dots: %v\n", err)
		return exitError
	}
	return 0
}

func start(ctx context.Context, url, address string, stdout io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	node, err := rtcpeer.Join(ctx, url, inRoom())
	if err != nil {
		return err
	}
	defer node.Close()
	if address != "" {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		page, err := servePage(listener, url)
		if err != nil {
			return err
		}
		defer page()
		fmt.Fprintf(stdout, "play at http://%s/\n", listener.Addr())
	}
	fmt.Fprintf(stdout, "bot %d in room %s\n", node.ID(), node.Room())
	return newGame(node).play(ctx, &bot{out: stdout, last: time.Now()})
}
