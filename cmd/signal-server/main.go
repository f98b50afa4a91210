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
// With flags it has everything that a game needs on a public host. Each part is a package below internal, with
// its flags, their checks, and what they do in words:
//
//	server      the listeners, and commands serve and check-config
//	limits      limits of members, connections and relayed links
//	admission   who may join: access tokens (command token), or a URL that is asked
//	certs       TLS, with certificates from files or by ACME
//	proxy       the addresses of clients behind proxies
//	connlimit   limits of TCP connections, before anything is read from them
//	front       HTTP and TURN on one port, and the PROXY protocol
//	turn        STUN and TURN servers
//	bus         several servers, over NATS
//	metrics     figures for Prometheus
//	admin       administration: JSON over HTTP, and its page
//	page        the page of members; static serves the files of both pages
//
// Packages settings, process and logqueue are for all of them: reading and checking flags, what a command gets
// from outside, and the log. DEPLOY.md is for operators.
//
// stdout is for --help, --version and the output of the other commands. The log goes to stderr; its first line
// contains the URL.
package main

import (
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/alecthomas/kong"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/signal-server/internal/admission"
	"example.org/rtcpeer/cmd/signal-server/internal/logqueue"
	"example.org/rtcpeer/cmd/signal-server/internal/process"
	"example.org/rtcpeer/cmd/signal-server/internal/server"
	"example.org/rtcpeer/cmd/signal-server/internal/settings"
)

func main() {
	cli.Main(func(ctx context.Context) int { return run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Environ()) })
}

type commands struct {
	Serve       server.Serve       `cmd:"" default:"withargs"`
	CheckConfig server.CheckConfig `cmd:"" help:"Check flags, environment and file, and print what the server will do."`
	Token       admission.Token    `cmd:"" help:"Print an access token for a server with --auth-jwt."`
}

// The source of the page is in folder page and uses no framework. npm run build writes its scripts and styles
// to folder web, plain and gzipped; TestPageIsBuilt checks that they are up to date. The build takes modules from
// rtcpeer/js as they are shipped, so build these first.
//
//go:generate npm --prefix page ci
//go:generate npm --prefix page run build
//go:embed web
var web embed.FS

func pageFiles() fs.FS {
	files, err := fs.Sub(web, "web")
	if err != nil {
		panic(err) // the name is valid
	}
	return files
}

// run is the program. It ends when ctx is done, and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, env settings.Environment) int {
	log := logqueue.New(stderr)
	defer log.Close()
	err := execute(ctx, args, &process.Process{Out: stdout, Err: log, Env: env, Page: pageFiles()})
	if err != nil {
		fmt.Fprintf(log, settings.Program+": %v\n", err)
	}
	return cli.ExitCode(err)
}

// execute parses the flags, the environment and the file and runs the command. For --help it only prints.
func execute(ctx context.Context, args []string, p *process.Process) error {
	p.Settings = settings.NewLoader(p.Env)
	parser, err := cli.NewParser(ctx, settings.Program, &commands{}, p.Out,
		kong.Help(help),
		kong.Resolvers(p.Settings),
		kong.Bind(p),
	)
	if err != nil {
		return err
	}
	parser.Model.HelpFlag.Hidden = true // a user who reads the help knows the flag
	command, err := p.Settings.Parse(parser.Kong, args)
	switch {
	case parser.Printed():
		return nil
	case err != nil:
		return p.Tell(settings.Problems{err})
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
