// Package static serves files that are embedded in the program, with their content type, an ETag and, if there is one,
// their gzipped form. Packages page and admin use it for their pages.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

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

// Of serves a file of files as File does. If there is one beside it with .gz in its name, clients that accept gzip
// get that.
func Of(files fs.FS, name string) (http.Handler, error) {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	zipped, err := fs.ReadFile(files, name+".gz")
	if errors.Is(err, fs.ErrNotExist) {
		return File(path.Base(name), content), nil
	}
	return serve(path.Base(name), content, func() []byte { return zipped }), err
}

// File serves content, gzipped for clients that accept it, with an ETag: browsers keep it and ask whether it
// has changed.
func File(name string, content []byte) http.Handler {
	return serve(name, content, func() []byte { return zip(content) })
}

// serve serves content, or what gzipped returns, which it calls once at most.
func serve(name string, content []byte, gzipped func() []byte) http.Handler {
	kind := kinds[path.Ext(name)]
	plain := newBody(content)
	zipped := sync.OnceValue(func() body { return newBody(gzipped()) })
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

// Protect adds headers to what h serves: a Content-Security-Policy, no referrer, and no guessing of content types.
func Protect(policy string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		h.ServeHTTP(w, r)
	})
}
