package certs

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"
)

// A keyPair is a certificate and its key in two files. Each handshake checks whether the files have changed, so
// a renewed certificate is used from the next connection on. This needs no signal and no goroutine that watches
// the files. The two calls of stat cost little compared with the signature of a handshake.
type keyPair struct {
	// Fixed at construction.
	cert, key string
	log       *slog.Logger

	mu     sync.Mutex // guards the fields below
	tried  [2]stamp   // stamps of the files at the last attempt to read them
	loaded *tls.Certificate
}

// A stamp changes when its file changes.
type stamp struct {
	modified time.Time
	size     int64
}

func openKeyPair(cert, key string, log *slog.Logger) (*keyPair, error) {
	loaded, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	p := &keyPair{cert: cert, key: key, log: log, loaded: &loaded}
	p.tried = p.stamps()
	return p, nil
}

// get is the function for GetCertificate of tls.Config. While the files are being replaced, or do not match, it
// returns the certificate that it has.
func (p *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.stamps(); now != p.tried {
		p.tried = now
		p.load()
	}
	return p.loaded, nil
}

func (p *keyPair) load() {
	loaded, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		p.log.Warn("changed certificate cannot be read; the old one stays in use", "file", p.cert, "err", err)
		return
	}
	p.loaded = &loaded
	p.log.Info("changed certificate read", "file", p.cert, "expires", loaded.Leaf.NotAfter)
}

func (p *keyPair) stamps() (s [2]stamp) {
	for i, name := range []string{p.cert, p.key} {
		if info, err := os.Stat(name); err == nil {
			s[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return s
}
