// Package bus connects the server over NATS to the other servers that share its rooms.
//
//	Options.Open -> natsbus, for an external NATS
//	             -> natsnode and natsbus, for a NATS node in this process (build tag nats_embedded)
//	Options.Try  -> what check-config says about NATS
//
// Package server opens the Bus before the rooms and closes it after them.
package bus

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/signal-server/internal/settings"
	"example.org/rtcpeer/signaling/cluster/natsbus"
)

// Options are the flags for several servers that share their rooms over NATS.
type Options struct {
	NATS   []string `name:"nats" placeholder:"URL" help:"Share rooms with other servers over NATS; see DEPLOY.md."`
	Creds  string   `name:"nats-creds" placeholder:"FILE" help:"Credentials file from the NATS tool nsc (see DEPLOY.md)."`
	Name   string   `name:"nats-name" default:"default" placeholder:"NAME" help:"Name of the cluster of servers (${default})."`
	CA     string   `name:"nats-ca" hidden:"" placeholder:"FILE" help:"PEM file of CA certificates for NATS (the system's)."`
	Cert   string   `name:"nats-cert" hidden:"" placeholder:"FILE" help:"PEM file of the client certificate for NATS."`
	Key    string   `name:"nats-key" hidden:"" placeholder:"FILE" help:"PEM file of the private key of --nats-cert."`
	Server string   `name:"server-name" placeholder:"NAME" help:"Name of this server in logs and metrics (host name)."`

	Embedded string          `name:"nats-embedded" hidden:"" placeholder:"ADDR" help:"Run a NATS node in this process. Other nodes connect to ADDR, for example :6222."`
	Peers    []string        `name:"nats-peers" hidden:"" placeholder:"URL" help:"URL of another embedded node: nats://host:6222."`
	Secret   settings.Secret `name:"nats-secret" hidden:"" placeholder:"SECRET" help:"Password that all embedded nodes share."`
}

// On reports whether the server shares its rooms.
func (o *Options) On() bool { return len(o.NATS) > 0 || o.Embedded != "" }

// Shared returns the name of the cluster, or "" if the server is alone.
func (o *Options) Shared() string {
	if !o.On() {
		return ""
	}
	return o.Name
}

// ServerName returns the name of this server, which is the host's name if there is no --server-name.
func (o *Options) ServerName() string {
	host, _ := os.Hostname()
	return cmp.Or(o.Server, host)
}

// Check adds what is wrong with the options. hasResumeKey says whether there is a --resume-key.
func (o *Options) Check(p *settings.Problems, hasResumeKey bool) {
	switch {
	case len(o.NATS) > 0 && o.Embedded != "":
		p.Add("--nats and --nats-embedded: set only one of them")
	case o.Embedded == "" && (len(o.Peers) > 0 || o.Secret != ""):
		p.Add("--nats-peers and --nats-secret: need --nats-embedded")
	case o.Embedded != "" && !hasNode:
		p.Add("--nats-embedded: this program was built without a NATS node: use go build -tags nats_embedded ./cmd/signal-server")
	case !o.On() && (o.Creds != "" || o.CA != "" || o.Cert != ""):
		p.Add("--nats-creds, --nats-ca and --nats-cert: need --nats")
	case o.On() && !hasResumeKey:
		p.Add("--nats: needs --resume-key, the same for all servers")
	}
	p.AtLeast("--nats-secret", o.Secret, 16)
	if (o.Cert == "") != (o.Key == "") {
		p.Add("--nats-cert and --nats-key: set both or neither")
	}
	if o.Embedded != "" {
		if _, _, err := net.SplitHostPort(o.Embedded); err != nil {
			p.Add("--nats-embedded %q: want host:port, for example :6222", o.Embedded)
		}
	}
	for _, u := range o.NATS {
		if scheme, _, ok := strings.Cut(u, "://"); !ok || scheme != "nats" && scheme != "tls" {
			p.Add("--nats %q: want nats://host:4222 or tls://host:4222", u)
		}
	}
}

// Plan says which of several servers this one is.
func (o *Options) Plan(say settings.Say) {
	switch {
	case o.Embedded != "":
		say("cluster: this is server %s, with its own NATS node, whose route is on %s and whose peers are %s", o.ServerName(), o.Embedded, strings.Join(o.Peers, ", "))
	case o.On():
		say("cluster: this is server %s, over NATS", o.ServerName())
	}
}

// A node is a NATS node inside this program, if the program was built with one: see embedded.go.
type node interface {
	URL() string
	Close()
}

// A Bus is the connection to the other servers of the cluster, and this program's own NATS node, if it has one.
type Bus struct {
	nats *natsbus.Bus
	node node // nil: no node in this program
}

// checkTime is how long NATS may take to answer when the server starts.
const checkTime = 5 * time.Second

// Open connects to NATS. It returns nil for a server without a cluster. It fails on problems that do not go
// away by themselves, such as wrong credentials or permissions, and when ctx is done. NATS may still be
// unreachable; that is only a warning.
func (o *Options) Open(ctx context.Context, log *slog.Logger) (*Bus, error) {
	if !o.On() {
		return nil, nil
	}
	b := new(Bus)
	urls := o.NATS
	if o.Embedded != "" {
		var err error
		if b.node, err = startNode(o); err != nil {
			return nil, err
		}
		urls = []string{b.node.URL()}
	}
	secure, err := o.tls()
	if err == nil {
		b.nats, err = connect(ctx, natsbus.Config{URLs: urls, Name: o.Name, Server: o.ServerName(), Credentials: o.Creds, TLS: secure, Log: log})
	}
	if err != nil {
		b.Close()
		return nil, err
	}
	if b.node != nil {
		return b, nil // the others may not be there yet
	}
	answer, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	switch _, err := b.nats.Check(answer); {
	case errors.Is(err, natsbus.ErrNotAllowed), ctx.Err() != nil:
		b.Close()
		return nil, cmp.Or(context.Cause(ctx), err)
	case err != nil:
		log.Warn("NATS unreachable: the server is not ready yet", "err", err)
	}
	return b, nil
}

// connect is natsbus.Open, but returns when ctx is done: nodes that do not answer hold natsbus.Open for some seconds
// each. Its goroutine ends after that.
func connect(ctx context.Context, c natsbus.Config) (*natsbus.Bus, error) {
	type result struct {
		bus *natsbus.Bus
		err error
	}
	opened := make(chan result)
	go func() {
		bus, err := natsbus.Open(c)
		select {
		case opened <- result{bus, err}:
		case <-ctx.Done():
			if err == nil {
				bus.Close()
			}
		}
	}()
	select {
	case r := <-opened:
		return r.bus, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// NATS returns the bus for the rooms.
func (b *Bus) NATS() *natsbus.Bus { return b.nats }

// Close ends the connection, and the NATS node of this program.
func (b *Bus) Close() {
	if b.nats != nil {
		b.nats.Close()
	}
	if b.node != nil {
		b.node.Close()
	}
}

// tls returns nil if the system's root certificates are used and there is no client certificate.
func (o *Options) tls() (*tls.Config, error) {
	if o.CA == "" && o.Cert == "" {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CA != "" {
		content, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, fmt.Errorf("--nats-ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(content) {
			return nil, fmt.Errorf("--nats-ca %s: the file contains no certificate: want CA certificates in PEM", o.CA)
		}
	}
	if o.Cert != "" {
		pair, err := tls.LoadX509KeyPair(o.Cert, o.Key)
		if err != nil {
			return nil, fmt.Errorf("--nats-cert: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// Try connects to NATS for check-config, and reports what a start would find.
func (o *Options) Try(out io.Writer) error {
	if len(o.NATS) == 0 {
		return nil
	}
	secure, err := o.tls()
	if err != nil {
		return cli.Usage(err)
	}
	b, err := natsbus.Open(natsbus.Config{URLs: o.NATS, Name: o.Name, Server: o.ServerName(), Credentials: o.Creds, TLS: secure})
	if err != nil {
		return cli.Usage(err)
	}
	defer b.Close()
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	good, err := b.Check(ctx)
	for _, line := range good {
		fmt.Fprintf(out, "NATS: %s\n", line)
	}
	if err != nil {
		return cli.Usage(err)
	}
	return nil
}
