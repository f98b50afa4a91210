// Signal-server is a signaling server as one program: rooms in which peers meet before they connect
// to each other. It needs no configuration, no disk and no other service. At / it serves a page that is
// such a peer itself, in folder web: rooms to create and to join, who is connected to whom, a chat. At
// /?connect-timeout=SECONDS its links have that long to open, and not 20 seconds; at /?access_token=TOKEN it
// has a token for --auth-jwt.
//
//	main -> run -> execute -> serve         listen, and answer until SIGINT or SIGTERM
//	                       -> check-config  what is wrong, or what it would do
//	                       -> token         a token for --auth-jwt
//
// With flags it is all that a game needs on a public host: STUN and TURN (turn.go), certificates
// (tls.go), admission by token or by asking a URL (jwt.go, hook.go), limits (options.go), figures
// (metrics.go), administration (admin.go). Each file owns its flags, says what is wrong with them and
// what they will do. DEPLOY.md is for who runs it.
//
// stdout is for --help, --version and what the other commands print; the log goes to stderr, and its
// first line tells the URL.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"example.org/rtcpeer/cmd/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal stops in order, the second kills
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Environ()))
}

type commands struct {
	Serve       serve       `cmd:"" default:"withargs"`
	CheckConfig checkConfig `cmd:"" help:"Say what is wrong with flags, environment and file, or what they will do."`
	Token       token       `cmd:"" help:"Print a token that lets its bearer join a server with --auth-jwt."`
}

// A process is what a command gets of its surroundings.
type process struct {
	out io.Writer
	err *logQueue
	env environment
	// settings says where a flag that is not on the command line was found.
	settings *settings
}

// run is the program. It ends when ctx does, and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, env environment) int {
	log := newLogQueue(stderr)
	defer log.close()
	err := execute(ctx, args, &process{out: stdout, err: log, env: env})
	if err != nil {
		fmt.Fprintf(log, "signal-server: %v\n", err)
	}
	return cli.ExitCode(err)
}

// execute reads flags, environment and file, and runs a command, unless there was only help to print.
func execute(ctx context.Context, args []string, p *process) error {
	done := false
	p.settings = &settings{env: p.env}
	parser, err := kong.New(&commands{},
		kong.Name("signal-server"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100, NoExpandSubcommands: true}),
		kong.Help(help),
		kong.Writers(p.out, io.Discard),
		kong.Exit(func(int) { done = true }),
		kong.Resolvers(p.settings),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(p),
	)
	if err != nil {
		return err
	}
	parser.Model.HelpFlag.Hidden = true // whoever reads the help knows of it
	command, err := p.settings.parse(parser, args)
	switch {
	case done:
		return nil
	case err != nil:
		return p.settings.problems(problems{err}).tell(p.err)
	}
	return command.Run()
}

const usageText = `Usage: signal-server [flags]
       signal-server check-config [flags]
       signal-server token --key=FILE --room=NAME [flags]
`

// help shows the server's flags where no command is given, since that means the server.
func help(o kong.HelpOptions, c *kong.Context) error {
	if c.Selected() != nil {
		return kong.DefaultHelpPrinter(o, c)
	}
	server, err := kong.Trace(c.Kong, []string{"serve"})
	if err != nil {
		return err
	}
	fmt.Fprint(c.Stdout, usageText)
	o.Summary, o.NoAppSummary = false, true
	return kong.DefaultHelpPrinter(o, server)
}
