package main

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var ogImage = regexp.MustCompile(`<meta property="og:image" content="([^"]*)">`)

// The image that a link is shown with has an address that needs no page to begin from.
func TestLinkPreview(t *testing.T) {
	mux := http.NewServeMux()
	addPage(mux)
	for _, c := range []struct {
		name, host, proto string
		tls               bool
		image             string
	}{
		{"a name", "game.example", "", false, "http://game.example/og.png"},
		{"over TLS", "game.example", "", true, "https://game.example/og.png"},
		{"behind a proxy with TLS", "game.example", "https", false, "https://game.example/og.png"},
		{"behind a proxy without", "game.example", "http", false, "http://game.example/og.png"},
		{"a port", "game.example:8443", "", true, "https://game.example:8443/og.png"},
		{"an address", "192.0.2.7:9080", "", false, "http://192.0.2.7:9080/og.png"},
		{"one letter", "g", "", false, "http://g/og.png"},
		{"another scheme", "game.example", "javascript", false, "http://game.example/og.png"},
		{"IPv6", "[2001:db8::1]:9080", "", false, "og.png"},
		{"none", "", "", false, "og.png"},
		{"markup", `"><script>`, "", false, "og.png"},
		{"a path", "game.example/x?", "", false, "og.png"},
		{"somebody", "user@game.example", "", false, "og.png"},
		{"a line", "game.example\nx", "", false, "og.png"},
		{"a long one", strings.Repeat("a", 300), "", false, "og.png"},
		{"an end", "game.example.", "", false, "og.png"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 2 { // the second time it is there already
				r := httptest.NewRequest("GET", "/", nil)
				r.Host = c.host
				if c.proto != "" {
					r.Header.Set("X-Forwarded-Proto", c.proto)
				}
				if c.tls {
					r.TLS = &tls.ConnectionState{}
				}
				w := httptest.NewRecorder()
				mux.ServeHTTP(w, r)
				require.Equal(t, http.StatusOK, w.Code)
				require.Equal(t, c.image, string(ogImage.FindSubmatch(w.Body.Bytes())[1]))
			}
		})
	}
}

// And there is an image.
func TestLinkPreviewIsThere(t *testing.T) {
	get := func(url string) (string, []byte) {
		res, err := plainClient.Get(url)
		require.NoError(t, err)
		defer res.Body.Close()
		require.Equal(t, http.StatusOK, res.StatusCode)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res.Header.Get("Content-Type"), body
	}
	_, page := get(pageOf(start(t, nil)))
	kind, _ := get(string(ogImage.FindSubmatch(page)[1]))
	require.Equal(t, "image/png", kind)
}
