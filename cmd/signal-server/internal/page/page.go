// Package page serves the page of members: its files, the module rtcpeer.js, and a redirect to the page from the URL of
// a room (ToRoom). Package server adds it to the listener of members, unless --no-page is set.
package page

import (
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"

	"example.org/rtcpeer/cmd/signal-server/internal/static"
	"example.org/rtcpeer/rtcpeer/js"
	"example.org/rtcpeer/signaling"
)

// Policy lets the page load files only from this server, and connect to any signaling server: behind a proxy,
// 'self' may not include ws and wss. It allows no inline scripts or styles, and no frame around the page.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; " +
	"img-src 'self' data:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Add adds the files of the page to mux, with index.html at /. It also adds the module rtcpeer.js.
func Add(mux *http.ServeMux, files fs.FS) {
	add := func(pattern string, h http.Handler) {
		mux.Handle(pattern, static.Protect(Policy, h))
	}
	for _, name := range js.Names() {
		add("GET /"+name, js.Handler())
	}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) == ".gz" {
			return err
		}
		if name == "index.html" {
			content, err := fs.ReadFile(files, name)
			add("GET /{$}", previewed(content))
			return err
		}
		h, err := static.Of(files, name)
		add("GET /"+name, h)
		return err
	})
	if err != nil {
		panic(err) // embedded files can always be read
	}
}

// ToRoom redirects a browser that visits /ROOM to the page, with the room's name in the fragment, which appears
// in no log. All other requests go to rooms.
func ToRoom(rooms http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		visit := (r.Method == http.MethodGet || r.Method == http.MethodHead) && strings.Contains(r.Header.Get("Accept"), "text/html")
		if !visit || signaling.RoomName(name).Validate() != nil {
			rooms.ServeHTTP(w, r)
			return
		}
		page := url.URL{Path: "./", RawQuery: r.URL.RawQuery, Fragment: name}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Location", page.String()) // relative: a proxy may have removed a part of the path
		w.WriteHeader(http.StatusFound)
	})
}
