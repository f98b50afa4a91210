// Package certs provides the certificates of the server: from files, or from a certificate authority over ACME.
//
//	Options.Certificates -> keyPair    reads the files again when they have changed
//	                     -> renewer    gets and renews certificates with autocert
//
// Package server uses the resulting tls.Config for the listener of members and for TURN over TLS.
package certs

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"example.org/rtcpeer/cmd/signal-server/internal/settings"
)

// Options are the flags for TLS.
type Options struct {
	Cert string `name:"tls-cert" placeholder:"FILE" help:"PEM certificate chain; read again if it changes."`
	Key  string `name:"tls-key" placeholder:"FILE" help:"PEM private key of --tls-cert."`

	Domains   []string `name:"acme-domain" placeholder:"NAME" help:"Get a certificate for NAME from Let's Encrypt."`
	Cache     string   `name:"acme-cache" default:"acme" placeholder:"DIR" help:"Folder for these certificates (${default})."`
	Email     string   `name:"acme-email" placeholder:"ADDRESS" help:"Contact address for Let's Encrypt notices."`
	Directory string   `name:"acme-directory" placeholder:"URL" help:"Use another ACME authority than Let's Encrypt."`

	Redirect string `name:"http-redirect" placeholder:"ADDR" help:"Redirect HTTP on this address to HTTPS."`
}

// Check adds what is wrong with the options.
func (o *Options) Check(p *settings.Problems) {
	switch {
	case (o.Cert == "") != (o.Key == ""):
		p.Add("--tls-cert and --tls-key: set both or neither")
	case o.Cert != "" && len(o.Domains) > 0:
		p.Add("--tls-cert and --acme-domain: set only one of them")
	case o.Cert != "":
		_, err := tls.LoadX509KeyPair(o.Cert, o.Key)
		p.Check("--tls-cert and --tls-key", err)
	}
	for _, name := range o.Domains {
		if net.ParseIP(name) != nil || !strings.Contains(name, ".") || strings.ContainsAny(name, ":/*@ ") {
			p.Add("--acme-domain %q: want the name of this host, for example game.example", name)
		}
	}
	if o.Email != "" && !strings.Contains(o.Email, "@") {
		p.Add("--acme-email %q: want an e-mail address", o.Email)
	}
	if u, err := url.Parse(o.Directory); o.Directory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		p.Add("--acme-directory %q: want the https URL of an ACME directory", o.Directory)
	}
	if o.Redirect != "" && !o.On() {
		p.Add("--http-redirect: needs --tls-cert or --acme-domain")
	}
}

// CheckCache checks that certificates of ACME can be kept: without their folder the server gets none. It leaves
// nothing behind, and does not make the folder: the server may run as another user.
func (o *Options) CheckCache() error {
	if len(o.Domains) == 0 {
		return nil
	}
	folder, err := filepath.Abs(o.Cache)
	if err != nil {
		return err
	}
	for _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist); _, err = os.Stat(folder) {
		folder = filepath.Dir(folder) // the server makes those that are missing
	}
	return settings.Writable(folder)
}

// Plan says how members connect. address is that of their listener.
func (o *Options) Plan(address string, say settings.Say) {
	switch {
	case len(o.Domains) > 0:
		say("members: wss on %s, with certificates from %s for %s, kept in %s", address, cmp.Or(o.Directory, "Let's Encrypt"), strings.Join(o.Domains, ", "), o.Cache)
		if !strings.HasSuffix(address, ":443") && !strings.HasSuffix(o.Redirect, ":80") {
			say("  to get them, port 443 of %s must lead to %s", o.Domains[0], address)
		}
	case o.Cert != "":
		say("members: wss on %s, with the certificate in %s", address, o.Cert)
	default:
		say("members: ws on %s, without TLS", address)
	}
	if o.Redirect != "" {
		say("http on %s is redirected to https", o.Redirect)
	}
}

// On reports whether the server has TLS.
func (o *Options) On() bool { return o.Cert != "" || len(o.Domains) > 0 }

// Host returns the name under which clients know this host, if it is given with --acme-domain.
func (o *Options) Host() string {
	if len(o.Domains) > 0 {
		return o.Domains[0]
	}
	return ""
}

// Certificates are the TLS settings of a listener, and the handler for challenges of the certificate authority.
type Certificates struct {
	Config    *tls.Config                     // nil: no TLS
	Challenge func(http.Handler) http.Handler // wraps the handler of the redirect
}

// Watch calls used with each certificate that a handshake uses: with the first of its names and the time at which
// it expires. For certificates from files Watch also calls used itself. It must be called before Config is used.
func (c Certificates) Watch(used func(name string, expires time.Time)) {
	if c.Config == nil {
		return
	}
	get := c.Config.GetCertificate
	c.Config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		certificate, err := get(hello)
		if err == nil && certificate.Leaf != nil && !slices.Contains(hello.SupportedProtos, acme.ALPNProto) {
			name := append(slices.Clone(certificate.Leaf.DNSNames), "")[0]
			used(name, certificate.Leaf.NotAfter)
		}
		return certificate, err
	}
	_, _ = c.Config.GetCertificate(new(tls.ClientHelloInfo)) // fails with ACME, which needs a server name
}

// Certificates returns the certificates. It reads those in files.
func (o *Options) Certificates(log *slog.Logger) (Certificates, error) {
	switch {
	case len(o.Domains) > 0:
		r := newRenewer(func() *autocert.Manager { return o.manager(log) }, log)
		return Certificates{Config: serveTLS(o.logged(r.get, log), acme.ALPNProto), Challenge: r.challenge}, nil
	case o.Cert != "":
		pair, err := openKeyPair(o.Cert, o.Key, log)
		if err != nil {
			return Certificates{}, err
		}
		return Certificates{Config: serveTLS(pair.get), Challenge: func(h http.Handler) http.Handler { return h }}, nil
	}
	return Certificates{}, nil
}

// manager returns an autocert manager that requests certificates only for the given names. Clients choose the
// name in their hello, and the authority limits how often one may ask.
func (o *Options) manager(log *slog.Logger) *autocert.Manager {
	return &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      loggedCache{autocert.DirCache(o.Cache), log},
		HostPolicy: autocert.HostWhitelist(o.Domains...),
		Email:      o.Email,
		Client:     &acme.Client{DirectoryURL: o.Directory},
	}
}

// A loggedCache logs each new certificate, and each failure to store data. autocert ignores such a failure, although the
// server then asks for a new certificate at each start, until the authority refuses.
type loggedCache struct {
	autocert.Cache
	log *slog.Logger
}

func (c loggedCache) Put(ctx context.Context, key string, data []byte) error {
	err := c.Cache.Put(ctx, key, data)
	switch {
	case err != nil:
		c.log.Error("cannot store data from the certificate authority", "name", key, "err", err)
	case isCertificate(key):
		c.log.Info("certificate obtained", "name", strings.TrimSuffix(key, rsaKey))
	}
	return err
}

// rsaKey ends the key in autocert's cache of a certificate for clients without elliptic curves.
const rsaKey = "+rsa"

// isCertificate reports whether a key in autocert's cache is of a certificate. Those of accounts and challenges
// contain a + as well.
func isCertificate(key string) bool {
	return !strings.Contains(key, "+") || strings.HasSuffix(key, rsaKey)
}

type getCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// serveTLS returns a TLS config without HTTP/2, because the server's WebSockets need HTTP/1.1 and the page is
// small.
func serveTLS(get getCertificate, more ...string) *tls.Config {
	return &tls.Config{GetCertificate: get, NextProtos: append([]string{"http/1.1"}, more...)}
}

// WithTURN adds the protocols that TURN clients offer (RFC 7443), for a port that HTTP and TURN share.
func WithTURN(web *tls.Config) *tls.Config {
	config := web.Clone()
	config.NextProtos = append(slices.Clone(web.NextProtos), "stun.turn", "stun.nat-discovery")
	return config
}

// logged wraps get to log why there is no certificate for one of the server's own names, because autocert
// returns the error only to the handshake. Errors about other names are not logged: they are mistakes of
// clients, or scans of all hosts.
func (o *Options) logged(get getCertificate, log *slog.Logger) getCertificate {
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		c, err := untilDone(get, hello)
		if err != nil && slices.Contains(o.Domains, strings.ToLower(hello.ServerName)) {
			log.Warn("cannot get a certificate", "name", hello.ServerName, "err", err)
		}
		return c, err
	}
}

// untilDone calls get, but returns when the context of the handshake is done, that is at the end of the server. An
// authority that does not answer holds get for up to five minutes.
func untilDone(get getCertificate, hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	type result struct {
		certificate *tls.Certificate
		err         error
	}
	got := make(chan result, 1)
	go func() {
		c, err := get(hello)
		got <- result{c, err}
	}()
	ctx := hello.Context()
	if ctx == nil { // there is no handshake: see Watch
		ctx = context.Background()
	}
	select {
	case r := <-got:
		return r.certificate, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Redirect redirects browsers to https. port is the port of the TLS listener. If a client used port 80 but this
// listener has another port, then port 80 is forwarded to it, and Redirect assumes that 443 is forwarded too.
func Redirect(port int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, from, err := net.SplitHostPort(r.Host)
		if err != nil {
			name, from = strings.Trim(r.Host, "[]"), "80"
		}
		if name == "" {
			http.Error(w, "no Host", http.StatusBadRequest)
			return
		}
		target := url.URL{Scheme: "https", Host: net.JoinHostPort(name, fmt.Sprint(port)), Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
		if port == 443 || from == "80" && localPort(r) != 80 {
			target.Host = strings.TrimSuffix(net.JoinHostPort(name, ""), ":")
		}
		http.Redirect(w, r, target.String(), http.StatusPermanentRedirect)
	})
}

// localPort returns the port at which r arrived, or 0 if it is not known.
func localPort(r *http.Request) int {
	if at, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		return at.Port
	}
	return 0
}
