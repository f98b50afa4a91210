package admin

import "example.org/rtcpeer/cmd/signal-server/internal/settings"

// Options are the flags for the administration.
type Options struct {
	Listen string          `name:"admin-listen" placeholder:"ADDR" help:"Administration address; see DEPLOY.md."`
	Token  settings.Secret `name:"admin-token" placeholder:"SECRET" help:"Bearer token for administration; at least 16 bytes."`
}

// ListenFlag is the flag of Options.Listen.
const ListenFlag = "--admin-listen"

// Check adds what is wrong with the options.
func (o *Options) Check(p *settings.Problems) {
	p.AtLeast("--admin-token", o.Token, 16)
	if (o.Listen == "") != (o.Token == "") {
		p.Add("--admin-listen and --admin-token: set both or neither")
	}
}

// Plan says where the administration is.
func (o *Options) Plan(say settings.Say) {
	if o.Listen != "" {
		say("administration: on %s, with a token", o.Listen)
	}
}
