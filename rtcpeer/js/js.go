// Package js holds the browser's peer, one ES module, and serves it: the Go package rtcpeer in
// JavaScript, with its words, numbers and rules.
//
//	mux.Handle("/rtcpeer.js", js.Handler())
//	mux.Handle("/rtcpeer.js.map", js.Handler())
//
// The source is in src, one noun a file. rtcpeer.js is what npm and Handler ship: all of it in one file, minified, and
// gzipped once for all, as small as can be. TestBundle (bundle_test.go) makes it, and checks that it is up to date:
//
//	go generate ./rtcpeer/js
package js

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:generate go test -count=1 -run ^TestBundle$ . -update

//go:embed rtcpeer.js.gz
var module []byte // gzipped

//go:embed rtcpeer.js.map
var sourceMap []byte

// Module returns the module as it is shipped. The slice belongs to the caller.
func Module() []byte { return slices.Clone(serveModule().plain.bytes) }

// Handler serves Module to GET and HEAD at any path, and its source map at those that end in .map. Clients that
// take it get it gzipped, and an ETag by which browsers ask for it again only when it has changed.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served, kind := serveModule(), "text/javascript; charset=utf-8"
		if strings.HasSuffix(r.URL.Path, ".map") {
			served, kind = serveMap(), "application/json"
		}
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-cache") // keep it, but ask
		h.Set("Vary", "Accept-Encoding")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		body := served.plain
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = served.zipped
		}
		h.Set("ETag", body.tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body.bytes))
	})
}

// A representation is one form of a file as it is served.
type representation struct {
	bytes []byte
	tag   string
}

// A served file has two forms.
type served struct{ plain, zipped representation }

var (
	serveModule = sync.OnceValue(func() served { return served{plain: represent(unzip(module)), zipped: represent(module)} })
	serveMap    = sync.OnceValue(func() served { return served{plain: represent(sourceMap), zipped: represent(zip(sourceMap))} })
)

func zip(file []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(file) // to memory: cannot fail
	z.Close()
	return b.Bytes()
}

func unzip(file []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		panic(err) // the file is embedded
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		panic(err) // as above
	}
	return plain
}

func represent(b []byte) representation {
	sum := sha256.Sum256(b)
	return representation{bytes: b, tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}
