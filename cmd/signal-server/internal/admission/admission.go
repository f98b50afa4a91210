// Package admission decides who may join: everybody, the bearers of access tokens, or those whom a web hook admits.
//
//	Options.Admit -> tokenGuard    checks access tokens (JWT) with the keys in files
//	              -> hook          posts a question to a URL, and reads the answer
//	              -> nil           everybody may join
//	Token                          the command that creates an access token
//
// Package server passes the function that Admit returns to signalserver, which calls it for each join.
package admission

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.org/rtcpeer/cmd/signal-server/internal/settings"
	"example.org/rtcpeer/signaling/signalserver"
)

// Options are the flags for admission. Without them everybody may join.
type Options struct {
	JWT      []string `name:"auth-jwt" placeholder:"FILE" help:"Key of the tokens that clients need (DEPLOY.md)."`
	Audience string   `name:"auth-audience" placeholder:"NAME" help:"Audience that tokens must have."`

	Hook         string        `name:"auth-hook" placeholder:"URL" help:"URL that decides who may join; see DEPLOY.md."`
	HookTimeout  time.Duration `name:"auth-hook-timeout" default:"5s" placeholder:"TIME" help:"Time limit for the hook (${default})."`
	HookFailOpen bool          `name:"auth-hook-fail-open" help:"Admit everybody while the hook does not answer."`

	Origins []string `name:"allow-origin" placeholder:"ORIGIN" help:"Origin whose web pages may connect (all origins)."`
}

// Check adds what is wrong with the options.
func (o *Options) Check(p *settings.Problems) {
	for _, name := range o.JWT {
		_, err := readVerifyKey(name)
		p.Check("--auth-jwt", err)
	}
	if o.Audience != "" && len(o.JWT) == 0 {
		p.Add("--auth-audience: needs --auth-jwt")
	}
	if u, err := url.Parse(o.Hook); o.Hook != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		p.Add("--auth-hook: want an http or https URL")
	}
	if o.Hook != "" && len(o.JWT) > 0 {
		p.Add("--auth-jwt and --auth-hook: set only one of them")
	}
	if o.HookTimeout <= 0 {
		p.Add("--auth-hook-timeout %v: want a positive time", o.HookTimeout)
	}
	if o.HookFailOpen && o.Hook == "" {
		p.Add("--auth-hook-fail-open: needs --auth-hook")
	}
	for _, origin := range o.Origins {
		if u, err := url.Parse(origin); origin != "null" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != "") {
			p.Add("--allow-origin %q: want only scheme and host, for example https://game.example", origin)
		}
	}
}

// Plan says who is admitted.
func (o *Options) Plan(say settings.Say) {
	switch {
	case len(o.JWT) > 0:
		say("admission: requires a token signed with %s", strings.Join(o.JWT, ", "))
	case o.Hook != "":
		say("admission: decided by the hook within %v; it admits %s when it does not answer", o.HookTimeout,
			map[bool]string{true: "everybody", false: "nobody"}[o.HookFailOpen])
	default:
		say("admission: everybody")
	}
	if len(o.Origins) > 0 {
		say("web pages that may connect: those of %s, and this server's own", strings.Join(o.Origins, ", "))
	}
}

// Admit is the type of signalserver's Config.Admit.
type Admit func(context.Context, signalserver.Request) (signalserver.Grant, error)

// Admit returns the function that decides who may join, or nil if everybody may.
func (o *Options) Admit() (Admit, error) {
	if o.Hook != "" {
		return newHook(o).admit, nil
	}
	if len(o.JWT) == 0 {
		return nil, nil
	}
	guard, err := newTokenGuard(o)
	if err != nil {
		return nil, fmt.Errorf("--auth-jwt: %w", err)
	}
	return guard.admit, nil
}

// CheckOrigin returns the function that decides which web pages may connect, or nil if all may. The server's
// own page always may.
func (o *Options) CheckOrigin() func(*http.Request) bool {
	if len(o.Origins) == 0 {
		return nil
	}
	return func(r *http.Request) bool {
		origin := strings.ToLower(r.Header.Get("Origin"))
		_, host, _ := strings.Cut(origin, "://")
		return origin == "" || strings.EqualFold(host, r.Host) ||
			slices.ContainsFunc(o.Origins, func(allowed string) bool { return matches(strings.ToLower(allowed), origin) })
	}
}

// matches reports whether an origin matches an allowed one. The pattern https://*.a matches https://b.a and
// https://c.b.a.
func matches(allowed, origin string) bool {
	scheme, domain, wild := strings.Cut(allowed, "://*.")
	if !wild {
		return origin == allowed
	}
	host, ok := strings.CutPrefix(origin, scheme+"://")
	return ok && strings.HasSuffix(host, "."+domain) && !strings.ContainsAny(host, "/?#@")
}

// accessToken returns the token of a join. Clients that cannot put it into the join message, such as those of
// Godot's demo protocol, send it with the HTTP request as RFC 6750 describes.
func accessToken(r signalserver.Request) string {
	if r.Join.Token != "" {
		return r.Join.Token
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return token
	}
	if r.URL == nil {
		return ""
	}
	return r.URL.Query().Get("access_token")
}
