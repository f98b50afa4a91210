package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/skip"
)

// Pebble is Let's Encrypt's own server for tests. It looks for game.example as Let's Encrypt does, but at
// other ports than 443 and 80.
type pebble struct {
	directory string         // URL
	trust     string         // file with the certificate of its own API
	roots     *x509.CertPool // authorities of what it issues
	stop      func()
}

func startPebble(t *testing.T, byTLS, byHTTP string) pebble {
	t.Helper()
	program, dir, api, management := needs(t, "pebble", "pebble"), t.TempDir(), freeAddress(t), freeAddress(t)
	cert, key, trust := writeCertificate(t, dir, 1)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": api, "managementListenAddress": management, "certificate": cert, "privateKey": key,
		"tlsPort": netip.MustParseAddrPort(byTLS).Port(), "httpPort": netip.MustParseAddrPort(byHTTP).Port(),
	}})
	require.NoError(t, err)
	cmd := exec.Command(program, "-dnsserver="+startNames(t), "-config="+writeFile(t, dir, "pebble.json", config))
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	p := pebble{directory: "https://" + api + "/dir", trust: cert, stop: background(t, cmd, api, management)}

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust}, DisableKeepAlives: true}}
	res, err := client.Get("https://" + management + "/roots/0")
	require.NoError(t, err)
	defer res.Body.Close()
	root, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	p.roots = x509.NewCertPool()
	require.True(t, p.roots.AppendCertsFromPEM(root))
	return p
}

// startNames runs a name server for which all names are 127.0.0.1.
func startNames(t *testing.T) (address string) {
	t.Helper()
	program, address := needs(t, "pebble-challtestsrv", "pebble"), freeAddress(t)
	background(t, exec.Command(program, "-dns01="+address, "-defaultIPv6=", "-management="+freeAddress(t), "-http01=", "-https01=", "-tlsalpn01="), address)
	return address
}

// portEighty leads to a listener whose visitors have come to port 80, and so name none in Host.
func portEighty(t *testing.T, listener string) (address string) {
	t.Helper()
	s := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", listener, "game.example"
	}, Transport: plainClient.Transport})
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// The program as it is run: who connects first by the name waits for the certificate, and after a restart
// that is there still, whatever has become of the authority.
func TestCertificateOfPebble(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	for _, c := range []struct {
		name    string
		overTLS bool
		onePort bool
	}{
		{"over TLS", true, false},
		{"over TLS, on a port with TURN", true, true},
		{"over HTTP, as port 443 leads elsewhere", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			members, plain, elsewhere := freeAddress(t), freeAddress(t), freeAddress(t)
			ports := [2]string{members, elsewhere}
			if !c.overTLS {
				ports = [2]string{elsewhere, portEighty(t, plain)}
			}
			p := startPebble(t, ports[0], ports[1])
			dir := t.TempDir()
			serve := func() (stop func()) {
				args := []string{"--listen=" + members, "--http-redirect=" + plain,
					"--acme-domain=game.example", "--acme-email=ops@game.example", "--acme-directory=" + p.directory, "--handshake-timeout=30s"}
				if c.onePort {
					args = append(append(args, turnHere...), "--turn-listen-tls="+members)
				}
				cmd := exec.Command("signal-server", args...)
				cmd.Dir, cmd.Env = dir, append(os.Environ(), "SSL_CERT_FILE="+p.trust)
				return background(t, cmd, members)
			}
			d := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: p.roots, ServerName: "game.example"}}
			serial := func() string {
				c := callBy(t, d, "wss://"+members+"/lobby", nil)
				require.EqualValues(t, 1, c.join(signaling.Join{Room: "lobby"}).ID)
				return c.conn.NetConn().(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String()
			}

			stop := serve()
			first := serial()
			require.FileExists(t, filepath.Join(dir, "acme", "game.example"))
			stop()
			p.stop()
			defer serve()()
			require.Equal(t, first, serial())
		})
	}
}
