package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"example.org/rtcpeer/rtcpeer/js"
	"example.org/rtcpeer/signaling"
)

// The source of the page is in folder page and uses no framework. npm run build writes its scripts and styles
// to folder web; TestPageIsBuilt checks that they are up to date.
//
//go:generate npm --prefix page ci
//go:generate npm --prefix page run build
//go:embed web
var web embed.FS

// policy lets the page load files only from this server, and connect to any signaling server: behind a proxy,
// 'self' may not include ws and wss. It allows no inline scripts or styles, and no frame around the page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; " +
	"img-src 'self' data:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// addPage adds the files of the page to mux, with index.html at /.
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
				add("GET /{$}", previewed(content))
			} else {
				add("GET /"+name, file(name, content))
			}
			return err
		})
	}
	if err != nil {
		panic(err) // embedded files can always be read
	}
}

// kinds are content types by file extension. Package mime would use the settings of the machine, which may say
// that a script is plain text.
var kinds = map[string]string{
	".html":        "text/html; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".svg":         "image/svg+xml",
	".png":         "image/png",
	".webmanifest": "application/manifest+json",
	"":             "text/plain; charset=utf-8", // the licence
}

// file serves content, gzipped for clients that accept it, with an ETag: browsers keep it and ask whether it
// has changed.
func file(name string, content []byte) http.Handler {
	kind := kinds[path.Ext(name)]
	plain := newBody(content)
	zipped := sync.OnceValue(func() body { return newBody(zip(content)) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := plain
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "no-cache")
		if kind != "image/png" {
			w.Header().Set("Vary", "Accept-Encoding")
			if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				w.Header().Set("Content-Encoding", "gzip")
				b = zipped()
			}
		}
		w.Header().Set("ETag", b.tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b.bytes))
	})
}

// A body is the content sent for a file, and its ETag.
type body struct {
	bytes []byte
	tag   string
}

func newBody(content []byte) body {
	sum := sha256.Sum256(content)
	return body{bytes: content, tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

func zip(content []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	_, _ = w.Write(content)                               // writing to a buffer cannot fail
	_ = w.Close()
	return b.Bytes()
}

// toRoom redirects a browser that visits /ROOM to the page, with the room's name in the fragment, which appears
// in no log. All other requests go to rooms.
func toRoom(rooms http.Handler) http.Handler {
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
