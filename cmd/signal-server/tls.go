package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"example.org/rtcpeer/cmd/signal-server/internal/settings"
)

type tlsOptions struct {
	Cert string `name:"tls-cert" placeholder:"FILE" help:"Certificate chain, PEM; read again if changed."`
	Key  string `name:"tls-key" placeholder:"FILE" help:"Its private key, PEM."`

	Domains   []string `name:"acme-domain" placeholder:"NAME" help:"Get a certificate of Let's Encrypt for NAME."`
	Cache     string   `name:"acme-cache" default:"acme" placeholder:"DIR" help:"Folder to keep them in (${default})."`
	Email     string   `name:"acme-email" placeholder:"ADDRESS" help:"Whom Let's Encrypt writes to about problems."`
	Directory string   `name:"acme-directory" placeholder:"URL" help:"Another authority that speaks ACME."`

	Redirect string `name:"http-redirect" placeholder:"ADDR" help:"Redirect browsers from here, as :80, to https."`
}

func (o *tlsOptions) check(p *settings.Problems) {
	switch {
	case (o.Cert == "") != (o.Key == ""):
		p.Add("--tls-cert and --tls-key: want both or none")
	case o.Cert != "" && len(o.Domains) > 0:
		p.Add("--tls-cert and --acme-domain: want one of them")
	case o.Cert != "":
		_, err := tls.LoadX509KeyPair(o.Cert, o.Key)
		p.Check("--tls-cert and --tls-key", err)
	}
	for _, name := range o.Domains {
		if net.ParseIP(name) != nil || !strings.Contains(name, ".") || strings.ContainsAny(name, ":/*@ ") {
			p.Add("--acme-domain %q: want the name of this host, as game.example", name)
		}
	}
	if u, err := url.Parse(o.Directory); o.Directory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		p.Add("--acme-directory %q: want the https URL of a directory", o.Directory)
	}
	if o.Redirect != "" && !o.on() {
		p.Add("--http-redirect: needs --tls-cert or --acme-domain")
	}
}

func (o *tlsOptions) on() bool { return o.Cert != "" || len(o.Domains) > 0 }

// host returns the name under which clients know this host, if it is given with --acme-domain.
func (o *tlsOptions) host() string {
	if len(o.Domains) > 0 {
		return o.Domains[0]
	}
	return ""
}

// certificates are the TLS settings of a listener, and the handler for challenges of the certificate authority.
type certificates struct {
	config    *tls.Config                     // nil: no TLS
	challenge func(http.Handler) http.Handler // wraps the handler of the redirect
}

// watch sets expires to the time at which a certificate expires, labeled with the first of its names. For
// certificates from files it does so at once, for ACME from the first handshake on.
func (c certificates) watch(expires *prometheus.GaugeVec) {
	if c.config == nil {
		return
	}
	get := c.config.GetCertificate
	c.config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		certificate, err := get(hello)
		if err == nil && certificate.Leaf != nil && !slices.Contains(hello.SupportedProtos, acme.ALPNProto) {
			name := append(slices.Clone(certificate.Leaf.DNSNames), "")[0]
			expires.WithLabelValues(name).Set(float64(certificate.Leaf.NotAfter.Unix()))
		}
		return certificate, err
	}
	_, _ = c.config.GetCertificate(new(tls.ClientHelloInfo)) // fails with ACME, which needs a server name
}

func (o *tlsOptions) certificates(log *slog.Logger) (certificates, error) {
	switch {
	case len(o.Domains) > 0:
		m := o.manager()
		return certificates{
			config:    serveTLS(o.logged(m.GetCertificate, log), acme.ALPNProto),
			challenge: m.HTTPHandler,
		}, nil
	case o.Cert != "":
		pair, err := openKeyPair(o.Cert, o.Key, log)
		if err != nil {
			return certificates{}, err
		}
		return certificates{config: serveTLS(pair.get), challenge: func(h http.Handler) http.Handler { return h }}, nil
	}
	return certificates{}, nil
}

// manager returns an autocert manager that requests certificates only for the given names. Clients choose the
// name in their hello, and the authority limits how often one may ask.
func (o *tlsOptions) manager() *autocert.Manager {
	return &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(o.Cache),
		HostPolicy: autocert.HostWhitelist(o.Domains...),
		Email:      o.Email,
		Client:     &acme.Client{DirectoryURL: o.Directory},
	}
}

type getCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// serveTLS returns a TLS config without HTTP/2, because the server's WebSockets need HTTP/1.1 and the page is
// small.
func serveTLS(get getCertificate, more ...string) *tls.Config {
	return &tls.Config{GetCertificate: get, NextProtos: append([]string{"http/1.1"}, more...)}
}

// withTURN adds the protocols that TURN clients offer (RFC 7443), for a port that HTTP and TURN share.
func withTURN(web *tls.Config) *tls.Config {
	config := web.Clone()
	config.NextProtos = append(slices.Clone(web.NextProtos), "stun.turn", "stun.nat-discovery")
	return config
}

// logged wraps get to log why there is no certificate for one of the server's own names, because autocert
// returns the error only to the handshake. Errors about other names are not logged: they are mistakes of
// clients, or scans of all hosts.
func (o *tlsOptions) logged(get getCertificate, log *slog.Logger) getCertificate {
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		c, err := get(hello)
		if err != nil && slices.Contains(o.Domains, strings.ToLower(hello.ServerName)) {
			log.Warn("no certificate", "name", hello.ServerName, "err", err)
		}
		return c, err
	}
}

// redirect redirects browsers to https. port is the port of the TLS listener. If a client used port 80 but this
// listener has another port, then port 80 is forwarded to it, and redirect assumes that 443 is forwarded too.
func redirect(port int) http.Handler {
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
