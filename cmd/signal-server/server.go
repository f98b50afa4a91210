package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"example.org/rtcpeer/signaling/signalserver"
)

// A server is the signaling server with all that is around it: its listeners, its page, its health
// checks, STUN and TURN, figures, administration.
type server struct {
	// Fixed at construction.
	log    *slog.Logger
	rooms  *signalserver.Server
	relays *relays
	sites  []*site // the first is that of members
}

// A site is one listener and what it serves.
type site struct {
	flag     string // of its address
	listener net.Listener
	http     http.Server
}

const (
	// stopTimeout is within the 10 seconds that container runtimes give between SIGTERM and SIGKILL.
	stopTimeout       = 9 * time.Second
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = time.Minute
	maxHeaderBytes    = 16 << 10
)

// newServer binds the addresses, so that connections wait from now on; serve answers them.
func newServer(o options, stderr io.Writer) (*server, error) {
	s := &server{log: o.Server.logger(stderr)}
	if err := s.open(o); err != nil {
		s.close()
		if s.rooms != nil {
			_ = s.rooms.Shutdown(context.Background()) // there are no sessions yet
		}
		return nil, err
	}
	s.announce(o)
	return s, nil
}

func (s *server) open(o options) error {
	config, err := o.config(s.log)
	if err != nil {
		return err
	}
	certificates, err := o.TLS.certificates(s.log)
	if err != nil {
		return err
	}
	members, err := s.listen("--listen", o.Server.Listen, certificates.config)
	if err != nil {
		return err
	}
	if s.relays, err = o.TURN.relays(certificates.config, o.TLS.host(), s.log); err != nil {
		return err
	}
	figures := newFigures()
	config.ICEServersFor, config.Observe = s.relays.iceServers, figures.observe
	if s.rooms, err = signalserver.New(config); err != nil {
		return err
	}
	figures.watch(s.rooms, s.relays.own)
	members.http.Handler = s.routes(!o.Server.NoPage, o.Operation.beside(figures))
	return s.openOthers(o, certificates, figures)
}

// openOthers opens the listeners that are not for members.
func (s *server) openOthers(o options, certificates certificates, figures *figures) error {
	port := s.sites[0].listener.Addr().(*net.TCPAddr).Port
	for _, l := range []struct {
		flag, address string
		handler       func() http.Handler
	}{
		{"--http-redirect", o.TLS.Redirect, func() http.Handler { return certificates.challenge(redirect(port)) }},
		{"--metrics-listen", o.Operation.metricsAddress(), figures.routes},
		{"--admin-listen", o.Operation.Admin, func() http.Handler { return newAdmin(s.rooms, figures, o.Operation.AdminToken, s.log) }},
	} {
		if l.address == "" {
			continue
		}
		other, err := s.listen(l.flag, l.address, nil)
		if err != nil {
			return err
		}
		other.http.Handler = l.handler()
	}
	return nil
}

// listen adds a site, whose handler is to be set.
func (s *server) listen(flag, address string, certificates *tls.Config) (*site, error) {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("address %s is in use; choose another one with %s", address, flag)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // without what the flag says anyway
	}
	if errors.Is(err, syscall.EACCES) {
		return nil, fmt.Errorf("%s %s: %w; a port below 1024 needs the capability CAP_NET_BIND_SERVICE", flag, address, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w; want host:port", flag, address, err)
	}
	l := &site{flag: flag, listener: listener}
	l.http = http.Server{
		TLSConfig:         certificates,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.sites = append(s.sites, l)
	return l, nil
}

// announce tells where the server is.
func (s *server) announce(o options) {
	address := clientURL(s.sites[0].listener.Addr(), o.TLS.on(), o.TLS.host())
	if o.Server.NoPage {
		s.log.Info("listening", "url", address)
	} else {
		s.log.Info("listening", "url", address, "page", "http"+strings.TrimPrefix(address, "ws")+"/")
	}
	for _, l := range s.sites[1:] {
		s.log.Info("listening too", "for", l.flag, "address", l.listener.Addr().String())
	}
	if o.Server.ResumeKey == "" {
		s.log.Info("no resume key: members cannot come back after a restart", "set", "SIGNAL_SERVER_RESUME_KEY")
	}
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

// routes are what members reach. The figures are nil where they are elsewhere.
func (s *server) routes(page bool, figures http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if s.rooms.Stats().Draining {
			http.Error(w, "draining", http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, "ok\n")
	})
	if figures != nil {
		mux.Handle("GET /metrics", figures)
	}
	mux.Handle("/", s.rooms)
	if page {
		addPage(mux)
	}
	return upgrades(s.rooms, mux)
}

// upgrades gives what asks for a WebSocket to rooms, whatever its path, and the rest to pages. No mux
// comes before the rooms: it would redirect a path that is not clean, which no game follows.
func upgrades(rooms, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			rooms.ServeHTTP(w, r)
		} else {
			pages.ServeHTTP(w, r)
		}
	})
}

// serve answers until ctx ends or a listener fails, and then stops: members are told to come back, and
// what has not ended after stopTimeout is cut.
func (s *server) serve(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var wg sync.WaitGroup
	for _, l := range s.sites {
		wg.Go(func() {
			if err := l.serve(); !errors.Is(err, http.ErrServerClosed) {
				fail(&listenError{err})
			}
		})
	}
	<-ctx.Done()
	s.stop()
	wg.Wait()
	if err, ok := errors.AsType[*listenError](context.Cause(ctx)); ok {
		return err.error
	}
	return nil
}

// A listenError is the end of a listener that nobody ended.
type listenError struct{ error }

func (l *site) serve() error {
	if l.http.TLSConfig != nil {
		return l.http.ServeTLS(l.listener, "", "")
	}
	return l.http.Serve(l.listener)
}

// stop ends the rooms first, while the health checks still answer: http.Server does not know of
// WebSockets. The relays go on until then, for the links that they carry.
func (s *server) stop() {
	s.log.Info("stopping")
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	s.rooms.SetDraining(true)
	err := s.rooms.Shutdown(ctx)
	for _, l := range s.sites {
		err = errors.Join(err, l.http.Shutdown(ctx))
	}
	s.close()
	if err != nil {
		s.log.Warn("stopped", "err", err)
		return
	}
	s.log.Info("stopped")
}

// close ends all but the rooms at once.
func (s *server) close() {
	for _, l := range s.sites {
		l.http.Close()
		l.listener.Close()
	}
	s.relays.close()
}
