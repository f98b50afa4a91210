package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// A site is one listener and what it serves.
type site struct {
	flag     string // of its address
	listener net.Listener
	front    *front // before the listener; nil: none
	http     http.Server
}

const (
	idleTimeout  = time.Minute
	writeTimeout = 30 * time.Second // of an answer: at 20 kbit/s, the largest file of the page
)

// openSite binds the address; the handler is to be set.
func openSite(flag, address string, limits limitOptions, certificates *tls.Config, g *gate, log *slog.Logger) (*site, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, listenProblem(flag, address, err)
	}
	l := &site{flag: flag, listener: g.guard(listener)}
	l.http = http.Server{
		TLSConfig:         certificates,
		ReadHeaderTimeout: limits.HandshakeTimeout,
		ReadTimeout:       limits.HandshakeTimeout, // with the body. A WebSocket is taken from net/http
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    limits.MaxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return l, nil
}

// hurry bounds the time of answers that nobody reads. It is not for the administration, whose profiles take their time:
// see admin.
func (l *site) hurry() { l.http.WriteTimeout = writeTimeout }

// behind has f sort the connections, which may be that it ends TLS.
func (l *site) behind(f *front) {
	l.front, l.listener = f, f.web
	if f.certificates != nil {
		l.http.TLSConfig = nil
	}
}

func (l *site) serve() error {
	if l.http.TLSConfig != nil {
		return l.http.ServeTLS(l.listener, "", "")
	}
	return l.http.Serve(l.listener)
}

// clientURL is where a client finds the server; one on this machine, if no name is known.
func clientURL(addr net.Addr, secure bool, name string) string {
	tcp := addr.(*net.TCPAddr)
	scheme, usual := "ws://", 80
	if secure {
		scheme, usual = "wss://", 443
	}
	if name == "" && tcp.IP.IsUnspecified() {
		name = "localhost"
	}
	switch {
	case name == "":
		return scheme + tcp.String()
	case tcp.Port == usual:
		return scheme + name
	}
	return fmt.Sprintf("%s%s:%d", scheme, name, tcp.Port)
}
