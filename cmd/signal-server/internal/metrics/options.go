package metrics

import "example.org/rtcpeer/cmd/signal-server/internal/settings"

// Options are the flags for the figures.
type Options struct {
	Listen string `name:"metrics-listen" placeholder:"ADDR" help:"Address of /metrics, or off (that of --listen)."`
}

// Address returns the address of the listener for figures alone, or "" if there is none.
func (o *Options) Address() string {
	if o.Listen == settings.Off {
		return ""
	}
	return o.Listen
}

// WithMembers reports whether the listener of members also serves the figures.
func (o *Options) WithMembers() bool { return o.Listen == "" }

// Plan says where the figures are. members is the address of the listener of members.
func (o *Options) Plan(members string, say settings.Say) {
	switch o.Listen {
	case settings.Off:
	case "":
		say("metrics: /metrics on %s, open to everybody", members)
	default:
		say("metrics: /metrics on %s", o.Listen)
	}
}
