package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt kills at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

const (
	exitUsage = 2
	exitError = 1
)

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("arena", flag.ContinueOnError)
	flags.SetOutput(stderr)
	url := flags.String("url", "ws://localhost:9080/arena", "room to play in")
	address := flags.String("page", "", "address to serve the page at; no page if empty")
	key := flags.String("key", "", "key of the site's tokens, the same for server and bots; a new key if empty")
	bots := flags.Int("bots", 0, "number of bots to run instead of the server")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	var err error
	switch {
	case *bots > 0 && *key == "":
		err = errors.New("-bots: needs the -key of the server")
	case *bots > 0:
		err = runBots(ctx, *url, []byte(*key), *bots, rtcpeer.Config{}, stdout)
	default:
		if *key == "" {
			*key = rand.Text()
		}
		err = serve(ctx, *url, *address, []byte(*key), stdin, stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "arena: %v\n", err)
		return exitError
	}
	return 0
}

// serve runs the server, and the page if there is an address for it.
func serve(ctx context.Context, url, address string, key []byte, stdin io.Reader, stdout io.Writer) error {
	s, err := newServer(ctx, url, key, rtcpeer.Config{}, stdout)
	if err != nil {
		return err
	}
	defer s.close()
	if address != "" {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		web := &http.Server{Handler: newSite(key, url), ReadHeaderTimeout: 10 * time.Second}
		var serving sync.WaitGroup
		serving.Go(func() { _ = web.Serve(listener) })
		defer serving.Wait()
		defer web.Close()
		fmt.Fprintf(stdout, "play at http://%s/\n", listener.Addr())
	}
	fmt.Fprintf(stdout, "server of room %s; type \"kick ID\" to remove a player\n", s.node.Room())
	go s.obey(ctx, stdin) // ends with stdin, or the process
	return s.play(ctx)
}

// obey executes the operator's commands.
func (s *server) obey(ctx context.Context, stdin io.Reader) {
	lines := bufio.NewScanner(stdin)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		id, err := strconv.ParseInt(rest, 10, 32)
		if word != "kick" || err != nil {
			fmt.Fprintln(s.out, `unknown command: want "kick ID"`)
			continue
		}
		if err := s.kick(ctx, rtcpeer.PeerID(id), "removed by the operator"); err != nil {
			fmt.Fprintln(s.out, err)
		}
	}
}
