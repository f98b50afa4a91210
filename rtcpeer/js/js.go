// Package js holds and serves the browser's peer: the Go package rtcpeer in JavaScript, with its words, numbers and
// rules. It consists of ES modules:
//
//	rtcpeer.js      the peer
//	relay-links.js  for pages that want links through the signaling server
//	transfer.js     for pages that send and receive files
//	times.js        for pages that ask for round trips and clocks
//	requests.js     for requests that are answered
//	migration.js    for members of stars that outlive their hosts
//
// A server serves them with:
//
//	for _, name := range js.Names() {
//		mux.Handle("/"+name, js.Handler())
//	}
//
// The source is in folder src. The npm package and Handler ship each module as one file, minified and gzipped.
// TestBundle (bundle_test.go) checks that these files are up to date, and writes them with:
//
//	go generate ./rtcpeer/js
//
// Each module is also served under a name that contains the version of the package, such as rtcpeer-0.1.0.js.
// Its content never changes, so browsers keep it for a year. Pages of other origins may load all files (CORS).
package js

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:generate go test -count=1 -run ^TestBundle$ . -update

//go:embed *.js.gz *.js.map
var embedded embed.FS

//go:embed package.json
var manifest []byte

// Names returns the names of the files that Handler serves: the modules, with and without the version in the
// name, and their source maps.
func Names() []string {
	names := slices.Collect(maps.Keys(files))
	for name := range files {
		if base, ok := strings.CutSuffix(name, ".js"); ok {
			names = append(names, base+"-"+Version()+".js")
		}
	}
	slices.Sort(names)
	return names
}

// Version returns the version of the modules, which package.json contains.
func Version() string { return version() }

var version = sync.OnceValue(func() string {
	var m struct{ Version string }
	if err := json.Unmarshal(manifest, &m); err != nil {
		panic(err) // the embedded file is valid JSON
	}
	return m.Version
})

// Module returns rtcpeer.js as it is shipped. The slice belongs to the caller.
func Module() []byte { return slices.Clone(files["rtcpeer.js"]().plain.bytes) }

// Handler serves the files of Names to GET and HEAD. It ignores the folder in the request's path. Clients that
// accept gzip get the files gzipped. Each file has an ETag, so browsers download it again only when it has
// changed.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := path.Base(r.URL.Path)
		base, versioned := strings.CutSuffix(name, "-"+Version()+".js")
		if versioned {
			name = base + ".js"
		}
		load, ok := files[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		if path.Ext(name) == ".map" {
			h.Set("Content-Type", "application/json")
		}
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("Cache-Control", "no-cache") // browsers keep it, but ask whether it has changed
		if versioned {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		h.Set("Vary", "Accept-Encoding")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		body := load().plain
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = load().zipped
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

// A served is a file in its two forms.
type served struct{ plain, zipped representation }

// files are the files by name. Each is prepared when it is first requested.
var files = map[string]func() served{
	"rtcpeer.js":         module("rtcpeer.js"),
	"rtcpeer.js.map":     sourceMap("rtcpeer.js.map"),
	"relay-links.js":     module("relay-links.js"),
	"relay-links.js.map": sourceMap("relay-links.js.map"),
	"migration.js":       module("migration.js"),
	"migration.js.map":   sourceMap("migration.js.map"),
	"requests.js":        module("requests.js"),
	"requests.js.map":    sourceMap("requests.js.map"),
	"times.js":           module("times.js"),
	"times.js.map":       sourceMap("times.js.map"),
	"transfer.js":        module("transfer.js"),
	"transfer.js.map":    sourceMap("transfer.js.map"),
}

func module(name string) func() served {
	return sync.OnceValue(func() served {
		zipped := read(name + ".gz")
		return served{plain: represent(unzip(zipped)), zipped: represent(zipped)}
	})
}

func sourceMap(name string) func() served {
	return sync.OnceValue(func() served {
		plain := read(name)
		return served{plain: represent(plain), zipped: represent(zip(plain))}
	})
}

func read(name string) []byte {
	b, err := embedded.ReadFile(name)
	if err != nil {
		panic(err) // embedded files can always be read
	}
	return b
}

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
		panic(err) // TestBundle has checked it
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
