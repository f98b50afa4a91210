package main

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"
)

// A keyPair is a certificate and its key in two files, which are looked at in each handshake: a renewed
// certificate is in use from the next connection on, without a signal and without a goroutine that
// watches. Two calls of stat are nothing beside the signature of a handshake.
type keyPair struct {
	// Fixed at construction.
	cert, key string
	log       *slog.Logger

	mu     sync.Mutex // guards the fields below
	tried  [2]stamp   // of the files when they were last read, well or not
	loaded *tls.Certificate
}

// A stamp changes when a file does.
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

// get is a tls.Config's GetCertificate. While the files are being replaced, or do not fit, it goes on
// with what it has.
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
		p.log.Warn("certificate not read again", "file", p.cert, "err", err)
		return
	}
	p.loaded = &loaded
	p.log.Info("certificate read again", "file", p.cert, "expires", loaded.Leaf.NotAfter)
}

func (p *keyPair) stamps() (s [2]stamp) {
	for i, name := range []string{p.cert, p.key} {
		if info, err := os.Stat(name); err == nil {
			s[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return s
}
