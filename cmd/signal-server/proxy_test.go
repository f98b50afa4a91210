package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// proxiesHere are the proxies of Debian that end TLS, each with its example of deploy.
var proxiesHere = map[string]func(t *testing.T, servers ...string) (address string, trust *tls.Config){
	"nginx": startNginx,
	"caddy": startCaddy,
}

// The same join behind the proxies of Debian with the examples of deploy, from a client that claims to be
// another: the server sees the address from which it came to the proxy.
func TestBehindProxy(t *testing.T) {
	for name, start := range proxiesHere {
		t.Run(name, func(t *testing.T) { testBehindProxy(t, start) })
	}
}

func testBehindProxy(t *testing.T, startProxy func(t *testing.T, servers ...string) (address string, trust *tls.Config)) {
	p := start(t, nil, "--trusted-proxy=127.0.0.1", "--admin-listen=127.0.0.1:0", "--admin-token="+adminToken)
	address, roots := startProxy(t, strings.TrimPrefix(p.url, "ws://"))
	d := websocket.Dialer{
		TLSClientConfig: roots,
		NetDialContext:  (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext,
	}
	c := callBy(t, d, "wss://"+address+"/lobby", http.Header{"X-Forwarded-For": {"203.0.113.5"}})
	require.EqualValues(t, 1, c.join(signaling.Join{Room: "lobby"}).ID)

	other := callBy(t, d, "wss://"+address, nil)
	w := other.join(signaling.Join{Room: "lobby"})
	require.Equal(t, w.ID, c.receive().(signaling.Joined).Member.ID)
	c.send(signaling.Signal{To: w.ID, Data: json.RawMessage(`{"type":"offer","sdp":"v=0"}`)})
	require.EqualValues(t, 1, other.receive().(signaling.Signal).From)

	_, members := p.administer(t, "GET", "/rooms/lobby")
	require.Equal(t, 2, strings.Count(members, `"remote":"127.0.0.2"`), members)

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: roots, DisableKeepAlives: true}}
	for path, want := range map[string]int{"/": 200, "/page.js": 200, "/healthz": 200, "/metrics": 404} {
		res, err := client.Get("https://" + address + path)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, want, res.StatusCode, path)
	}
}

// startNginx runs nginx with deploy/nginx.conf, other ports and another certificate.
func startNginx(t *testing.T, servers ...string) (address string, trust *tls.Config) {
	t.Helper()
	program, dir, address := needs(t, "nginx", "nginx-light"), t.TempDir(), freeAddress(t)
	cert, key, roots := writeCertificate(t, dir, 1)
	var list strings.Builder
	for _, server := range servers {
		fmt.Fprintf(&list, "    server %s max_fails=0;\n", server)
	}
	site := example(t, "nginx.conf", "listen 443 ssl", "listen "+address+" ssl", "    server 127.0.0.1:9080 max_fails=0;\n", list.String(),
		"/etc/letsencrypt/live/game.example/fullchain.pem", cert, "/etc/letsencrypt/live/game.example/privkey.pem", key)
	var temporary strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temporary, "%s_temp_path %s;\n", kind, filepath.Join(dir, kind))
	}
	config := writeFile(t, dir, "nginx.conf", []byte("daemon off; master_process off; error_log stderr; pid "+dir+"/pid;\n"+
		"events {}\nhttp {\naccess_log off;\n"+temporary.String()+site+"}\n"))
	background(t, exec.Command(program, "-p", dir, "-c", config), address)
	return address, &tls.Config{RootCAs: roots}
}

// startCaddy runs Caddy with deploy/Caddyfile, likewise. For several servers it has the lines that are for these.
func startCaddy(t *testing.T, servers ...string) (address string, trust *tls.Config) {
	t.Helper()
	program, dir, address := needs(t, "caddy", "caddy"), t.TempDir(), freeAddress(t)
	cert, key, roots := writeCertificate(t, dir, 1)
	lines := []string{"\ngame.example {", "\nhttps://" + address + " {\n\ttls " + cert + " " + key, "127.0.0.1:9080 {", strings.Join(servers, " ") + " {"}
	if len(servers) > 1 {
		lines = append(lines, "# lb_try", "lb_try", "# health_uri", "health_uri", "# health_interval", "health_interval")
	}
	site := example(t, "Caddyfile", lines...)
	config := writeFile(t, dir, "Caddyfile", []byte("{\n\tadmin off\n\tauto_https disable_redirects\n}\n"+site))
	cmd := exec.Command(program, "run", "--adapter=caddyfile", "--config="+config)
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	background(t, cmd, address)
	return address, &tls.Config{RootCAs: roots}
}

// example is a file of deploy with replacements, each of which it must have.
func example(t *testing.T, name string, oldnew ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("deploy", name))
	require.NoError(t, err)
	for i := 0; i < len(oldnew); i += 2 {
		require.Contains(t, string(content), oldnew[i])
	}
	return strings.NewReplacer(oldnew...).Replace(string(content))
}
