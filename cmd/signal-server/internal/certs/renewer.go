package certs

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// A renewer gets certificates from an autocert.Manager, and replaces the manager when a certificate is overdue. A
// manager sets a timer for each renewal. If the clock was wrong at that moment, or the host has slept since, the
// timer goes off too late, and the manager serves the certificate even after it has expired. A manager also logs
// no reason if a renewal fails. So the renewer asks the authority itself: in a handshake, at most once an hour.
type renewer struct {
	// Fixed at construction.
	create func() *autocert.Manager
	log    *slog.Logger
	now    func() time.Time

	mu      sync.Mutex // guards the fields below
	manager *autocert.Manager
	http    bool      // challenges may come over HTTP
	tried   time.Time // the last attempt to renew an overdue certificate
}

// tryEvery is the time between two attempts. Let's Encrypt allows five failures an hour, and the manager tries,
// too.
const tryEvery = time.Hour

func newRenewer(create func() *autocert.Manager, log *slog.Logger) *renewer {
	return &renewer{create: create, log: log, now: time.Now, manager: create()}
}

// challenge wraps h with the answers to challenges over HTTP. Those of later managers come from the cache.
func (r *renewer) challenge(h http.Handler) http.Handler {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.http = true
	return r.manager.HTTPHandler(h)
}

// get is the function for GetCertificate of tls.Config. It serves an expired certificate rather than none, because
// the clock of this host may be wrong.
func (r *renewer) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	r.mu.Lock()
	manager := r.manager
	r.mu.Unlock()
	certificate, err := manager.GetCertificate(hello)
	if err != nil || slices.Contains(hello.SupportedProtos, acme.ALPNProto) || !r.mayTry(certificate) {
		return certificate, err
	}
	renewed, err := r.renew(hello)
	if err != nil {
		r.log.Warn("certificate not renewed", "name", hello.ServerName, "expires", certificate.Leaf.NotAfter, "err", err)
		return certificate, nil
	}
	return renewed, nil
}

// mayTry reports whether a certificate is overdue and the last attempt was long enough ago. A manager renews a
// certificate when a third of its life is left, but at most 30 days. After half of that time it is overdue.
func (r *renewer) mayTry(c *tls.Certificate) bool {
	expires := c.Leaf.NotAfter
	left := min(expires.Sub(c.Leaf.NotBefore)/3, 30*24*time.Hour)
	if r.now().Before(expires.Add(-left / 2)) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.tried.IsZero() && time.Since(r.tried) < tryEvery {
		return false
	}
	r.tried = time.Now()
	return true
}

// renew gets a certificate from the authority with a new manager. If that succeeds, the new manager replaces the
// old one.
func (r *renewer) renew(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	manager := r.create()
	cache := &withoutCertificates{Cache: manager.Cache}
	manager.Cache = cache
	r.mu.Lock()
	if r.http {
		manager.HTTPHandler(nil)
	}
	r.mu.Unlock()
	certificate, err := manager.GetCertificate(hello)
	if err != nil {
		return nil, err
	}
	cache.lifted.Store(true)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.manager = manager
	return certificate, nil
}

// withoutCertificates is a cache in which a manager finds its account and challenges but no certificates, so that
// it asks the authority for them.
type withoutCertificates struct {
	autocert.Cache
	lifted atomic.Bool // it has certificates, too
}

func (c *withoutCertificates) Get(ctx context.Context, key string) ([]byte, error) {
	if isCertificate(key) && !c.lifted.Load() {
		return nil, autocert.ErrCacheMiss
	}
	return c.Cache.Get(ctx, key)
}
