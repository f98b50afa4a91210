package certs

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/acme/autocert"
)

func TestRedirect(t *testing.T) {
	for _, c := range []struct {
		name       string
		plain, tls int // where the server listens
		host, want string
	}{
		{"the usual ports", 80, 443, "game.example", "https://game.example/a"},
		{"said", 80, 443, "game.example:80", "https://game.example/a"},
		{"ports of one's own", 8080, 8443, "game.example:8080", "https://game.example:8443/a"},
		{"the usual ports, forwarded", 8080, 8443, "game.example", "https://game.example/a"},
		{"the same, said", 8080, 8443, "game.example:80", "https://game.example/a"},
		{"port 443 is taken", 80, 8443, "game.example", "https://game.example:8443/a"},
		{"only TLS is as usual", 8080, 443, "game.example:8080", "https://game.example/a"},
		{"an address", 80, 8443, "203.0.113.7", "https://203.0.113.7:8443/a"},
		{"IPv6", 80, 443, "[2001:db8::1]", "https://[2001:db8::1]/a"},
		{"IPv6 with ports", 8080, 8443, "[2001:db8::1]:8080", "https://[2001:db8::1]:8443/a"},
		{"IPv6 forwarded", 8080, 8443, "[2001:db8::1]", "https://[2001:db8::1]/a"},
		{"none", 80, 443, "", ""},
		{"a port alone", 80, 443, ":80", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/a", nil)
			r.Host = c.host
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{Port: c.plain}))
			w := httptest.NewRecorder()
			Redirect(c.tls).ServeHTTP(w, r)
			require.Equal(t, c.want, w.Header().Get("Location"))
			require.Equal(t, c.want == "", w.Code == http.StatusBadRequest, w.Code)
		})
	}
}

// The names are fixed: whoever connects chooses one, and the authority counts what it is asked.
func TestACMENames(t *testing.T) {
	var asked atomic.Int32
	authority := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer authority.Close()
	o := Options{Domains: []string{"game.example", "play.game.example"}, Cache: t.TempDir(), Directory: authority.URL}
	m := o.manager(slog.New(slog.DiscardHandler))
	m.Client.HTTPClient = authority.Client()
	for _, name := range []string{"other.example", "sub.game.example", "", "127.0.0.1"} {
		_, err := m.GetCertificate(&tls.ClientHelloInfo{ServerName: name})
		require.Error(t, err, name)
		require.Zero(t, asked.Load(), name)
	}
	for _, name := range o.Domains {
		before := asked.Load()
		_, err := m.GetCertificate(&tls.ClientHelloInfo{ServerName: name})
		require.Error(t, err, "this one issues nothing")
		require.Greater(t, asked.Load(), before)
	}
}

func TestNewCertificatesAreLogged(t *testing.T) {
	var log strings.Builder
	folder := t.TempDir()
	cache := loggedCache{autocert.DirCache(filepath.Join(folder, "acme")), slog.New(slog.NewTextHandler(&log, nil))}
	for _, key := range []string{"acme_account+key", "nonce+http-01", "game.example+token", "game.example", "play.game.example+rsa"} {
		require.NoError(t, cache.Put(t.Context(), key, []byte("x")))
	}
	require.Equal(t, 2, strings.Count(log.String(), "\n"), log.String())
	require.Contains(t, log.String(), `msg="certificate obtained" name=game.example`)
	require.Contains(t, log.String(), `msg="certificate obtained" name=play.game.example`)

	name := filepath.Join(folder, "file")
	require.NoError(t, os.WriteFile(name, nil, 0o600))
	cache.Cache = autocert.DirCache(name)
	require.Error(t, cache.Put(t.Context(), "game.example", []byte("x")))
	require.Regexp(t, `level=ERROR msg="cannot store data from the certificate authority" name=game.example err=.*not a directory`, log.String())
}
