// Attack runs attacks that strangers may make on a signaling server at a public address, one after the other.
// It prints what honest members of other addresses observe meanwhile: how long a join and a signal take, and
// whether any of them is refused.
//
//	signal-server --proxy-protocol --trusted-proxy=127.0.0.1 --relay-links \
//	    --turn --turn-address=203.0.113.7 --turn-host=127.0.0.1 &
//	go run ./signaling/attack ws://127.0.0.1:9080
//
// It sends an address for each client in a PROXY header, so that one machine can play many clients. Each attack
// takes as long as --for says, plus some seconds. The exit code is 1 if an honest member was refused or heard
// nothing for ten seconds. Run it only against a server of your own: some attacks fill what the server sets
// aside for one address or network.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"sync"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

const (
	exitOK    = 0
	exitError = 1 // an honest member noticed
	exitUsage = 2
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 3 && args[0] == honestCommand {
		length, err := time.ParseDuration(args[2])
		if err == nil {
			err = beHonest(ctx, &server{url: args[1]}, length, stdout)
		}
		if err != nil {
			fmt.Fprintln(stderr, "attack:", err)
			return exitError
		}
		return exitOK
	}
	flags := flag.NewFlagSet("attack", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "Usage: attack [flags] ws://HOST:PORT\nThe server needs --proxy-protocol, --trusted-proxy of this host, --turn and --relay-links.")
		flags.PrintDefaults()
	}
	length := flags.Duration("for", 5*time.Second, "how long each attack takes")
	only := flags.String("only", "", "play only attacks whose name matches this regular expression")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	which, err := regexp.Compile(*only)
	if err != nil || flags.NArg() != 1 || !strings.HasPrefix(flags.Arg(0), "ws://") {
		flags.Usage()
		return exitUsage
	}
	s := &server{url: strings.TrimSuffix(flags.Arg(0), "/")}
	if err := s.check(ctx); err != nil {
		fmt.Fprintf(stderr, "attack: %s: %v; start it with --proxy-protocol, --trusted-proxy of this host, --turn and --relay-links\n", s.url, err)
		return exitUsage
	}
	fmt.Fprint(stdout, heading)
	code := exitOK
	for i, a := range attacks {
		if !which.MatchString(a.name) {
			continue
		}
		seen, err := s.play(ctx, i, a, *length)
		if err != nil {
			fmt.Fprintf(stderr, "attack: %s: %v\n", a.name, err)
			return exitError
		}
		fmt.Fprintln(stdout, seen.row(a.name))
		for _, why := range seen.Refused {
			fmt.Fprintf(stderr, "attack: %s: an honest member: %v\n", a.name, why)
			code = exitError
		}
	}
	return code
}

// heading begins the table.
const heading = "| attack | honest joins | join p50, p99 | signal p99 | honest refused | attackers refused | server's memory |\n|---|---|---|---|---|---|---|\n"

// play runs an attack while honest members join and leave.
func (s *server) play(ctx context.Context, number int, a attack, length time.Duration) (*sight, error) {
	before, err := s.figures(ctx)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	them := &attackers{server: s, number: number, ctx: limited}
	var wg sync.WaitGroup
	wg.Go(func() { a.run(them) })
	seen, err := watchHonest(ctx, s, length)
	wg.Wait()
	if err != nil {
		return nil, err
	}
	after, err := s.figures(ctx)
	if err != nil {
		return nil, fmt.Errorf("the server does not answer any more: %w", err)
	}
	them.goAway()
	seen.memory = after["process_resident_memory_bytes"]
	for name, n := range after {
		if refusals.MatchString(name) {
			seen.turnedAway += n - before[name]
		}
	}
	return seen, nil
}

// refusals matches the figures that count clients and requests that the server refused, dropped or delayed.
var refusals = regexp.MustCompile(`^signal_server_(refused_total|connections_closed_total|turn_refused_total|dropped_total|throttled_total)`)
