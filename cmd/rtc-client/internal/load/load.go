// Package load is the command load of rtc-client.
package load

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/entry"
	"example.org/rtcpeer/cmd/rtc-client/internal/format"
)

// Command is load: it fills rooms with members that use the signaling server but make no links.
type Command struct {
	URL      string        `arg:"" help:"Signaling server on this machine, for example ws://localhost:9080. A room in the URL is ignored."`
	Rooms    int           `default:"100" placeholder:"N" help:"Rooms to create (${default})."`
	Members  int           `default:"2" placeholder:"N" help:"Members of each room (${default})."`
	Messages int           `default:"16" placeholder:"N" help:"Messages that each member sends to the next member of its room (${default})."`
	AtOnce   int           `default:"32" placeholder:"N" help:"Rooms to fill, and members that send, at the same time (${default})."`
	Rest     time.Duration `default:"0s" placeholder:"TIME" help:"How long to stay idle after all members have joined (${default})."`
	JSON     bool          `name:"json" help:"Print one JSON object."`
}

func (*Command) Help() string {
	return `Fills the rooms, lets each member send candidates to the next member of its room, and leaves. It prints how many joins and forwarded messages the server does per second, how long they take, and the errors. Both programs share this machine, so the figures include the work of rtc-client. Servers on other machines are refused. The exit code is 1 if there was an error.

Examples:

  rtc-client load ws://localhost:9080
  rtc-client load --rooms 1000 --members 8 --json ws://localhost:9080
  rtc-client load godot+ws://localhost:9080`
}

// maxLoad is the largest number of members. It is less than the number of ports that a system has for
// connections to one address.
const maxLoad = 20_000

// Run prints the report even when it was interrupted.
func (o *Command) Run(ctx context.Context, c *console.Console) error {
	server, err := entry.ParseServer(o.URL)
	if err != nil {
		return err
	}
	if err := cmp.Or(o.check(), local(ctx, server.Hostname())); err != nil {
		return err
	}
	r := newLoadRun(server, o, c.Progress(o.Rooms*o.Members >= loadProgress))
	defer r.close()
	err = r.fill(ctx)
	c.Say("%s joined", format.Count(int(r.joins.done.Load()), "member"))
	if err == nil {
		err = pause(ctx, o.Rest)
	}
	if err == nil {
		c.Say("sending")
		err = r.exchange(ctx)
		c.Say("%s forwarded", format.Count(int(r.messages.done.Load()), "message"))
	}
	r.close()
	report := r.report()
	if o.JSON {
		return errors.Join(err, report.verdict(), report.writeJSON(c.Out))
	}
	return errors.Join(err, report.verdict(), report.writeTable(c.Out))
}

func (o *Command) check() error {
	switch {
	case o.Rooms < 1 || o.Members < 1 || o.Rooms*o.Members > maxLoad:
		return cli.Usagef("--rooms %d, --members %d: want 1 to %d members in all", o.Rooms, o.Members, maxLoad)
	case o.Messages < 0 || o.Messages > 100_000:
		return cli.Usagef("--messages %d: want 0 to 100000", o.Messages)
	case o.AtOnce < 1 || o.AtOnce > 1000:
		return cli.Usagef("--at-once %d: want 1 to 1000", o.AtOnce)
	case o.Rest < 0:
		return cli.Usagef("--rest %v: want a positive time, or 0 for none", o.Rest)
	}
	return nil
}

// local returns an error if the server is not on this machine, because putting this load on somebody else's
// server would be an attack.
func local(ctx context.Context, hostname string) error {
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", hostname)
	if err != nil {
		return err
	}
	ours, err := net.InterfaceAddrs()
	if err != nil {
		return err
	}
	for _, a := range addresses {
		if !a.Unmap().IsLoopback() && !slices.ContainsFunc(ours, func(n net.Addr) bool { return isAddress(n, a) }) {
			return cli.Usagef("%s is %v, which is not an address of this machine: load runs only against a server on the same machine", hostname, a.Unmap())
		}
	}
	return nil
}

func isAddress(n net.Addr, a netip.Addr) bool {
	prefix, err := netip.ParsePrefix(n.String())
	return err == nil && prefix.Addr().Unmap() == a.Unmap()
}

// pause waits for d or until ctx is done.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// loadProgress is the number of members from which a progress bar is shown on a terminal.
const loadProgress = 200
