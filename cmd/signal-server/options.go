package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/godot"
	"example.org/rtcpeer/signaling/signalserver"
)

// Options are the flags. Each can also be set in the environment, see lookup.
type options struct {
	Listen    string `group:"Server" default:":9080" placeholder:"ADDR" help:"Address to listen on, host:port; port 0 takes a free one (${default})."`
	LogFormat string `group:"Server" default:"text" enum:"text,json" placeholder:"FORMAT" help:"Format of the log on stderr: text or json (${default})."`
	LogLevel  string `group:"Server" default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL" help:"Least level to log: debug, info, warn or error (${default})."`
	ResumeKey string `group:"Server" placeholder:"SECRET" help:"Secret of at least 16 bytes; with it members come back after a restart. Better set in the environment."`
	NoPage    bool   `group:"Server" help:"Serve no web page at /, only the signaling."`
	Version   bool   `group:"Server" help:"Print the version and exit."`

	Grace        time.Duration `group:"Members" default:"30s" placeholder:"TIME" help:"How long a lost member keeps its place; 0 for not at all (${default})."`
	PingInterval time.Duration `group:"Members" default:"15s" placeholder:"TIME" help:"Time between two pings; 0 for none (${default})."`
	ICEServer    []string      `name:"ice-server" group:"Members" placeholder:"URL" help:"STUN server to tell members of, as stun:host:port; repeat for more."`

	MaxRooms    int `group:"Limits" default:"10000" placeholder:"N" help:"Rooms at a time (${default}); Godot's demo has 1024."`
	MaxMembers  int `group:"Limits" default:"1024" placeholder:"N" help:"Members of one room (${default})."`
	MaxSessions int `group:"Limits" default:"15000" placeholder:"N" help:"Connections at a time (${default}); Godot's demo has 4096."`
	MaxMessage  int `group:"Limits" default:"65536" placeholder:"BYTES" help:"Largest message of a member (${default})."`
	MessageRate int `group:"Limits" default:"100" placeholder:"N" help:"Messages a second of one member; faster ones wait; 0 for no limit (${default})."`
}

const description = `A signaling server: peers meet here and then connect to each other directly. Open its address in a
browser to create a room and try it. Games that use the protocol of Godot's signaling demo join the same rooms.

Each flag can be set in the environment: --max-rooms is SIGNAL_SERVER_MAX_ROOMS.`

// A lookup is os.LookupEnv.
type lookup func(name string) (value string, found bool)

// flag returns the value of a flag in the environment, for kong.
func (env lookup) flag(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	name := "SIGNAL_SERVER_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
	if value, found := env(name); found && value != "" && flag.Name != "help" {
		return value, nil
	}
	return nil, nil
}

// readOptions reads flags and environment. It reports done when there was only something to print.
func readOptions(args []string, stdout io.Writer, env lookup) (o options, done bool, err error) {
	parser, err := kong.New(&o,
		kong.Name("signal-server"),
		kong.Description(description),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Writers(stdout, io.Discard),
		kong.Exit(func(int) { done = true }),
		kong.Resolvers(kong.ResolverFunc(env.flag)),
	)
	if err != nil {
		return o, false, err
	}
	_, err = parser.Parse(args)
	switch {
	case done:
		return o, true, nil
	case err != nil:
		return o, false, err
	case o.Version:
		_, err = fmt.Fprintln(stdout, "signal-server", version())
		return o, true, err
	}
	return o, false, o.check()
}

// version is what the Go tool knows of this build.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// check speaks of flags where signalserver would speak of its Config.
func (o *options) check() error {
	for _, f := range []struct {
		flag             string
		value, low, most int
	}{
		{"--max-rooms", o.MaxRooms, 1, 1 << 30},
		{"--max-members", o.MaxMembers, 1, 1 << 30},
		{"--max-sessions", o.MaxSessions, 1, 1 << 30},
		{"--max-message", o.MaxMessage, 1, signaling.MaxMessage},
		{"--message-rate", o.MessageRate, 0, 1 << 30},
	} {
		if f.value < f.low || f.value > f.most {
			return fmt.Errorf("%s %d: want %d to %d", f.flag, f.value, f.low, f.most)
		}
	}
	switch {
	case o.Grace < 0:
		return fmt.Errorf("--grace %v: want a time, or 0 for none", o.Grace)
	case o.PingInterval < 0:
		return fmt.Errorf("--ping-interval %v: want a time, or 0 for none", o.PingInterval)
	case o.ResumeKey != "" && len(o.ResumeKey) < 16:
		return errors.New("--resume-key: want at least 16 bytes, as openssl rand -hex 16 makes")
	}
	for _, url := range o.ICEServer {
		if !strings.HasPrefix(url, "stun:") && !strings.HasPrefix(url, "stuns:") {
			return fmt.Errorf("--ice-server %q: want stun:host:port", url)
		}
	}
	return nil
}

// config translates to signalserver, where 0 is a default and negative is none.
func (o *options) config(log *slog.Logger) signalserver.Config {
	c := signalserver.Config{
		Grace:        noneIfZero(o.Grace),
		PingInterval: noneIfZero(o.PingInterval),
		MaxRooms:     o.MaxRooms,
		MaxMembers:   o.MaxMembers,
		MaxSessions:  o.MaxSessions,
		MaxMessage:   o.MaxMessage,
		MessageRate:  noneIfZero(o.MessageRate),
		Plain:        godot.Server(),
		Log:          log,
	}
	if o.ResumeKey != "" {
		c.ResumeKey = []byte(o.ResumeKey)
	}
	if len(o.ICEServer) > 0 {
		c.ICEServers = []signaling.ICEServer{{URLs: o.ICEServer}}
	}
	return c
}

func noneIfZero[N int | time.Duration](n N) N {
	if n == 0 {
		return -1
	}
	return n
}

// logger writes to w. The options have been checked by kong.
func (o *options) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	level.UnmarshalText([]byte(o.LogLevel))
	options := &slog.HandlerOptions{Level: level}
	if o.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
