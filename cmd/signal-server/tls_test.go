package main

import (
	"crypto/tls"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/signal-server/internal/certs"
	"example.org/rtcpeer/signaling"
)

func TestTLS(t *testing.T) {
	t.Parallel()
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
	require.Contains(t, strings.Join(log, "\n"), "changed certificate cannot be read")
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
	c, err := (&certs.Options{Domains: []string{"game.example"}, Cache: t.TempDir()}).Certificates(nil)
	require.NoError(t, err)
	require.Equal(t, []string{"http/1.1", "acme-tls/1"}, c.Config.NextProtos)
	require.Equal(t, exitOK, p.stop())
}
