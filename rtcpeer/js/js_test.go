package js_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/js"
	"example.org/rtcpeer/testdata/atonce"
	"example.org/rtcpeer/testdata/skip"
)

func TestMain(m *testing.M) {
	atonce.Set(skip.Shorter(8, 4))
	m.Run()
}

// mostServed is the largest the module may be on its way, in bytes.
const mostServed = 20 << 10

func TestHandler(t *testing.T) {
	server := httptest.NewServer(js.Handler())
	defer server.Close()
	v := js.Version()
	require.Regexp(t, `^\d+\.\d+\.\d+$`, v)
	require.ElementsMatch(t, []string{
		"relay-links.js", "relay-links.js.map", "rtcpeer.js", "rtcpeer.js.map", "times.js", "times.js.map", "transfer.js", "transfer.js.map", "requests.js", "requests.js.map", "requests-" + v + ".js",
		"migration.js", "migration.js.map", "migration-" + v + ".js",
		"relay-links-" + v + ".js", "rtcpeer-" + v + ".js", "times-" + v + ".js", "transfer-" + v + ".js",
	}, js.Names())
	for _, name := range []string{"rtcpeer.js", "relay-links.js", "times.js", "migration.js", "requests.js", "transfer.js"} {
		shipped, err := os.ReadFile(name)
		require.NoError(t, err)
		plain := get(t, server.URL+"/"+name, "identity", "")
		require.Equal(t, http.StatusOK, plain.StatusCode)
		require.Equal(t, "text/javascript; charset=utf-8", plain.Header.Get("Content-Type"))
		require.Equal(t, shipped, read(t, plain.Body))

		require.Equal(t, "*", plain.Header.Get("Access-Control-Allow-Origin"))
		require.Equal(t, "cross-origin", plain.Header.Get("Cross-Origin-Resource-Policy"))
		require.Equal(t, "no-cache", plain.Header.Get("Cache-Control"))
		lasting := get(t, server.URL+"/"+strings.TrimSuffix(name, ".js")+"-"+v+".js", "identity", "")
		require.Equal(t, shipped, read(t, lasting.Body))
		require.Equal(t, "public, max-age=31536000, immutable", lasting.Header.Get("Cache-Control"))
		require.Equal(t, "*", lasting.Header.Get("Access-Control-Allow-Origin"))

		zipped := get(t, server.URL+"/games/"+name, "gzip", "")
		require.Equal(t, "gzip", zipped.Header.Get("Content-Encoding"))
		require.NotEqual(t, plain.Header.Get("ETag"), zipped.Header.Get("ETag"))
		body := read(t, zipped.Body)
		require.LessOrEqual(t, len(body), mostServed)
		t.Logf("%s: %d bytes, %d gzipped", name, len(shipped), len(body))
		z, err := gzip.NewReader(bytes.NewReader(body))
		require.NoError(t, err)
		require.Equal(t, shipped, read(t, z))

		sources := get(t, server.URL+"/"+name+".map", "gzip", "")
		require.Equal(t, "application/json", sources.Header.Get("Content-Type"))
		require.NotEqual(t, zipped.Header.Get("ETag"), sources.Header.Get("ETag"))

		again := get(t, server.URL+"/"+name, "gzip", zipped.Header.Get("ETag"))
		require.Equal(t, http.StatusNotModified, again.StatusCode)
		require.Empty(t, read(t, again.Body))
	}
	module, err := os.ReadFile("rtcpeer.js")
	require.NoError(t, err)
	require.Equal(t, module, js.Module())

	resp, err := http.Post(server.URL+"/rtcpeer.js", "text/plain", nil)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
	for _, other := range []string{"/other.js", "/rtcpeer-99.0.0.js", "/other-" + v + ".js", "/-" + v + ".js", "/rtcpeer.js-" + v + ".js"} {
		require.Equal(t, http.StatusNotFound, get(t, server.URL+other, "gzip", "").StatusCode, other)
	}
}

func get(t *testing.T, url, encoding, tag string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	req.Header.Set("Accept-Encoding", encoding)
	req.Header.Set("If-None-Match", tag)
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func read(t *testing.T, r io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return b
}
