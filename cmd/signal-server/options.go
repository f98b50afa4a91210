package main

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"time"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/signal-server/internal/certs"
	"example.org/rtcpeer/cmd/signal-server/internal/proxy"
	"example.org/rtcpeer/cmd/signal-server/internal/settings"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/godot"
	"example.org/rtcpeer/signaling/signalserver"
)

// options are the flags of the server. Each can also be set in the environment and in a file: see settings.
type options struct {
	Server    serverOptions    `embed:"" group:"Server"`
	TLS       certs.Options    `embed:"" group:"TLS"`
	Proxy     proxy.Options    `embed:"" group:"TLS"`
	TURN      turnOptions      `embed:"" group:"STUN and TURN"`
	Auth      authOptions      `embed:"" group:"Admission"`
	Member    memberOptions    `embed:"" group:"Members and limits"`
	Limits    limitOptions     `embed:"" group:"Members and limits"`
	Relay     relayOptions     `embed:"" group:"Members and limits"`
	Cluster   clusterOptions   `embed:"" group:"Several servers"`
	Operation operationOptions `embed:"" group:"Operation"`
}

type serverOptions struct {
	Config      string          `placeholder:"FILE" help:"Settings in YAML, named as these flags."`
	Listen      string          `default:":9080" placeholder:"ADDR" help:"Address to listen on, as host:port (${default})."`
	NoPage      bool            `help:"No web page at /, only the signaling."`
	ResumeKey   settings.Secret `placeholder:"SECRET" help:"16 bytes or more let members back in after a restart."`
	RebuildTime time.Duration   `default:"1m" placeholder:"TIME" help:"How long after a start rooms may come back (${default})."`
	StateFile   string          `placeholder:"FILE" help:"Kicks, ended rooms and bans outlive restarts here."`
	LogFormat   string          `default:"text" enum:"text,json" placeholder:"FORMAT" help:"Format of the log on stderr: text or json (${default})."`
	LogLevel    string          `default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL" help:"Least level: debug, info, warn or error (${default})."`
	Version     bool            `hidden:"" help:"Print the version and exit."`
}

type memberOptions struct {
	Grace        time.Duration `default:"30s" placeholder:"TIME" help:"How long a lost member keeps its place (${default})."`
	PingInterval time.Duration `default:"15s" placeholder:"TIME" help:"Time between two pings; 0: none (${default})."`
	JoinTimeout  time.Duration `default:"10s" placeholder:"TIME" help:"Time to join; 0: no limit (${default})."`
}

type limitOptions struct {
	MaxRooms    int `default:"10000" placeholder:"N" help:"Rooms at a time (${default})."`
	MaxMembers  int `default:"1024" placeholder:"N" help:"Members of one room (${default})."`
	MaxSessions int `default:"15000" placeholder:"N" help:"Connections at a time (${default})."`
	MaxMessage  int `default:"65536" placeholder:"BYTES" help:"Largest message of a member (${default})."`
	MessageRate int `default:"100" placeholder:"N" help:"A member's messages a second; 0: no limit (${default})."`

	SessionsPerAddress int `name:"max-per-address" default:"512" placeholder:"N" help:"Connections of one address; 0: no limit (${default})."`
	RoomsPerAddress    int `name:"max-rooms-per-address" default:"256" placeholder:"N" help:"Rooms founded by one address; 0: no limit (${default})."`
	PublicPerAddress   int `name:"max-public-per-address" default:"64" placeholder:"N" help:"Public ones of these; 0: no limit (${default})."`
	ConnectRate        int `default:"20" placeholder:"N" help:"New ones of it a second; 0: no limit (${default})."`
	JoinRate           int `default:"20" placeholder:"N" help:"Joins of it a second; 0: no limit (${default})."`

	HandshakeTimeout time.Duration `default:"10s" placeholder:"TIME" help:"How long TLS and a request may take (${default})."`
	MaxHeader        int           `default:"16384" placeholder:"BYTES" help:"Largest header of a request (${default})."`
	MaxOutbox        int           `default:"1048576" placeholder:"BYTES" help:"What may wait for a member to read (${default})."`
	MaxBuffered      int           `default:"268435456" placeholder:"BYTES" help:"What may wait for all together (${default})."`
}

// relayOptions are for links that go through the server.
type relayOptions struct {
	Links bool `name:"relay-links" help:"Forward encrypted packets of links that find no other way."`
	Rate  int  `name:"relay-rate" default:"262144" placeholder:"BYTES" help:"Bytes a second that a member may relay (${default})."`
	Burst int  `name:"relay-burst" default:"262144" placeholder:"BYTES" help:"Bytes it may relay at once (${default})."`
	Total int  `name:"relay-total" default:"8388608" placeholder:"BYTES" help:"Bytes a second of all members (${default})."`
}

func (o *relayOptions) check(p *settings.Problems) {
	p.Within("--relay-rate", o.Rate, 1<<10, 1<<30)
	p.Within("--relay-burst", o.Burst, 32<<10, 1<<30)
	p.Within("--relay-total", o.Total, 1<<10, 1<<30)
}

// problems checks the options. Its errors name flags, where those of the packages would name Config fields.
func (o *options) problems() (p settings.Problems) {
	for _, check := range []func(*settings.Problems){
		o.Server.check, o.TLS.Check, o.Proxy.Check, o.TURN.check, o.Auth.check, o.Member.check, o.Limits.check, o.Relay.check, o.Operation.check,
		o.checkAddresses, o.checkCluster,
	} {
		check(&p)
	}
	return p
}

func (o *serverOptions) check(p *settings.Problems) {
	p.AtLeast("--resume-key", o.ResumeKey, 16)
	if o.RebuildTime <= 0 {
		p.Add("--rebuild-time %v: want a time", o.RebuildTime)
	}
	if o.StateFile != "" && o.ResumeKey == "" {
		p.Add("--state-file: needs --resume-key, without which nothing survives a restart")
	}
}

func (o *memberOptions) check(p *settings.Problems) {
	if o.Grace < 0 {
		p.Add("--grace %v: want a time, or 0 for none", o.Grace)
	}
	if o.PingInterval < 0 {
		p.Add("--ping-interval %v: want a time, or 0 for none", o.PingInterval)
	}
	if o.JoinTimeout < 0 {
		p.Add("--join-timeout %v: want a time, or 0 for no limit", o.JoinTimeout)
	}
}

func (o *limitOptions) check(p *settings.Problems) {
	p.Within("--max-rooms", o.MaxRooms, 1, 1<<30)
	p.Within("--max-members", o.MaxMembers, 1, 1<<30)
	p.Within("--max-sessions", o.MaxSessions, 1, 1<<30)
	p.Within("--max-message", o.MaxMessage, 1, signaling.MaxMessage)
	p.Within("--message-rate", o.MessageRate, 0, 1<<30)
	p.Within("--max-per-address", o.SessionsPerAddress, 0, 1<<30)
	p.Within("--connect-rate", o.ConnectRate, 0, 1<<30)
	p.Within("--join-rate", o.JoinRate, 0, 1<<30)
	if o.HandshakeTimeout < time.Millisecond || o.HandshakeTimeout > writeTimeout {
		p.Add("--handshake-timeout %v: want 1ms to %v", o.HandshakeTimeout, writeTimeout)
	}
	p.Within("--max-header", o.MaxHeader, 1<<10, 1<<20)
	p.Within("--max-outbox", o.MaxOutbox, 1, 1<<30)
	p.Within("--max-buffered", o.MaxBuffered, 8<<20, min(1<<40, math.MaxInt))
	p.Within("--max-rooms-per-address", o.RoomsPerAddress, 0, 1<<30)
	p.Within("--max-public-per-address", o.PublicPerAddress, 0, 1<<30)
}

// config returns the options as signalserver's Config, in which 0 means the default and a negative number means
// none.
func (o *options) config(log *slog.Logger) (signalserver.Config, error) {
	c := signalserver.Config{
		Grace:                 settings.NoneIfZero(o.Member.Grace),
		PingInterval:          settings.NoneIfZero(o.Member.PingInterval),
		JoinTimeout:           settings.NoneIfZero(o.Member.JoinTimeout),
		MaxRooms:              o.Limits.MaxRooms,
		MaxMembers:            o.Limits.MaxMembers,
		MaxSessions:           o.Limits.MaxSessions,
		MaxMessage:            o.Limits.MaxMessage,
		MessageRate:           settings.NoneIfZero(o.Limits.MessageRate),
		OutboxBytes:           o.Limits.MaxOutbox,
		MaxBuffered:           o.Limits.MaxBuffered,
		RelayLinks:            o.Relay.Links,
		RelayRate:             o.Relay.Rate,
		RelayBurst:            o.Relay.Burst,
		RelayTotal:            o.Relay.Total,
		MaxSessionsPerAddress: settings.NoneIfZero(o.Limits.SessionsPerAddress),
		MaxRoomsPerAddress:    settings.NoneIfZero(o.Limits.RoomsPerAddress),
		MaxPublicPerAddress:   settings.NoneIfZero(o.Limits.PublicPerAddress),
		ConnectRate:           settings.NoneIfZero(o.Limits.ConnectRate),
		JoinRate:              settings.NoneIfZero(o.Limits.JoinRate),
		RemoteAddr:            o.Proxy.ClientOf(),
		CheckOrigin:           o.Auth.checkOrigin(),
		Plain:                 godot.Server(),
		Log:                   log,
	}
	if o.Server.ResumeKey != "" {
		c.ResumeKey = []byte(o.Server.ResumeKey)
		c.StateFile, c.RebuildTime = o.Server.StateFile, o.Server.RebuildTime
	}
	if stun, _ := o.TURN.others(); len(stun) > 0 {
		c.ICEServers = []signaling.ICEServer{{URLs: stun}}
	}
	var err error
	c.Admit, err = o.Auth.admit()
	return c, err
}

func printVersion(w io.Writer) error {
	_, err := fmt.Fprintln(w, settings.Program, cli.Version())
	return err
}
