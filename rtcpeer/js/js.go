// Package js holds the browser's peer, one ES module, and serves it: the Go package rtcpeer in
// JavaScript, with its words, numbers and rules.
//
//	mux.Handle("/rtcpeer.js", js.Handler())
//
// rtcpeer.js is the source as it is published, and runs as it is. What Handler serves is the same minified,
// which is less than half of it; the tests of this folder run that.
package js

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip" // 1 % smaller than the standard library's, which is 110 bytes here
	"github.com/tdewolff/minify/v2"
	jsmin "github.com/tdewolff/minify/v2/js"
)

// Source is rtcpeer.js as it is in the repository, comments and all. Callers must not change it.
//
//go:embed rtcpeer.js
var Source []byte

// Module returns the module without comments and needless space, with short names for all that is not
// exported. Every property keeps its name. The slice belongs to the caller.
func Module() []byte {
	var b bytes.Buffer
	m := jsmin.Minifier{Version: 2022} // of ECMAScript, which the module is written for
	if err := m.Minify(minify.New(), &b, bytes.NewReader(enclosed()), nil); err != nil {
		panic(err) // the source is a constant
	}
	return b.Bytes()
}

// exported finds what the source exports: all of it by declarations with export in front.
var exported = regexp.MustCompile(`(?m)^export ((?:async function|function|class|const) (\w+))`)

// declared finds the members of classes that are there for their type alone.
var declared = regexp.MustCompile(`(?m)^  /\*\* .*\*/ \w+;$`)

// enclosed returns the source as the body of a function, whose names are local and so may be shortened: the
// minifier leaves those of a module's top level as they are.
func enclosed() []byte {
	var names []string
	for _, found := range exported.FindAllSubmatch(Source, -1) {
		names = append(names, string(found[2]))
	}
	list := strings.Join(names, ",")
	body := declared.ReplaceAll(exported.ReplaceAll(Source, []byte("$1")), nil)
	return fmt.Appendf(nil, "export const [%s] = (() => {\n%s\nreturn [%s];\n})();\n", list, body, list)
}

// Handler serves Module to GET and HEAD at any path, gzipped to those who take it, with an ETag by which
// browsers ask for it again only when it has changed.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served := serve()
		h := w.Header()
		h.Set("Content-Type", "text/javascript; charset=utf-8")
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

type representation struct {
	bytes []byte
	tag   string
}

// serve makes what is served, once.
var serve = sync.OnceValue(func() (s struct{ plain, zipped representation }) {
	module := Module()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	z.Write(module) // to memory: cannot fail
	z.Close()
	s.plain, s.zipped = represent(module), represent(b.Bytes())
	return s
})

func represent(b []byte) representation {
	sum := sha256.Sum256(b)
	return representation{bytes: b, tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}
