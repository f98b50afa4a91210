package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"example.org/rtcpeer/signaling/signalserver"
)

// A server is the signaling server, its listener, its page and its health checks.
type server struct {
	// Fixed at construction.
	log      *slog.Logger
	listener net.Listener
	rooms    *signalserver.Server
	http     http.Server

	// Safe for all.
	stopping atomic.Bool
}

const (
	// stopTimeout is within the 10 seconds that container runtimes give between SIGTERM and SIGKILL.
	stopTimeout       = 9 * time.Second
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = time.Minute
	maxHeaderBytes    = 16 << 10
)

// newServer binds the address, so that connections wait from now on; serve answers them.
func newServer(o options, stderr io.Writer) (*server, error) {
	log := o.logger(stderr)
	listener, err := net.Listen("tcp", o.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("address %s is in use; choose another one with --listen", o.Listen)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // without what --listen says anyway
	}
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w; want host:port", o.Listen, err)
	}
	rooms, err := signalserver.New(o.config(log))
	if err != nil {
		listener.Close()
		return nil, err
	}
	s := &server{log: log, listener: listener, rooms: rooms}
	s.http = http.Server{
		Handler:           s.routes(!o.NoPage),
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	if address := url(listener.Addr()); o.NoPage {
		log.Info("listening", "url", address)
	} else {
		log.Info("listening", "url", address, "page", "http"+strings.TrimPrefix(address, "ws")+"/")
	}
	if o.ResumeKey == "" {
		log.Info("no resume key: members cannot come back after a restart", "set", "SIGNAL_SERVER_RESUME_KEY")
	}
	return s, nil
}

// url is where a client on this machine finds the server.
func url(addr net.Addr) string {
	tcp := addr.(*net.TCPAddr)
	if tcp.IP.IsUnspecified() {
		return fmt.Sprintf("ws://localhost:%d", tcp.Port)
	}
	return "ws://" + tcp.String()
}

func (s *server) routes(page bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if s.stopping.Load() {
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, "ok\n")
	})
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

// serve answers until ctx ends, and then stops: members are told to come back, and what has not
// ended after stopTimeout is cut.
func (s *server) serve(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(s.listener) }()
	select {
	case err := <-failed:
		s.stop()
		return err
	case <-ctx.Done():
	}
	s.stop()
	<-failed // http.ErrServerClosed
	return nil
}

// stop ends the rooms first, while the health checks still answer: http.Server does not know of
// WebSockets.
func (s *server) stop() {
	s.stopping.Store(true)
	s.log.Info("stopping")
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	err := errors.Join(s.rooms.Shutdown(ctx), s.http.Shutdown(ctx))
	s.http.Close()
	if err != nil {
		s.log.Warn("stopped", "err", err)
		return
	}
	s.log.Info("stopped")
}
