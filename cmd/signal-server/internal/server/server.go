package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/signal-server/internal/admin"
	"example.org/rtcpeer/cmd/signal-server/internal/bus"
	"example.org/rtcpeer/cmd/signal-server/internal/certs"
	"example.org/rtcpeer/cmd/signal-server/internal/connlimit"
	"example.org/rtcpeer/cmd/signal-server/internal/front"
	"example.org/rtcpeer/cmd/signal-server/internal/limits"
	"example.org/rtcpeer/cmd/signal-server/internal/logqueue"
	"example.org/rtcpeer/cmd/signal-server/internal/metrics"
	"example.org/rtcpeer/cmd/signal-server/internal/turn"
	"example.org/rtcpeer/signaling/loglimit"
	"example.org/rtcpeer/signaling/signalserver"
)

// A Server is the signaling server with everything around it: its listeners, its page, its health checks, STUN
// and TURN, figures, administration.
type Server struct {
	// Fixed at construction.
	log        *slog.Logger
	stderr     *logqueue.Queue // what log writes to
	failures   *connlimit.Failures
	limiter    *connlimit.Limiter // of the public listeners
	limits     limits.Options
	proxied    bool          // trusted proxies send a PROXY header
	drainDelay time.Duration // from the signal to end until the server stops
	rooms      *signalserver.Server
	relays     *turn.Relays
	bus        *bus.Bus    // nil: this server is not in a cluster
	page       fs.FS       // the files of the page of members
	url        string      // for members
	endpoints  []*endpoint // the first is for members

	// Safe for concurrent use.
	leaving atomic.Bool // about to end, so not ready
}

// New binds the addresses. From then on connections wait until Serve answers them. pageFiles has the files of
// the page of members. New fails when ctx is done.
func New(ctx context.Context, o Options, pageFiles fs.FS, stderr *logqueue.Queue) (*Server, error) {
	log := loglimit.Logger(stderr.Logger(o.Server.LogFormat, o.Server.LogLevel)) // limited, because strangers can cause log lines
	f := connlimit.NewFailures(log)
	s := &Server{log: log, stderr: stderr, failures: f, limiter: o.limiter(log, f), limits: o.Limits, page: pageFiles, proxied: o.Proxy.Protocol,
		drainDelay: o.Stopping.DrainDelay}
	if err := s.open(ctx, o); err != nil {
		s.close()
		if s.rooms != nil {
			_ = s.rooms.Shutdown(context.Background()) // there are no sessions yet
			if s.bus != nil {
				s.bus.Close()
			}
		}
		return nil, err
	}
	s.url = clientURL(s.endpoints[0].listener.Addr(), o.TLS.On(), o.TLS.Host())
	s.announce(o)
	o.warnFiles(allowedFiles(), log)
	return s, nil
}

func (s *Server) open(ctx context.Context, o Options) error {
	config, err := o.config(s.log)
	if err != nil {
		return err
	}
	certificates, err := o.TLS.Certificates(s.log)
	if err != nil {
		return err
	}
	figures := metrics.New()
	certificates.Watch(figures.Certificate)
	members, err := s.listen(listenFlag, o.Server.Listen, certificates.Config, s.limiter)
	if err != nil {
		return err
	}
	switch {
	case o.onePort():
		members.behind(s.newFront(members.listener, s.limiter, certs.WithTURN(certificates.Config), true))
	case s.proxied:
		members.behind(s.newFront(members.listener, s.limiter, nil, true))
	}
	if s.relays, err = o.TURN.Relays(certificates.Config, o.TLS.Host(), s.listenTURN(&o, certificates.Config), s.log); err != nil {
		return err
	}
	config.ICEServersFor, config.Observe = s.relays.ICEServers, figures.Observe
	if s.bus, err = o.Cluster.Open(ctx, s.log); err != nil {
		return err
	}
	if s.bus != nil {
		config.Bus, config.ServerName = s.bus.NATS(), o.Cluster.ServerName()
	}
	if s.rooms, err = signalserver.New(config); err != nil {
		return inRoomFlags(err)
	}
	figures.Info(o.Cluster.ServerName(), o.Cluster.Shared())
	figures.Watch(s.limiter, s.failures, s.rooms, s.relays.Own(), s.stderr)
	var shared http.Handler // of /metrics, on the listener of members
	if o.Metrics.WithMembers() {
		shared = figures.Handler()
	}
	members.http.Handler = s.routes(!o.Server.NoPage, shared)
	return s.openOthers(o, certificates, figures)
}

// newFront returns the front for a guarded listener. certificates is nil if the front does not end TLS, and web
// is false if the listener has only TURN.
func (s *Server) newFront(guarded net.Listener, l *connlimit.Limiter, certificates *tls.Config, web bool) *front.Front {
	return front.New(front.Options{Listener: guarded, Limiter: l, Proxied: s.proxied, Certificates: certificates,
		Timeout: s.limits.HandshakeTimeout, Log: s.log, Web: web})
}

// listenTURN returns the function that opens the listeners of TURN over TCP and TLS. They have a Limiter of their
// own or are on the port of members.
func (s *Server) listenTURN(o *Options, certificates *tls.Config) turn.Listen {
	limiter := connlimit.New(turn.Streams+limits.SpareAddress, turn.PerAddress+limits.SpareAddress, o.Proxy.Networks(), s.log, s.failures)
	return func(network, address string, secure bool) (net.Listener, error) {
		if secure && o.onePort() {
			return s.endpoints[0].front.TURN(network), nil
		}
		l, err := net.Listen(network, address)
		if err != nil {
			return nil, err
		}
		var config *tls.Config
		if secure {
			config = certificates.Clone()
			config.NextProtos = nil // these are for a web server; a TURN client that offers stun.turn would be refused
		}
		return s.newFront(limiter.Guard(l), limiter, config, false).TURN(network), nil
	}
}

// openOthers opens the listeners that are not for members.
func (s *Server) openOthers(o Options, certificates certs.Certificates, figures *metrics.Figures) error {
	operators := connlimit.New(limits.OperatorConnections, 0, nil, s.log, s.failures)
	port := s.endpoints[0].listener.Addr().(*net.TCPAddr).Port
	for _, l := range []struct {
		flag, address string
		limiter       *connlimit.Limiter
		handler       func() http.Handler
	}{
		{"--http-redirect", o.TLS.Redirect, s.limiter, func() http.Handler { return certificates.Challenge(certs.Redirect(port)) }},
		{"--metrics-listen", o.Metrics.Address(), operators, figures.Routes},
		{admin.ListenFlag, o.Admin.Listen, operators, func() http.Handler {
			return admin.New(s.rooms, s.relays, figures, string(o.Admin.Token), s.page, s.log)
		}},
	} {
		if l.address == "" {
			continue
		}
		other, err := s.listen(l.flag, l.address, nil, l.limiter)
		if err != nil {
			return err
		}
		if l.limiter == s.limiter && s.proxied {
			other.behind(s.newFront(other.listener, s.limiter, nil, true))
		}
		other.http.Handler = l.handler()
	}
	return nil
}

// listen opens an endpoint and adds it to endpoints.
func (s *Server) listen(flag, address string, certificates *tls.Config, limiter *connlimit.Limiter) (*endpoint, error) {
	l, err := openEndpoint(flag, address, s.limits, certificates, limiter, s.log)
	if err != nil {
		return nil, err
	}
	if flag != admin.ListenFlag {
		l.hurry()
	}
	s.endpoints = append(s.endpoints, l)
	return l, nil
}

// announce logs the addresses of the server.
func (s *Server) announce(o Options) {
	if o.Server.NoPage {
		s.log.Info("listening", "url", s.url, "version", cli.Version())
	} else {
		s.log.Info("listening", "url", s.url, "page", "http"+strings.TrimPrefix(s.url, "ws")+"/", "version", cli.Version())
	}
	for _, l := range s.endpoints[1:] {
		s.log.Info("also listening", "flag", l.flag, "address", l.listener.Addr().String())
	}
	if own := s.relays.Own(); own != nil {
		s.log.Info("also listening", "flag", "--turn", "address", o.TURN.Listen, "relays", own.PublicAddresses())
	}
	if o.Server.ResumeKey == "" {
		s.log.Info("no resume key: members cannot return after a restart", "remedy", "set SIGNAL_SERVER_RESUME_KEY")
	}
}

// URL returns the URL at which members reach the server.
func (s *Server) URL() string { return s.url }

// Serve answers requests until ctx is done or a listener fails. Then it stops: it tells members to reconnect,
// and cuts whatever has not ended after limits.StopTimeout.
func (s *Server) Serve(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var wg sync.WaitGroup
	for _, l := range s.endpoints {
		wg.Go(func() {
			if err := l.serve(); !errors.Is(err, http.ErrServerClosed) {
				fail(&listenError{err})
			}
		})
	}
	<-ctx.Done()
	failed, broken := errors.AsType[*listenError](context.Cause(ctx))
	if !broken {
		s.leave()
	}
	s.stop()
	wg.Wait()
	if broken {
		return failed.error
	}
	return nil
}

// A listenError is the error of a listener that failed by itself.
type listenError struct{ error }

// leave keeps serving for drainDelay but reports not ready, so that a load balancer notices and sends no more
// clients here. A second signal ends the process at once.
func (s *Server) leave() {
	s.leaving.Store(true)
	if s.drainDelay == 0 {
		return
	}
	s.log.Info("draining: still serving, but no longer ready", "stops_in", s.drainDelay)
	for _, l := range s.endpoints {
		l.http.SetKeepAlivesEnabled(false) // so that a proxy does not keep its connection for the next request
	}
	time.Sleep(s.drainDelay)
}

// stop ends the rooms first, while the health checks still answer, because http.Server.Shutdown does not know
// of WebSockets. Until the rooms have ended the TURN relays continue, for the links that use them.
func (s *Server) stop() {
	s.log.Info("stopping")
	ctx, cancel := context.WithTimeout(context.Background(), limits.StopTimeout)
	defer cancel()
	s.rooms.SetDraining(true)
	err := s.rooms.Shutdown(ctx)
	for _, l := range s.endpoints {
		err = errors.Join(err, l.http.Shutdown(ctx))
	}
	s.close()
	if s.bus != nil {
		s.bus.Close()
	}
	if err != nil {
		s.log.Warn("stopped before everything was closed", "err", err)
		return
	}
	s.log.Info("stopped")
}

// close ends everything except the rooms at once. It closes the bus only if there are no rooms, because the
// rooms use it.
func (s *Server) close() {
	for _, l := range s.endpoints {
		l.http.Close()
		l.listener.Close()
	}
	s.relays.Close()
	if s.bus != nil && s.rooms == nil {
		s.bus.Close()
	}
}
