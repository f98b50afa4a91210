package main

import (
	"net/http"
	"time"

	"example.org/rtcpeer/cmd/signal-server/internal/settings"
)

type operationOptions struct {
	Metrics    string          `name:"metrics-listen" placeholder:"ADDR" help:"/metrics alone there, or off (beside the signaling)."`
	Admin      string          `name:"admin-listen" placeholder:"ADDR" help:"Administration, as localhost:9081; see DEPLOY.md."`
	AdminToken settings.Secret `placeholder:"SECRET" help:"Its bearer token, 16 bytes or more."`

	DrainDelay time.Duration `default:"0s" placeholder:"TIME" help:"How long it serves on, not ready, at its end (${default})."`
}

func (o *operationOptions) check(p *settings.Problems) {
	if o.DrainDelay < 0 {
		p.Add("--drain-delay %v: want a time, or 0 for none", o.DrainDelay)
	}
	p.AtLeast("--admin-token", o.AdminToken, 16)
	if (o.Admin == "") != (o.AdminToken == "") {
		p.Add("--admin-listen and --admin-token: want both or none")
	}
}

const adminFlag = "--admin-listen"

func (o *operationOptions) metricsAddress() string {
	if o.Metrics == settings.Off {
		return ""
	}
	return o.Metrics
}

// beside returns the handler of the figures if the listener of members serves them, otherwise nil.
func (o *operationOptions) beside(f *figures) http.Handler {
	if o.Metrics != "" {
		return nil
	}
	return f.handler()
}
