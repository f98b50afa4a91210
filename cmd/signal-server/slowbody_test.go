package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A profile of three seconds takes that long, whatever the time of a request.
func TestProfileTakesItsTime(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "--handshake-timeout=2s", "--admin-listen=127.0.0.1:0", "--admin-token="+adminToken)
	began := time.Now()
	status, profile := p.administer(t, "GET", "/debug/pprof/profile?seconds=3")
	require.Equal(t, http.StatusOK, status, profile)
	require.GreaterOrEqual(t, time.Since(began), 3*time.Second)
	require.True(t, strings.HasPrefix(profile, "\x1f\x8b"), "gzip")
}

// Whoever announces a body to any listener and does not send it, with the token of the administration or without, holds
// a connection no longer than a whole request may take.
func TestBodiesThatDoNotCome(t *testing.T) {
	t.Parallel()
	cert, key, _ := writeCertificate(t, t.TempDir(), 1)
	p := start(t, nil, "--handshake-timeout=2s", "--metrics-listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--admin-token="+adminToken)
	secure := start(t, nil, "--handshake-timeout=2s", "--tls-cert="+cert, "--tls-key="+key, "--http-redirect=127.0.0.1:0")
	var all []net.Conn
	for _, url := range []string{pageOf(p), p.other(t, "--metrics-listen") + "/metrics", p.other(t, "--admin-listen") + "/bans", secure.other(t, "--http-redirect") + "/"} {
		host, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
		for _, framing := range []string{"Content-Length: 1000\r\n\r\n", "Content-Length: 1000\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\n{"} {
			for _, authorization := range []string{"", "Authorization: Bearer " + adminToken + "\r\n"} {
				conn, err := net.Dial("tcp", host)
				require.NoError(t, err)
				t.Cleanup(func() { conn.Close() })
				fmt.Fprintf(conn, "POST /%s HTTP/1.1\r\nHost: x\r\n%s%s", path, authorization, framing)
				all = append(all, conn)
			}
		}
	}
	for _, conn := range all {
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
		said, err := io.ReadAll(conn)
		require.NoError(t, err, "%s: after %s", conn.RemoteAddr(), said)
	}
	res, err := http.Get(pageOf(p) + "healthz")
	require.NoError(t, err)
	res.Body.Close()
}
