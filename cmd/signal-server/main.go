// Signal-server is a signaling server as one program: it has rooms in which peers meet before they connect to
// each other. It needs no configuration, no disk and no other service. At / it serves a web page, from folder
// web, that is a peer too: it creates and joins rooms, shows who is connected to whom, and has a chat. With
// /?connect-timeout=SECONDS the page's links have that long to open instead of 20 seconds. With
// /?access_token=TOKEN the page uses a token for --auth-jwt.
//
//	main -> run -> execute -> serve         listen, and answer until SIGINT or SIGTERM
//	                       -> check-config  what is wrong with the settings, or what they do
//	                       -> token         a token for --auth-jwt
//
// With flags it has everything that a game needs on a public host: STUN and TURN (turn.go), certificates
// (tls.go), admission by token or by asking a URL (jwt.go, hook.go), limits (options.go), figures (metrics.go),
// administration (admin.go). Each file owns its flags, checks them, and describes what they do. DEPLOY.md is
// for operators.
//
// stdout is for --help, --version and the output of the other commands. The log goes to stderr; its first line
// contains the URL.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"reflect"

	"github.com/alecthomas/kong"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/signal-server/internal/logqueue"
	"example.org/rtcpeer/cmd/signal-server/internal/settings"
)

func main() {
	cli.Main(func(ctx context.Context) int { return run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Environ()) })
}

type commands struct {
	Serve       serve       `cmd:"" default:"withargs"`
	CheckConfig checkConfig `cmd:"" help:"Say what is wrong with flags, environment and file, or what they will do."`
	Token       token       `cmd:"" help:"Print a token that lets its bearer join a server with --auth-jwt."`
}

// A process holds what a command gets from outside: its outputs, the environment and the settings.
type process struct {
	out io.Writer
	err *logqueue.Queue
	env settings.Environment
	// settings knows where the value of a flag was found if not on the command line.
	settings *settings.Loader
}

// run is the program. It ends when ctx is done, and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, env settings.Environment) int {
	log := logqueue.New(stderr)
	defer log.Close()
	err := execute(ctx, args, &process{out: stdout, err: log, env: env})
	if err != nil {
		fmt.Fprintf(log, settings.Program+": %v\n", err)
	}
	return cli.ExitCode(err)
}

// execute parses the flags, the environment and the file and runs the command. For --help it only prints.
func execute(ctx context.Context, args []string, p *process) error {
	p.settings = settings.NewLoader(p.env)
	parser, err := cli.NewParser(ctx, settings.Program, &commands{}, p.out,
		kong.Help(help),
		kong.Resolvers(p.settings),
		kong.KindMapper(reflect.Int, kong.MapperFunc(settings.DecodeInt)),
		kong.Bind(p),
	)
	if err != nil {
		return err
	}
	parser.Model.HelpFlag.Hidden = true // a user who reads the help knows the flag
	command, err := p.settings.Parse(parser.Kong, args)
	switch {
	case parser.Printed():
		return nil
	case err != nil:
		return p.settings.Problems(settings.Problems{err}).Tell(p.err)
	}
	return command.Run()
}

const usageText = `Usage: signal-server [flags]
       signal-server check-config [flags]
       signal-server token --key=FILE --room=NAME [flags]
`

// help shows the flags of command serve if no command is given, because serve is the default.
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
