package main

import (
	_ "embed"
	"net/http"
	"time"

	"example.org/rtcpeer/rtcpeer/js"
)

//go:embed index.html
var page []byte

// newSite returns the web site: the page and the tokens. A real site gives tokens only to users who have logged
// in.
func newSite(key []byte, room string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if !r.URL.Query().Has("room") {
			http.Redirect(w, r, "/?room="+room, http.StatusFound)
			return
		}
		_, _ = w.Write(page)
	})
	mux.HandleFunc("GET /token", func(w http.ResponseWriter, r *http.Request) {
		token, err := newToken(key, r.URL.Query().Get("name"), time.Now())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write([]byte(token))
	})
	mux.Handle("GET /rtcpeer.js", js.Handler())
	return mux
}
