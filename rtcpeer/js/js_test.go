package js_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/js"
)

// mostServed is the largest the module may be on its way, in bytes.
const mostServed = 20 << 10

func TestServed(t *testing.T) {
	server := httptest.NewServer(js.Handler())
	defer server.Close()

	plain := get(t, server.URL, "identity", "")
	require.Equal(t, http.StatusOK, plain.StatusCode)
	require.Equal(t, "text/javascript; charset=utf-8", plain.Header.Get("Content-Type"))
	require.Equal(t, js.Module(), read(t, plain.Body))

	zipped := get(t, server.URL, "gzip", "")
	require.Equal(t, "gzip", zipped.Header.Get("Content-Encoding"))
	require.NotEqual(t, plain.Header.Get("ETag"), zipped.Header.Get("ETag"))
	body := read(t, zipped.Body)
	require.LessOrEqual(t, len(body), mostServed)
	t.Logf("%d bytes, %d gzipped", len(js.Module()), len(body))
	z, err := gzip.NewReader(bytes.NewReader(body))
	require.NoError(t, err)
	require.Equal(t, js.Module(), read(t, z))

	sources := get(t, server.URL+"/rtcpeer.js.map", "gzip", "")
	require.Equal(t, "application/json", sources.Header.Get("Content-Type"))
	require.NotEqual(t, zipped.Header.Get("ETag"), sources.Header.Get("ETag"))

	again := get(t, server.URL, "gzip", zipped.Header.Get("ETag"))
	require.Equal(t, http.StatusNotModified, again.StatusCode)
	require.Empty(t, read(t, again.Body))

	resp, err := http.Post(server.URL, "text/plain", nil)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
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
