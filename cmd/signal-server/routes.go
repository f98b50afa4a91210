package main

import (
	"io"
	"net/http"
	"strings"
)

// routes are what members reach. The figures are nil where they are elsewhere.
func (s *server) routes(page bool, figures http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if s.leaving.Load() || s.rooms.Stats().Draining {
			http.Error(w, "draining", http.StatusServiceUnavailable)
			return
		}
		if err := s.rooms.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, "ok\n")
	})
	if figures != nil {
		mux.Handle("GET /metrics", figures)
	}
	if page {
		mux.Handle("/", toRoom(s.rooms))
		addPage(mux)
	} else {
		mux.Handle("/", s.rooms)
	}
	return upgrades(s.rooms, mux)
}

// upgrades gives what asks for a WebSocket to rooms, whatever its path, and the rest to pages. No mux
// comes before the rooms: it would redirect a path that is not clean, which no game follows.
func upgrades(rooms, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wantsWebSocket(r) {
			rooms.ServeHTTP(w, r)
		} else {
			pages.ServeHTTP(w, r)
		}
	})
}

// wantsWebSocket reports whether r names it among the protocols to change to. Whether it is a whole handshake the
// rooms say.
func wantsWebSocket(r *http.Request) bool {
	for protocol := range strings.SplitSeq(strings.Join(r.Header.Values("Upgrade"), ","), ",") {
		if strings.EqualFold(strings.TrimSpace(protocol), "websocket") {
			return true
		}
	}
	return false
}
