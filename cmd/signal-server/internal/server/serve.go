package server

import (
	"context"
	"os/signal"
	"syscall"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/signal-server/internal/process"
)

// Serve is the command that runs the server.
type Serve struct{ Options }

const description = `A signaling server: peers meet here, and then connect to each other directly. Open its address in a browser to try it. Games that use the protocol of Godot's signaling demo can join the same rooms. Without flags it serves everything on port 9080.

On a public host: signal-server --listen=:443 --acme-domain=game.example --turn

Each flag can be set in the environment (--max-rooms is SIGNAL_SERVER_MAX_ROOMS) or in
the file of --config. @FILE reads a SECRET from a file. DEPLOY.md has the details. --version prints the version.`

// Help returns the description in --help, for kong.
func (*Serve) Help() string { return description }

// Run is called by kong.
func (s *Serve) Run(ctx context.Context, p *process.Process) error {
	if s.Server.Version {
		return printVersion(p.Out)
	}
	if err := p.Tell(s.Problems()); err != nil {
		return err
	}
	// Without this the server would end when its terminal or the reader of its log ends. SIGHUP does not reload
	// anything: certificates are read again when their files change.
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	server, err := New(ctx, s.Options, p.Page, p.Err)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // the server was stopped while it started
	case err != nil:
		return cli.Usage(err)
	}
	tuneGC(p.Env.Lookup, s.Limits.MaxSessions)
	return server.Serve(ctx)
}
