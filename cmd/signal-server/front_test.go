package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/turn/v5"
	"github.com/pires/go-proxyproto"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/signal-server/internal/limits"
	"example.org/rtcpeer/signaling"
)

// spoken is a PROXY header of a version, for a client.
func spoken(t *testing.T, version byte, client string) string {
	t.Helper()
	from, err := net.ResolveTCPAddr("tcp", client)
	require.NoError(t, err)
	to := &net.TCPAddr{IP: net.IPv4(198, 51, 100, 1), Port: 443}
	if from.IP.To4() == nil {
		to.IP = net.ParseIP("2001:db8::1")
	}
	var b bytes.Buffer
	_, err = proxyproto.HeaderProxyFromAddrs(version, from, to).WriteTo(&b)
	require.NoError(t, err)
	return b.String()
}

// saying dials from an address of this host, and says something before anything else.
func saying(t *testing.T, from, first string) func(network, address string) (net.Conn, error) {
	return func(network, address string) (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := d.DialContext(t.Context(), network, address)
		if err == nil {
			_, err = io.WriteString(conn, first)
		}
		return conn, err
	}
}

// Who connects is what a trusted proxy says, in both versions; whoever else says it is no proxy, and a trusted one that
// says nothing is not served, since its clients could say anything.
func TestProxyProtocol(t *testing.T) {
	flags := []string{"--proxy-protocol", "--trusted-proxy=127.0.0.1", "--admin-listen=127.0.0.1:0", "--admin-token=" + adminToken}
	p, hasty := start(t, nil, flags...), start(t, nil, append(flags, "--handshake-timeout=1s")...) // who is served has time
	const unknown = "unknown"
	for _, c := range []struct {
		name, from, says string
		want             string // remote address; none: not served
	}{
		{"version 1", "127.0.0.1", spoken(t, 1, "203.0.113.9:1000"), "203.0.113.9"},
		{"version 1, IPv6", "127.0.0.1", spoken(t, 1, "[2001:db8::9]:1000"), "2001:db8::9"},
		{"version 1, unknown", "127.0.0.1", "PROXY UNKNOWN\r\n", unknown},
		{"version 2", "127.0.0.1", spoken(t, 2, "203.0.113.9:1000"), "203.0.113.9"},
		{"version 2, IPv6", "127.0.0.1", spoken(t, 2, "[2001:db8::9]:1000"), "2001:db8::9"},
		{"version 2, local", "127.0.0.1", string(proxyproto.SIGV2) + "\x20\x00\x00\x00", unknown},
		{"no header", "127.0.0.1", "", ""},
		{"half a header", "127.0.0.1", "PROXY TCP4 203.0", ""},
		{"a long header", "127.0.0.1", "PROXY TCP4 " + strings.Repeat("1", 200) + "\r\n", ""},
		{"a wrong header", "127.0.0.1", "PROXY TCP4 a b c d\r\n", ""},
		{"version 3", "127.0.0.1", string(proxyproto.SIGV2) + "\x31\x11\x00\x00", ""},
		{"an endless header", "127.0.0.1", string(proxyproto.SIGV2) + "\x21\x11\xff\xff", ""},
		{"a datagram", "127.0.0.1", string(proxyproto.SIGV2) + "\x21\x12\x00\x0c" + "\xcb\x00\x71\x09\xc6\x33\x64\x01\x03\xe8\x01\xbb", ""},
		{"a stranger's header", "127.0.0.2", spoken(t, 2, "203.0.113.9:1000"), ""},
		{"a stranger", "127.0.0.2", "", "127.0.0.2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := websocket.Dialer{Subprotocols: []string{signaling.Subprotocol}, NetDial: saying(t, c.from, c.says)}
			url := p.url
			if c.want == "" {
				url = hasty.url
			}
			conn, res, err := d.DialContext(t.Context(), url, http.Header{"X-Forwarded-For": {"192.0.2.1"}})
			if res != nil {
				res.Body.Close()
			}
			if c.want == "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			defer conn.Close()
			member := &caller{t, conn}
			room := member.join(signaling.Join{}).Room
			_, members := p.administer(t, "GET", "/rooms/"+string(room))
			if c.want == unknown {
				require.NotContains(t, members, `"remote"`, "neither the proxy's address, nor what the client says")
			} else {
				require.Contains(t, members, `"remote":"`+c.want+`"`)
			}
		})
	}
}

// The limits of an address are the client's, for connections that say nothing and for sessions, and other clients of
// the same proxy do not notice.
func TestLimitsOfClientsBehindProxyProtocol(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "--proxy-protocol", "--trusted-proxy=127.0.0.1", "--max-per-address=1", "--connect-rate=0", "--metrics-listen=127.0.0.1:0")
	figures := p.other(t, "--metrics-listen") + "/metrics"
	address := strings.TrimPrefix(p.url, "ws://")
	most := (&limits.Options{SessionsPerAddress: 1}).ConnectionsPerAddress()
	var idle []net.Conn
	for i := range most + 1 {
		conn, err := saying(t, "127.0.0.1", spoken(t, 2, fmt.Sprintf("203.0.113.9:%d", 1000+i)))("tcp", address)
		require.NoError(t, err)
		defer conn.Close()
		idle = append(idle, conn)
	}
	awaitFigure(t, figures, `connections_closed_total{word="address"}`, 1)
	other := callBy(t, websocket.Dialer{NetDial: saying(t, "127.0.0.1", spoken(t, 1, "203.0.113.10:1000"))}, p.url, nil)
	other.join(signaling.Join{})
	_, res, err := (&websocket.Dialer{NetDial: saying(t, "127.0.0.1", spoken(t, 1, "203.0.113.10:1001"))}).DialContext(t.Context(), p.url, nil)
	require.ErrorIs(t, err, websocket.ErrBadHandshake)
	res.Body.Close()
	require.Equal(t, http.StatusTooManyRequests, res.StatusCode)
	for _, conn := range idle {
		require.NoError(t, conn.Close())
	}
	awaitFigure(t, figures, "connections", 1)
	require.Equal(t, exitOK, p.stop())
}

// streamTURN is a TURN client over a connection.
func streamTURN(t *testing.T, conn net.Conn, server signaling.ICEServer, at string) *turn.Client {
	t.Helper()
	packets := turn.NewSTUNConn(conn)
	client, err := turn.NewClient(&turn.ClientConfig{Conn: packets, STUNServerAddr: at, TURNServerAddr: at,
		Username: server.Username, Password: server.Credential})
	require.NoError(t, err)
	require.NoError(t, client.Listen())
	t.Cleanup(func() {
		client.Close()
		conn.Close()
	})
	return client
}

// streamOf is where TURN over TCP is, or over TLS, of what a member is told.
func streamOf(t *testing.T, server signaling.ICEServer, scheme string) string {
	t.Helper()
	for _, address := range server.URLs {
		if u, err := url.Parse(address); err == nil && u.Scheme == scheme && u.RawQuery == "transport=tcp" {
			return u.Opaque
		}
	}
	require.Fail(t, "no such URL", "%s in %v", scheme, server.URLs)
	return ""
}

// TURN over TCP and TLS takes the header too.
func TestTURNBehindProxyProtocol(t *testing.T) {
	cert, key, roots := writeCertificate(t, t.TempDir(), 1)
	p := start(t, nil, append(turnHere, "--proxy-protocol", "--trusted-proxy=127.0.0.1", "--tls-cert="+cert, "--tls-key="+key, "--turn-listen-tls=127.0.0.1:0")...)
	secure := &tls.Config{RootCAs: roots, NextProtos: []string{"stun.turn"}}
	member := callBy(t, websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: roots}, NetDial: saying(t, "127.0.0.1", spoken(t, 2, "203.0.113.8:1"))}, p.url, nil)
	list := member.join(signaling.Join{}).ICEServers
	server := list[len(list)-1]
	for scheme, client := range map[string]string{"turn": "203.0.113.9", "turns": "203.0.113.10"} {
		at := streamOf(t, server, scheme)
		conn, err := saying(t, "127.0.0.1", spoken(t, 1, client+":1000"))("tcp", at)
		require.NoError(t, err)
		if scheme == "turns" {
			conn = tls.Client(conn, &tls.Config{RootCAs: secure.RootCAs, NextProtos: secure.NextProtos, ServerName: "127.0.0.1"})
		}
		relay, err := streamTURN(t, conn, server, at).Allocate()
		require.NoError(t, err)
		defer relay.Close()
		for line := range p.log {
			if strings.Contains(line, "msg=allocation ") {
				require.Contains(t, line, "client="+client+"/32")
				break
			}
		}
	}
}

// The same with a real balancer: HAProxy, in both versions, and its health checks.
func TestBehindHAProxy(t *testing.T) {
	for _, word := range []string{"send-proxy", "send-proxy-v2"} {
		t.Run(word, func(t *testing.T) {
			p := start(t, nil, "--proxy-protocol", "--trusted-proxy=127.0.0.1", "--admin-listen=127.0.0.1:0", "--admin-token="+adminToken)
			address := startHAProxy(t, word, strings.TrimPrefix(p.url, "ws://"))
			d := websocket.Dialer{NetDial: saying(t, "127.0.0.2", "")}
			callBy(t, d, "ws://"+address, nil).join(signaling.Join{Room: "lobby"})
			_, members := p.administer(t, "GET", "/rooms/lobby")
			require.Contains(t, members, `"remote":"127.0.0.2"`)
		})
	}
}

// startHAProxy runs HAProxy before servers that it asks whether they are ready, and returns where.
func startHAProxy(t *testing.T, word string, servers ...string) (address string) {
	t.Helper()
	program, address := needs(t, "haproxy", "haproxy"), freeAddress(t)
	var list strings.Builder
	for i, server := range servers {
		fmt.Fprintf(&list, "  server s%d %s %s\n", i, server, word)
	}
	config := example(t, "haproxy.cfg", ":443", address, "  server one 10.0.0.1:9080 send-proxy-v2\n  server two 10.0.0.2:9080 send-proxy-v2\n", list.String(), "inter 1s", "inter 20ms", "maxconn 40000", "maxconn 1000",
		"timeout check 5s", "timeout check 5s\n  retries 0") // no second try, which would hide a refusal
	background(t, exec.Command(program, "-f", writeFile(t, t.TempDir(), "haproxy.cfg", []byte(config))), address)
	return address
}

// Signaling, the page and TURN over TLS on one port: the first byte tells.
func TestOnePort(t *testing.T) {
	t.Parallel()
	p, at, roots := startOnePort(t)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, NextProtos: []string{"h2", "http/1.1"}}, DisableKeepAlives: true}}
	for path, want := range map[string]int{"": http.StatusOK, "healthz": http.StatusOK, "lobby": http.StatusUpgradeRequired} {
		res, err := client.Get("https://" + at + "/" + path)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, want, res.StatusCode, path)
	}
	member := callBy(t, websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: roots}}, p.url, nil)
	list := member.join(signaling.Join{Room: "lobby"}).ICEServers
	server := list[len(list)-1]
	require.Equal(t, at, streamOf(t, server, "turns"), "it is told")
	for _, protocols := range [][]string{nil, {"stun.turn"}, {"stun.nat-discovery", "stun.turn"}} {
		conn, err := tls.Dial("tcp", at, &tls.Config{RootCAs: roots, NextProtos: protocols})
		require.NoError(t, err)
		relay, err := streamTURN(t, conn, server, at).Allocate()
		require.NoError(t, err)
		require.NoError(t, relay.Close())
	}
	for _, c := range []struct{ says, want string }{
		{"\x7f\x00\x00\x00", "HTTP/1.1 400"}, // neither
		{"\r\nGET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
		{"\x03rubbish, and more of it than a header is", ""}, // TURN ends it without a word
	} {
		conn, err := tls.Dial("tcp", at, &tls.Config{RootCAs: roots})
		require.NoError(t, err)
		_, err = io.WriteString(conn, c.says+strings.Repeat("\r\n", 10))
		require.NoError(t, err)
		answer, _ := io.ReadAll(conn)
		require.True(t, strings.HasPrefix(string(answer), c.want), "%q: %q", c.says, answer)
		conn.Close()
	}
	require.Equal(t, exitOK, p.stop())
}

func startOnePort(t *testing.T, args ...string) (p *program, at string, roots *x509.CertPool) {
	t.Helper()
	cert, key, roots := writeCertificate(t, t.TempDir(), 1)
	at = freeAddress(t)
	p = start(t, nil, append(append([]string{}, turnHere...), append(args, "--listen="+at, "--turn-listen-tls="+at, "--tls-cert="+cert, "--tls-key="+key)...)...)
	require.Equal(t, "wss://"+at, p.url)
	return p, at, roots
}

// The same behind a balancer that says who connects, before TLS.
func TestOnePortBehindProxyProtocol(t *testing.T) {
	p, at, roots := startOnePort(t, "--proxy-protocol", "--trusted-proxy=127.0.0.1")
	secure := &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
	member := callBy(t, websocket.Dialer{TLSClientConfig: secure, NetDial: saying(t, "127.0.0.1", spoken(t, 2, "203.0.113.8:1"))}, p.url, nil)
	list := member.join(signaling.Join{}).ICEServers
	conn, err := saying(t, "127.0.0.1", spoken(t, 2, "203.0.113.9:1"))("tcp", at)
	require.NoError(t, err)
	relay, err := streamTURN(t, tls.Client(conn, secure), list[len(list)-1], at).Allocate()
	require.NoError(t, err)
	defer relay.Close()
	for line := range p.log {
		if strings.Contains(line, "msg=allocation ") {
			require.Contains(t, line, "client=203.0.113.9/32")
			break
		}
	}
}

// On a shared port, too, a connection that sends nothing, or stops in the middle of a handshake, is closed after
// --handshake-timeout. A server that is stopped does not wait for such connections.
func TestSilentConnectionsOnOnePort(t *testing.T) {
	t.Parallel()
	_, at, roots := startOnePort(t, "--handshake-timeout=5s")
	secure := &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
	var all []net.Conn // which wait at the same time
	for _, says := range []string{"", "\x16\x03\x01\x02", "a handshake"} {
		conn, err := net.Dial("tcp", at)
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
		if says == "a handshake" {
			conn = tls.Client(conn, secure)
			require.NoError(t, conn.(*tls.Conn).Handshake())
		} else {
			_, err = io.WriteString(conn, says)
			require.NoError(t, err)
		}
		all = append(all, conn)
	}
	for i, conn := range all {
		_, err := io.Copy(io.Discard, conn) // until the server closes
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, i)
	}
	slow, at, _ := startOnePort(t, "--handshake-timeout=30s")
	for range 3 {
		conn, err := net.Dial("tcp", at)
		require.NoError(t, err)
		defer conn.Close()
	}
	require.Equal(t, exitOK, slow.stop())
}

// The end of the server does not wait for an authority that hangs while a client waits for the first certificate.
func TestOnePortWhileTheAuthorityHangs(t *testing.T) {
	t.Parallel()
	asked, over := make(chan struct{}, 10), make(chan struct{})
	authority := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-over
	}))
	defer authority.Close()
	defer close(over)
	trust := writeFile(t, t.TempDir(), "trust.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Certificate().Raw}))
	at := freeAddress(t)
	d := launchCommand(t, "env", append(append([]string{"SSL_CERT_FILE=" + trust, "signal-server"}, turnHere...), "--listen="+at, "--turn-listen-tls="+at,
		"--acme-domain=game.example", "--acme-cache="+t.TempDir(), "--acme-directory="+authority.URL)...)
	conn, err := net.Dial("tcp", at)
	require.NoError(t, err)
	defer conn.Close()
	shaken := make(chan error, 1)
	go func() { shaken <- tls.Client(conn, &tls.Config{ServerName: "game.example"}).Handshake() }()
	<-asked
	require.NoError(t, d.cmd.Process.Signal(syscall.SIGTERM))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range d.log { // until its end
		}
	}()
	select {
	case <-ended:
		require.NoError(t, d.cmd.Wait())
	case <-time.After(time.Minute):
		require.Fail(t, "the server does not end")
	}
	require.Error(t, <-shaken)
}

// While it drains, and after half a message of TURN, a shared port serves TURN as before: members who come in that time
// need it. The end of the server waits for none of these connections.
func TestOnePortDrains(t *testing.T) {
	t.Parallel()
	p, at, roots := startOnePort(t, "--drain-delay=5s", "--metrics-listen=127.0.0.1:0", "--turn-allow-peer=127.0.0.2/32")
	secure := &tls.Config{RootCAs: roots}
	list := callBy(t, websocket.Dialer{TLSClientConfig: secure}, p.url, nil).join(signaling.Join{}).ICEServers
	dial := func() net.Conn {
		conn, err := tls.Dial("tcp", at, secure)
		require.NoError(t, err)
		return conn
	}
	relay := func() net.PacketConn {
		r, err := streamTURN(t, dial(), list[len(list)-1], at).Allocate()
		require.NoError(t, err)
		t.Cleanup(func() { r.Close() }) // its server has ended
		return r
	}
	peer, err := net.ListenPacket("udp4", "127.0.0.2:0")
	require.NoError(t, err)
	defer peer.Close()
	relays := func(r net.PacketConn, what string) {
		_, err := r.WriteTo([]byte(what), peer.LocalAddr())
		require.NoError(t, err)
		got := make([]byte, 100)
		require.NoError(t, peer.SetReadDeadline(time.Now().Add(time.Minute)))
		n, _, err := peer.ReadFrom(got)
		require.NoError(t, err)
		require.Equal(t, what, string(got[:n]))
	}
	early := relay()
	relays(early, "before")
	var halves []net.Conn
	for _, says := range []string{"\x00", "\x00\x01\x00\x08", "\x00\x01\x00\x08\x21\x12\xa4\x42 and no more"} {
		conn := dial()
		_, err := io.WriteString(conn, says)
		require.NoError(t, err)
		halves = append(halves, conn)
	}
	awaitFigure(t, p.other(t, "--metrics-listen")+"/metrics", "turn_streams", 4)

	code := make(chan int, 1)
	go func() { code <- p.stop() }()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: secure, DisableKeepAlives: true}}
	require.True(t, eventually(t.Context(), func() bool {
		res, err := client.Get("https://" + at + "/readyz")
		require.NoError(t, err)
		res.Body.Close()
		return res.StatusCode == http.StatusServiceUnavailable
	}))
	relays(early, "still")
	relays(relay(), "anew")
	require.Equal(t, exitOK, <-code)
	for _, conn := range halves {
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
		_, err := io.Copy(io.Discard, conn)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
		conn.Close()
	}
}

// A port that members and TURN share needs the name that the certificate has.
func TestOnePortNeedsAName(t *testing.T) {
	cert, key, _ := writeCertificate(t, t.TempDir(), 1)
	code, _, stderr := tell(t, "check-config", "--listen=:8443", "--turn-listen-tls=:8443", "--turn", "--turn-address=203.0.113.7", "--tls-cert="+cert, "--tls-key="+key)
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "--turn-listen-tls :8443: needs --turn-host")
	code, stdout, stderr := tell(t, "check-config", "--listen=:8443", "--turn-listen-tls=:8443", "--turn", "--turn-address=203.0.113.7", "--tls-cert="+cert, "--tls-key="+key, "--turn-host=game.example")
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, stdout, "TURN over TLS on :8443, as game.example")
}
