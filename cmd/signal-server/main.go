// Signal-server is a signaling server as one program: rooms in which peers meet before they connect
// to each other. It needs no configuration, no disk and no other service. At / it serves a page that is
// such a peer itself, in folder web: rooms to create and to join, who is connected to whom, a chat. At
// /?connect-timeout=SECONDS its links have that long to open, and not 20 seconds.
//
//	main -> run -> readOptions -> listen -> server.serve until SIGINT or SIGTERM
//
// stdout is for --help and --version; the log goes to stderr, and its first line tells the URL.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const (
	exitOK    = 0
	exitError = 1 // it ran, and something broke
	exitUsage = 2 // it could not start as told
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal stops in order, the second kills
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.LookupEnv))
}

// run is the program. It ends when ctx does, and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, env lookup) int {
	options, done, err := readOptions(args, stdout, env)
	if err != nil {
		fmt.Fprintf(stderr, "signal-server: %v; see signal-server --help\n", err)
		return exitUsage
	}
	if done {
		return exitOK
	}
	s, err := newServer(options, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "signal-server: %v\n", err)
		return exitUsage
	}
	tuneGC(env, options.MaxSessions)
	if err := s.serve(ctx); err != nil {
		fmt.Fprintf(stderr, "signal-server: %v\n", err)
		return exitError
	}
	return exitOK
}
