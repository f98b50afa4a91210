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
	URL string `arg:"" help:"Signaling server, for example ws://host:port. A room in the URL is ignored."`
	entry.Access
	ICEServer []string      `name:"ice-server" placeholder:"URL" help:"STUN or TURN server to check in addition to those of the signaling server: stun:host:port or turn:user:secret@host:port. Repeat for more."`
	Timeout   time.Duration `default:"5s" placeholder:"TIME" help:"Time limit for each check (${default})."`
	JSON      bool          `name:"json" help:"Print one JSON object."`
}

func (*Command) Help() string {
	return `Joins a new room of the signaling server to get its list of STUN and TURN servers, and leaves it. Then it asks each STUN server for the public address of this machine, and each TURN server over UDP, TCP and TLS for a relay. It prints which servers answered and how long that took, and what to do about those that did not. It also prints whether the signaling server relays links, and how the NAT maps ports: behind a symmetric NAT most links need a TURN server. If the server requires an access token, the token must allow any room, and must allow creating it. The exit code is 1 if the signaling server, or every STUN and TURN server, is unreachable.

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
	c.Say("asking %s for its STUN and TURN servers", d.URL)
	told, err := o.ask(ctx, server, &d)
	if err == nil {
		servers = append(told, servers...)
		c.Say("checking %s", format.Count(urlsOf(servers), "STUN and TURN URL"))
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
