package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

func TestTLS(t *testing.T) {
	cert, key, roots := writeCertificate(t, t.TempDir(), 1)
	p := start(t, nil, "--tls-cert="+cert, "--tls-key="+key, "--http-redirect=127.0.0.1:0")
	require.Regexp(t, `^wss://127\.0\.0\.1:\d+$`, p.url)
	config := &tls.Config{RootCAs: roots, NextProtos: []string{"h2", "http/1.1"}}
	conn, err := tls.Dial("tcp", strings.TrimPrefix(p.url, "wss://"), config)
	require.NoError(t, err)
	require.Equal(t, "http/1.1", conn.ConnectionState().NegotiatedProtocol)
	require.NoError(t, conn.Close())

	c := callBy(t, websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: roots}}, p.url, nil)
	require.EqualValues(t, 1, c.join(signaling.Join{Room: "lobby"}).ID)

	client := &http.Client{Transport: plainClient.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(t.Context(), "GET", p.other(t, "--http-redirect")+"/a%2Fb?c=d", nil)
	require.NoError(t, err)
	req.Host = "game.example"
	res, err := client.Do(req)
	require.NoError(t, err)
	res.Body.Close()
	require.Equal(t, http.StatusPermanentRedirect, res.StatusCode)
	require.Equal(t, "https://game.example/a%2Fb?c=d", res.Header.Get("Location"), "a port 80 that leads here is forwarded")
	require.Equal(t, exitOK, p.stop())
}

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
			redirect(c.tls).ServeHTTP(w, r)
			require.Equal(t, c.want, w.Header().Get("Location"))
			require.Equal(t, c.want == "", w.Code == http.StatusBadRequest, w.Code)
		})
	}
}

// A certificate is renewed while the server runs, and a renewal that goes wrong ends nothing.
func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	cert, key, _ := writeCertificate(t, dir, 1)
	p := start(t, nil, "--tls-cert="+cert, "--tls-key="+key)
	serial := func() int64 {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(p.url, "wss://"), &tls.Config{InsecureSkipVerify: true})
		require.NoError(t, err)
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	require.EqualValues(t, 1, serial())

	writeCertificate(t, dir, 22)
	require.EqualValues(t, 22, serial())

	old, err := os.ReadFile(key)
	require.NoError(t, err)
	writeCertificate(t, dir, 333)
	fresh, err := os.ReadFile(key)
	require.NoError(t, err)
	writeFile(t, dir, "key.pem", append(old, '\n')) // that of another certificate
	require.EqualValues(t, 22, serial())
	require.NoError(t, os.Remove(key))
	require.EqualValues(t, 22, serial())
	writeFile(t, dir, "key.pem", fresh)
	require.EqualValues(t, 333, serial())
	require.Equal(t, exitOK, p.stop())
	var log []string
	for line := range p.log {
		log = append(log, line)
	}
	require.Contains(t, strings.Join(log, "\n"), "certificate not read again")
}

// The names are fixed: whoever connects chooses one, and the authority counts what it is asked.
func TestACMENames(t *testing.T) {
	var asked atomic.Int32
	authority := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer authority.Close()
	o := tlsOptions{Domains: []string{"game.example", "play.game.example"}, Cache: t.TempDir(), Directory: authority.URL}
	m := o.manager()
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

// The authority comes by TLS-ALPN to the listener of members, or by HTTP to that of the redirect; a name
// that is not ours costs no more than a handshake.
func TestACMEListeners(t *testing.T) {
	p := start(t, nil, "--acme-domain=game.example", "--acme-cache="+t.TempDir(), "--acme-directory=https://127.0.0.1:1/", "--http-redirect=127.0.0.1:0")
	require.Regexp(t, `^wss://game\.example:\d+$`, p.url)
	redirect := p.other(t, "--http-redirect")
	for host, want := range map[string]int{"game.example": http.StatusNotFound, "other.example": http.StatusForbidden} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", redirect+"/.well-known/acme-challenge/x", nil)
		require.NoError(t, err)
		req.Host = host
		res, err := plainClient.Do(req)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, want, res.StatusCode)
	}
	c, err := (&tlsOptions{Domains: []string{"game.example"}, Cache: t.TempDir()}).certificates(nil)
	require.NoError(t, err)
	require.Equal(t, []string{"http/1.1", "acme-tls/1"}, c.config.NextProtos)
	require.Equal(t, exitOK, p.stop())
}
