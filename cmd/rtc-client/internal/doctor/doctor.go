// Package doctor is the command doctor of rtc-client. It prints the report of package rtcpeer/doctor as a table
// or as JSON.
package doctor

import (
	"context"
	"errors"
	"time"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/entry"
	"example.org/rtcpeer/cmd/rtc-client/internal/format"
	"example.org/rtcpeer/rtcpeer/doctor"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/signaling"
)

// Command is doctor: it checks which servers can be reached from this machine.
type Command struct {
	URL string `arg:"" help:"The signaling server, as ws://host:port. A room in it does not matter."`
	entry.Access
	ICEServer []string      `name:"ice-server" placeholder:"URL" help:"STUN or TURN server to examine besides those that the server tells, as stun:host:port or turn:user:secret@host:port; repeat for more."`
	Timeout   time.Duration `default:"5s" placeholder:"TIME" help:"How long each examination may take (${default})."`
	JSON      bool          `name:"json" help:"Print one JSON object."`
}

func (*Command) Help() string {
	return `Joins a room of its own and leaves it; asks each STUN server that it was told of, or given, how it sees this end, and each TURN server over UDP, TCP and TLS for a relay. It tells what answered in what time, what to do about the rest, and whether the server offers links through itself, and what kind of mapping the NAT between makes: behind one that is symmetric a link needs a TURN server unless the other end is easy to reach. A server that wants tokens has to be given one that is good for any room, and may create it. The exit code is 1 if the signaling server cannot be reached, or no STUN or TURN server can.

Examples:

  rtc-client doctor wss://signal.example.org
  rtc-client doctor --ice-server stun:stun.example.org ws://localhost:9080`
}

// Run joins the signaling server first, because its welcome lists the STUN and TURN servers.
func (o *Command) Run(ctx context.Context, c *console.Console) error {
	server, err := entry.ParseServer(o.URL)
	if err != nil {
		return err
	}
	if o.Timeout <= 0 {
		return cli.Usagef("--timeout %v: want a positive time", o.Timeout)
	}
	servers, err := entry.ICEServers(o.ICEServer)
	if err != nil {
		return err
	}
	d := diagnosis{URL: server.String()}
	c.Say("asking %s", d.URL)
	told, err := o.ask(ctx, server, &d)
	if err == nil {
		servers = append(told, servers...)
		c.Say("asking %s", format.Count(urlsOf(servers), "STUN and TURN URL"))
		d.report, err = doctor.Examine(ctx, doctor.Config{Servers: servers, Timeout: o.Timeout}, func(check doctor.Check) {
			c.Say("%s: %s", check.URL, outcome(check))
		})
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	d.settle(err)
	if o.JSON {
		return errors.Join(d.failure(), d.writeJSON(c.Out))
	}
	return errors.Join(d.failure(), d.writeTable(c.Out))
}

// ask joins a new room and returns the STUN and TURN servers of the welcome.
func (o *Command) ask(ctx context.Context, server entry.Server, d *diagnosis) ([]transport.ICEServer, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	began := time.Now()
	client, welcome, err := server.Join(ctx, signaling.Join{Token: o.Token})
	d.joined = time.Since(began)
	if err != nil {
		return nil, entry.Advise(err)
	}
	defer client.Close()
	d.RelayLinks = welcome.RelayLinks
	var servers []transport.ICEServer
	for _, s := range welcome.ICEServers {
		servers = append(servers, transport.ICEServer(s))
	}
	return servers, nil
}

func urlsOf(servers []transport.ICEServer) (n int) {
	for _, s := range servers {
		n += len(s.URLs)
	}
	return n
}
