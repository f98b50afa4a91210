// Package demo is the command demo of rtc-client.
package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/rtcpeer"
)

// Command is demo: a signaling server and several peers in one process.
type Command struct {
	Peers    int           `default:"4" placeholder:"N" help:"Peers to connect, 2 to 128 (${default})."`
	Topology string        `default:"mesh" enum:"mesh,star" placeholder:"mesh|star" help:"mesh: a link for each pair of peers; star: all links to the first peer, which relays (${default})."`
	Packets  int           `default:"3" placeholder:"N" help:"Packets that each peer sends to each other peer in each mode, 1 to 1000 (${default})."`
	Timeout  time.Duration `default:"30s" placeholder:"TIME" help:"Time limit for the whole demo (${default})."`
	JSON     bool          `name:"json" help:"Print one JSON object."`
}

func (*Command) Help() string {
	return `Starts a signaling server on a free port of 127.0.0.1, and joins a room with every peer, all over the loopback interface. Each peer sends packets to each other peer in each mode. The exit code is 0 if every packet arrived.

It prints for each peer, as a table or (in brackets) as JSON:

  connected (connect_ms)  time from its Join until all peers are connected
  round trip (rtt_us)     median of echoes from all other peers, one at a time
  received (received)     packets of the others: (peers-1) x packets a mode

Examples:

  rtc-client demo
  rtc-client demo --peers 16 --topology star --json`
}

// demoProgress is the number of peers from which a progress bar is shown on a terminal.
const demoProgress = 16

// Run prints the report even when the demo has failed.
func (d *Command) Run(ctx context.Context, c *console.Console) error {
	switch {
	case d.Peers < 2 || d.Peers > 128:
		return cli.Usagef("--peers %d: want 2 to 128", d.Peers)
	case d.Packets < 1 || d.Packets > 1000:
		return cli.Usagef("--packets %d: want 1 to 1000", d.Packets)
	case d.Timeout <= 0:
		return cli.Usagef("--timeout %v: want a positive time", d.Timeout)
	}
	server, err := startServer()
	if err != nil {
		return err
	}
	defer server.stop()
	r := newDemoRun(d.Peers, d.Packets, c.Progress(d.Peers >= demoProgress))
	defer r.close()
	ctx, cancel := context.WithTimeoutCause(ctx, d.Timeout, fmt.Errorf("not finished within %v (--timeout)", d.Timeout))
	defer cancel()
	began := time.Now()
	err = r.run(ctx, server.url, rtcpeer.Topology(d.Topology))
	report := r.report(rtcpeer.Topology(d.Topology), time.Since(began), err)
	if d.JSON {
		return errors.Join(err, report.writeJSON(c.Out))
	}
	return errors.Join(err, report.writeTable(c.Out))
}
