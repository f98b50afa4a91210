package server

import (
	"io"
	"net/http"
	"strings"

	"example.org/rtcpeer/cmd/signal-server/internal/page"
)

// routes returns the handler for the listener of members. figures is nil if the figures are served elsewhere.
func (s *Server) routes(withPage bool, figures http.Handler) http.Handler {
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
	if withPage {
		mux.Handle("/", page.ToRoom(s.rooms))
		page.Add(mux, s.page)
	} else {
		mux.Handle("/", s.rooms)
	}
	return upgrades(s.rooms, mux)
}

// upgrades passes requests for a WebSocket to rooms, whatever their path, and all others to pages. No mux comes
// before rooms, because a mux would redirect a path that is not clean, and no game follows redirects.
func upgrades(rooms, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wantsWebSocket(r) {
			rooms.ServeHTTP(w, r)
		} else {
			pages.ServeHTTP(w, r)
		}
	})
}

// wantsWebSocket reports whether r names websocket in its Upgrade header. The rooms check whether the handshake
// is complete.
func wantsWebSocket(r *http.Request) bool {
	for protocol := range strings.SplitSeq(strings.Join(r.Header.Values("Upgrade"), ","), ",") {
		if strings.EqualFold(strings.TrimSpace(protocol), "websocket") {
			return true
		}
	}
	return false
}
