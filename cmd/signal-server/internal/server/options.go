package server

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/signal-server/internal/admin"
	"example.org/rtcpeer/cmd/signal-server/internal/admission"
	"example.org/rtcpeer/cmd/signal-server/internal/bus"
	"example.org/rtcpeer/cmd/signal-server/internal/certs"
	"example.org/rtcpeer/cmd/signal-server/internal/limits"
	"example.org/rtcpeer/cmd/signal-server/internal/metrics"
	"example.org/rtcpeer/cmd/signal-server/internal/proxy"
	"example.org/rtcpeer/cmd/signal-server/internal/settings"
	"example.org/rtcpeer/cmd/signal-server/internal/turn"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/godot"
	"example.org/rtcpeer/signaling/signalserver"
)

// Options are the flags of the server. Each can also be set in the environment and in a file: see package
// settings.
type Options struct {
	Server   ServerOptions        `embed:"" group:"Server"`
	TLS      certs.Options        `embed:"" group:"TLS"`
	Proxy    proxy.Options        `embed:"" group:"TLS"`
	TURN     turn.Options         `embed:"" group:"STUN and TURN"`
	Auth     admission.Options    `embed:"" group:"Admission"`
	Member   limits.MemberOptions `embed:"" group:"Members and limits"`
	Limits   limits.Options       `embed:"" group:"Members and limits"`
	Relay    limits.RelayOptions  `embed:"" group:"Members and limits"`
	Cluster  bus.Options          `embed:"" group:"Several servers"`
	Metrics  metrics.Options      `embed:"" group:"Operation"`
	Admin    admin.Options        `embed:"" group:"Operation"`
	Stopping StopOptions          `embed:"" group:"Operation"`
}

// ServerOptions are the flags about the server as a whole.
type ServerOptions struct {
	Config      string          `placeholder:"FILE" help:"YAML file with settings; its keys are flag names."`
	Listen      string          `default:":9080" placeholder:"ADDR" help:"Address to listen on, host:port (${default})."`
	NoPage      bool            `help:"Do not serve the web page at /."`
	ResumeKey   settings.Secret `placeholder:"SECRET" help:"Lets members return after a restart; at least 16 bytes."`
	RebuildTime time.Duration   `default:"1m" placeholder:"TIME" help:"How long rooms may return after a restart (${default})."`
	StateFile   string          `placeholder:"FILE" help:"Keeps kicks, ended rooms and bans across restarts."`
	LogFormat   string          `default:"text" enum:"text,json" placeholder:"FORMAT" help:"Log format on stderr: text or json (${default})."`
	LogLevel    string          `default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL" help:"Lowest level to log: debug, info, warn, error (${default})."`
	Version     bool            `hidden:"" help:"Print the version and exit."`
}

// StopOptions are the flags about the end of the server.
type StopOptions struct {
	DrainDelay time.Duration `default:"0s" placeholder:"TIME" help:"How long to report not ready before stopping (${default})."`
}

func (o *StopOptions) check(p *settings.Problems) {
	if o.DrainDelay < 0 {
		p.Add("--drain-delay %v: want a positive time, or 0 for none", o.DrainDelay)
	}
}

// Problems checks the options. Its errors name flags, where those of other packages would name Config fields.
func (o *Options) Problems() (p settings.Problems) {
	for _, check := range []func(*settings.Problems){
		o.Server.check, o.TLS.Check, o.Proxy.Check, o.TURN.Check, o.Auth.Check, o.Member.Check, o.Limits.Check, o.Relay.Check,
		o.Stopping.check, o.Admin.Check, o.checkAddresses,
	} {
		check(&p)
	}
	o.Cluster.Check(&p, o.Server.ResumeKey != "")
	return p
}

func (o *ServerOptions) check(p *settings.Problems) {
	p.AtLeast("--resume-key", o.ResumeKey, 16)
	if o.RebuildTime <= 0 {
		p.Add("--rebuild-time %v: want a positive time", o.RebuildTime)
	}
	if o.StateFile != "" && o.ResumeKey == "" {
		p.Add("--state-file: needs --resume-key, because without it nothing survives a restart")
	}
}

func (o *ServerOptions) plan(say settings.Say) {
	if o.ResumeKey == "" {
		say("after a restart members cannot return, because --resume-key is not set")
	} else {
		say("after a restart members can return")
	}
}

// config returns the options as signalserver's Config, in which 0 means the default and a negative number means
// none.
func (o *Options) config(log *slog.Logger) (signalserver.Config, error) {
	c := signalserver.Config{
		RemoteAddr:  o.Proxy.ClientOf(log),
		CheckOrigin: o.Auth.CheckOrigin(),
		Plain:       godot.Server(),
		Log:         log,
	}
	o.Member.Apply(&c)
	o.Limits.Apply(&c)
	o.Relay.Apply(&c)
	if o.Server.ResumeKey != "" {
		c.ResumeKey = []byte(o.Server.ResumeKey)
		c.StateFile, c.RebuildTime = o.Server.StateFile, o.Server.RebuildTime
	}
	if stun, _ := o.TURN.Others(); len(stun) > 0 {
		c.ICEServers = []signaling.ICEServer{{URLs: stun}}
	}
	var err error
	c.Admit, err = o.Auth.Admit()
	return c, err
}

func printVersion(w io.Writer) error {
	_, err := fmt.Fprintln(w, settings.Program, cli.Version())
	return err
}
