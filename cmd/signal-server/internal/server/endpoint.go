package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"example.org/rtcpeer/cmd/signal-server/internal/connlimit"
	"example.org/rtcpeer/cmd/signal-server/internal/front"
	"example.org/rtcpeer/cmd/signal-server/internal/limits"
)

// An endpoint is one listener and its HTTP server.
type endpoint struct {
	flag     string // the flag that sets its address
	listener net.Listener
	front    *front.Front // sorts the connections; nil: none
	http     http.Server
}

// openEndpoint binds the address. The caller must set the handler.
func openEndpoint(flag, address string, limit limits.Options, certificates *tls.Config, limiter *connlimit.Limiter, log *slog.Logger) (*endpoint, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, listenProblem(flag, address, err)
	}
	l := &endpoint{flag: flag, listener: limiter.Guard(listener)}
	l.http = http.Server{
		TLSConfig:         certificates,
		ReadHeaderTimeout: limit.HandshakeTimeout,
		ReadTimeout:       limit.HandshakeTimeout, // with the body; not for a hijacked WebSocket
		IdleTimeout:       limits.IdleTimeout,
		MaxHeaderBytes:    limit.MaxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return l, nil
}

// hurry limits the time for writing an answer, so that a client that does not read cannot hold it open. It is
// not for the administration, which sets its own deadlines because of profiles: see package admin.
func (l *endpoint) hurry() { l.http.WriteTimeout = limits.WriteTimeout }

// behind lets f sort the connections of the endpoint. f may also end TLS; then the endpoint does not.
func (l *endpoint) behind(f *front.Front) {
	l.front, l.listener = f, f.Web()
	if f.EndsTLS() {
		l.http.TLSConfig = nil
	}
}

func (l *endpoint) serve() error {
	if l.http.TLSConfig != nil {
		return l.http.ServeTLS(l.listener, "", "")
	}
	return l.http.Serve(l.listener)
}

// clientURL returns the URL at which a client reaches the server. If no name is known and the listener has no
// specific address, it is a URL for clients on this machine.
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
