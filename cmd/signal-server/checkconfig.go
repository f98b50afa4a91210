package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"example.org/rtcpeer/cmd/signal-server/internal/certs"
	"example.org/rtcpeer/cmd/signal-server/internal/settings"
)

// checkConfig is the command check-config. It reads the same settings as the server and reports the problems
// that a start would meet.
type checkConfig struct{ options }

// Run is called by kong.
func (c *checkConfig) Run(p *process) error {
	found := c.problems()
	found.AddNew(c.hostProblems())
	if err := p.settings.Problems(found).Tell(p.err); err != nil {
		return err
	}
	if _, err := io.WriteString(p.out, c.plan()); err != nil {
		return err
	}
	return c.Cluster.tryBus(p.out)
}

// plan describes in words what the server will do. It contains no secrets.
func (o *options) plan() string {
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	o.TLS.Plan(o.Server.Listen, say)
	o.Proxy.Plan(say)
	o.Auth.plan(say)
	o.TURN.plan(o.TLS, say)
	o.Operation.plan(o.Server.Listen, say)
	o.Cluster.plan(say)
	say("%d rooms, %d members each, %d connections, %d of one address", o.Limits.MaxRooms, o.Limits.MaxMembers, o.Limits.MaxSessions, o.Limits.SessionsPerAddress)
	if allowed, wanted := allowedFiles(), o.wantedFiles(); allowed < wanted {
		say("open files: %d allowed here, %d wanted; set LimitNOFILE of the unit, or ulimit -n", allowed, wanted)
	}
	if o.Server.ResumeKey == "" {
		say("after a restart members cannot come back: there is no --resume-key")
	} else {
		say("after a restart members come back")
	}
	return strings.Join(lines, "\n") + "\n"
}

func (o *authOptions) plan(say settings.Say) {
	switch {
	case len(o.JWT) > 0:
		say("admitted: who has a token signed with %s", strings.Join(o.JWT, ", "))
	case o.Hook != "":
		say("admitted: whom the hook lets in, asked for %v at most; %s when it does not answer", o.HookTimeout,
			map[bool]string{true: "everybody", false: "nobody"}[o.HookFailOpen])
	default:
		say("admitted: everybody")
	}
	if len(o.Origins) > 0 {
		say("pages: of %s and this server's own", strings.Join(o.Origins, ", "))
	}
}

func (o *turnOptions) plan(t certs.Options, say settings.Say) {
	if !o.On {
		say("no TURN server here")
	} else {
		where := "the public address of this host"
		if len(o.Address) > 0 {
			where = strings.Trim(fmt.Sprint(o.Address), "[]")
		}
		say("STUN and TURN: UDP and TCP on %s, relays on UDP %d-%d of %s", o.Listen, o.Ports.low, o.Ports.high, where)
		if name := cmp.Or(o.Host, t.Host()); t.On() && name != "" && o.ListenTLS != settings.Off {
			say("TURN over TLS on %s, as %s", o.ListenTLS, name)
		}
	}
	if len(o.ICEServer) > 0 {
		say("members are told of %s too", strings.Join(o.ICEServer, ", "))
	}
}

func (o *operationOptions) plan(members string, say settings.Say) {
	switch o.Metrics {
	case settings.Off:
	case "":
		say("figures: /metrics on %s, for whoever asks", members)
	default:
		say("figures: /metrics on %s", o.Metrics)
	}
	if o.Admin != "" {
		say("administration on %s, with a token", o.Admin)
	}
}
