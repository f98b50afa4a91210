package server

import (
	"fmt"
	"io"
	"strings"

	"example.org/rtcpeer/cmd/signal-server/internal/process"
)

// CheckConfig is the command check-config. It reads the same settings as the server and reports the problems
// that a start would meet.
type CheckConfig struct{ Options }

// Run is called by kong.
func (c *CheckConfig) Run(p *process.Process) error {
	found := c.Problems()
	found.AddNew(c.hostProblems())
	if err := p.Tell(found); err != nil {
		return err
	}
	if _, err := io.WriteString(p.Out, c.Plan()); err != nil {
		return err
	}
	return c.Cluster.Try(p.Out)
}

// Plan describes in words what the server will do. It contains no secrets.
func (o *Options) Plan() string {
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	o.TLS.Plan(o.Server.Listen, say)
	o.Proxy.Plan(say)
	o.Auth.Plan(say)
	o.TURN.Plan(o.TLS, say)
	o.Metrics.Plan(o.Server.Listen, say)
	o.Admin.Plan(say)
	o.Cluster.Plan(say)
	o.Limits.Plan(say)
	if allowed, wanted := allowedFiles(), o.wantedFiles(); allowed < wanted {
		say("open files: %d are allowed, and %d are needed: raise LimitNOFILE of the unit, or ulimit -n", allowed, wanted)
	}
	o.Server.plan(say)
	return strings.Join(lines, "\n") + "\n"
}
