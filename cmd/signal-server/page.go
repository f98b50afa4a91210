package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"time"

	"example.org/rtcpeer/rtcpeer/js"
)

// The page is plain files: no build step, no framework. vendor has its licence beside it.
//
//go:embed web
var web embed.FS

// policy lets the page load what comes from here, and connect to any signaling server: behind a proxy
// 'self' may not stand for ws and wss. Nothing is inline, and the page is nobody's frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; " +
	"img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// addPage adds the page to mux, at / and beside it.
func addPage(mux *http.ServeMux) {
	add := func(pattern string, h http.Handler) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", policy)
			w.Header().Set("Referrer-Policy", "no-referrer")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			h.ServeHTTP(w, r)
		})
	}
	for _, name := range js.Names() {
		add("GET /"+name, js.Handler())
	}
	files, err := fs.Sub(web, "web")
	if err == nil {
		err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := fs.ReadFile(files, name)
			if name == "index.html" {
				add("GET /{$}", file(name, content))
			} else {
				add("GET /"+name, file(name, content))
			}
			return err
		})
	}
	if err != nil {
		panic(err) // what is embedded can be read
	}
}

// kinds are content types. Those of package mime are the machine's, on which a script may be plain text.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	"":      "text/plain; charset=utf-8", // the licence
}

// file serves content with an ETag: browsers keep it, and ask whether it has changed.
func file(name string, content []byte) http.Handler {
	sum := sha256.Sum256(content)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	kind := kinds[path.Ext(name)]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
}
