// Rtc-client is the command-line program of the toolkit. It tries, measures, uses and hosts rooms from a shell.
//
//	main -> run -> demo    a server and many peers in this process, and a table of what arrived
//	            -> chat    lines of stdin to a room, lines of the room to stdout
//	            -> ping    round trips and losses to the peers of a room
//	            -> list    the public rooms of a server
//	            -> send    files to a peer in a room
//	            -> receive files that others send
//	            -> relay   the host of a star room
//	            -> doctor  checks of signaling, STUN and TURN servers, and of the NAT
//	            -> load    many members on a signaling server of this machine, and figures
//
// Each command is a package below internal. Its Command type has the flags and a Run method; send and receive
// are both in package files. The packages that several commands share:
//
//	console    stdin, stdout and stderr
//	format     errors, times and numbers in words
//	progress   bars on a terminal
//	entry      the flags of a room or a server, and joining it
//	linklog    messages about peers that come, go and are interrupted
//	probe      the packets of ping; all commands answer them except list, load and doctor
//	roundtrip  round trips, and how they are distributed
//	modes      the transfer modes in the order in which they are shown
//	pairtest   two nodes over a network in memory, for tests
//
// Package main has the rest: the list of commands, the environment variables of the flags, and the exit code.
// No other package depends on kong, except through the struct tags of its flags. stdout is for data, stderr for
// messages.
package main

import (
	"context"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/rtc-client/internal/chat"
	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/demo"
	"example.org/rtcpeer/cmd/rtc-client/internal/doctor"
	"example.org/rtcpeer/cmd/rtc-client/internal/entry"
	"example.org/rtcpeer/cmd/rtc-client/internal/files"
	"example.org/rtcpeer/cmd/rtc-client/internal/format"
	"example.org/rtcpeer/cmd/rtc-client/internal/list"
	"example.org/rtcpeer/cmd/rtc-client/internal/load"
	"example.org/rtcpeer/cmd/rtc-client/internal/ping"
	"example.org/rtcpeer/cmd/rtc-client/internal/relay"
)

func main() {
	cli.TuneGC(os.LookupEnv, gcPercent, memoryLimit)
	cli.Main(func(ctx context.Context) int { return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr) })
}

const program = "rtc-client"

type commands struct {
	Version kong.VersionFlag `hidden:"" help:"Print the version and exit."`

	Demo    demo.Command   `cmd:"" help:"Connect several peers in this process, and print what arrives."`
	Chat    chat.Command   `cmd:"" help:"Send lines from stdin to a room, and print the lines of other members."`
	Ping    ping.Command   `cmd:"" help:"Measure round trips to the peers in a room, and losses."`
	List    list.Command   `cmd:"" help:"List the public rooms of a server."`
	Send    files.Send     `cmd:"" help:"Send files to a peer in a room."`
	Receive files.Receive  `cmd:"" help:"Receive files from peers in a room."`
	Relay   relay.Command  `cmd:"" help:"Host a star room, and relay packets between its guests."`
	Doctor  doctor.Command `cmd:"" help:"Check which STUN and TURN servers are reachable from this machine."`
	Load    load.Command   `cmd:"" help:"Put load on a signaling server on this machine, and measure it."`
}

const description = `Join rooms of WebRTC peers from the shell.

Examples:

  rtc-client demo --peers 8
  rtc-client chat ws://localhost:9080/lobby
  rtc-client ping --count 100 ws://localhost:9080/lobby
  rtc-client send film.mp4 ws://localhost:9080/lobby
  rtc-client receive ws://localhost:9080/lobby
  rtc-client relay --new ws://localhost:9080
  rtc-client doctor ws://localhost:9080

Each flag can be set in the environment: --ice-server is RTC_CLIENT_ICE_SERVER.
rtc-client --version prints the version.`

// run is the program. It ends when ctx is done, and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &console.Console{In: stdin, Out: stdout, Err: stderr}
	if len(args) == 0 {
		execute(ctx, []string{"--help"}, &console.Console{Out: stderr})
		return cli.ExitUsage
	}
	err := execute(ctx, args, c)
	if err != nil {
		c.Say("%s", format.Error(err))
	}
	return cli.ExitCode(err)
}

// execute parses the flags and the environment and runs the command. For --help and --version it only prints.
func execute(ctx context.Context, args []string, c *console.Console) error {
	parser, err := cli.NewParser(ctx, program, &commands{}, c.Out,
		kong.Description(description),
		kong.Vars{"unseen": entry.Unseen, "version": program + " " + cli.Version()},
		kong.Resolvers(kong.ResolverFunc(environment)),
		kong.Bind(c),
	)
	if err != nil {
		return err
	}
	parser.Model.HelpFlag.Help = "Print this help and exit."
	command, err := parser.Parse(args)
	switch {
	case parser.Printed():
		return nil
	case err != nil:
		return cli.Mistake(program, err)
	}
	return command.Run()
}

// environment returns the value that the environment has for a flag. kong calls it.
func environment(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if value := os.Getenv(cli.Variable(program, flag.Name)); value != "" && flag.Name != "help" {
		return value, nil
	}
	return nil, nil
}
