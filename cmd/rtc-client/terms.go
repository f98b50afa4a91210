package main

import (
	"encoding/json"
	"net/http"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
)

// unseen is what the help of each flag says that has a secret.
const unseen = "Other users of the machine see flags, but not the environment"

// An access is what a signaling server may want of those who use it.
type access struct {
	Token string `env:"RTC_CLIENT_TOKEN" placeholder:"TEXT" help:"Access token, for servers that want one. ${unseen}"`
}

// apply has a demo's server get the token with the request, since its protocol has no place for it.
func (a *access) apply(config *rtcpeer.Config, isGodot bool) {
	config.Token = a.Token
	if isGodot && a.Token != "" {
		config.Signaling.Header = http.Header{"Authorization": {"Bearer " + a.Token}}
	}
}

// Terms are the password of a room, and what else can be said of one that is new.
type terms struct {
	Password   string `env:"RTC_CLIENT_PASSWORD" placeholder:"TEXT" help:"Password of the room, and of a new one. ${unseen}"`
	Public     bool   `help:"Have rtc-client list show the room, if it is new."`
	Metadata   string `placeholder:"JSON" help:"What it shows of a new room, and filters by."`
	Create     string `placeholder:"never|only" help:"never: only join; only: only create (either)."`
	MaxMembers int    `placeholder:"N" help:"Most members of a new room, with its host (as many as the server allows)."`
}

func (t *terms) apply(config *rtcpeer.Config, isGodot bool) error {
	switch {
	case isGodot && *t != terms{}:
		return cli.Usagef("--password, --public, --metadata, --max-members, --create: the protocol of Godot's signaling demo has none of them")
	case len(t.Password) > signaling.MaxPassword:
		return cli.Usagef("--password: want at most %d bytes", signaling.MaxPassword)
	case t.Metadata != "" && !json.Valid([]byte(t.Metadata)), len(t.Metadata) > signaling.MaxMetadata:
		return cli.Usagef("--metadata: want JSON of at most %d bytes", signaling.MaxMetadata)
	case t.Create != "" && t.Create != string(rtcpeer.CreateNever) && t.Create != string(rtcpeer.CreateOnly):
		return cli.Usagef("--create %q: want never or only", t.Create)
	case t.MaxMembers < 0:
		return cli.Usagef("--max-members %d: want a positive number, or 0 for the server's limit", t.MaxMembers)
	}
	config.Password, config.Create = t.Password, rtcpeer.Create(t.Create)
	config.NewRoom.Public, config.NewRoom.MaxMembers = t.Public, t.MaxMembers
	if t.Metadata != "" {
		config.NewRoom.Metadata = json.RawMessage(t.Metadata)
	}
	return nil
}
