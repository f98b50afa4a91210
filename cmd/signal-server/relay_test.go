package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/signal-server/internal/server"
	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/skip"
)

var relayOnly = rtcpeer.Config{WebRTC: webrtc.Config{RelayOnly: true, Loopback: true, IPv4Only: true}}

// A node of Go's and one of Chromium's, neither of which may use anything but this server's TURN: each hears
// the other, and both say that the link is relayed at both ends.
func TestChromiumThroughOwnTURN(t *testing.T) {
	t.Parallel()
	here := elsewhere(t) // Chromium has no sockets for loopback
	p := start(t, nil, "--turn", "--turn-address=203.0.113.7", "--turn-host="+here, "--turn-listen="+net.JoinHostPort(here, "0"))
	node := joinRelayed(t, p.url)
	tab := openBrowser(t).open(t, pageOf(p))
	tab.await(t, `(async () => {
		const { join } = await import("./rtcpeer.js");
		globalThis.game = await join("./lobby", { iceTransportPolicy: "relay" });
		globalThis.heard = [];
		(async () => { for await (const event of game) heard.push(event); })();
		return "";
	})()`)
	browser := wantEvent(t, node, rtcpeer.PeerConnected).Peer
	require.NoError(t, node.Send(t.Context(), rtcpeer.Packet{Peer: browser, Data: []byte("to the browser")}))
	tab.waitFor(t, `new TextDecoder().decode(heard[1]?.packet.data) === "to the browser"`)
	require.Equal(t, "relay relay", tab.await(t, `game.send({ data: "to the program" }).then(() => game.stats()).then(({ links: { 1: l } }) => l.local + " " + l.remote)`))
	require.Equal(t, "to the program", string(wantEvent(t, node, rtcpeer.PacketReceived).Packet.Data))
	link := node.Stats().Links[browser]
	require.Equal(t, "relay relay", link.Local+" "+link.Remote)
	tab.quiet(t)
}

// coturn as another server's TURN: it takes the credentials that signal-server makes of the shared secret.
func TestLinkThroughCoturn(t *testing.T) {
	const secret = "shared with coturn"
	at, log := startCoturn(t, secret)
	p := start(t, nil, "--ice-server=turn:"+at+"?transport=udp", "--turn-secret="+secret)
	first, second := joinRelayed(t, p.url), joinRelayed(t, p.url)
	meetRelayed(t, first, second)
	talkRelayed(t, first, second)
	said, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Contains(t, string(said), "ALLOCATE processed, success")
}

// A link outlives the credential that made it, several times over, and a link that is made when the first
// credential has expired uses the one that the member was sent meanwhile. A minute, the least --turn-ttl, is
// more than a test takes: the flag's bound is gone round, and nothing else.
func TestCredentialsAreRenewed(t *testing.T) {
	skip.Long(t)
	t.Parallel() // it mostly waits
	const ttl = 4 * time.Second
	o, err := read(t, nil, append(turnHere, "--listen=127.0.0.1:0", "--ping-interval=1s")...)
	require.NoError(t, err)
	o.TURN.TTL = ttl
	url := serveOptions(t, o)

	witness := call(t, url, nil) // is renewed as the others are
	welcome := witness.join(signaling.Join{Room: "elsewhere"})
	news := witness.listen()
	begun := time.Now()
	first, second := joinRelayed(t, url), joinRelayed(t, url)
	meetRelayed(t, first, second)
	last := welcome.ICEServers[len(welcome.ICEServers)-1]
	for time.Since(begun) < 2*ttl {
		heard := <-news
		require.IsType(t, signaling.ICEServers{}, heard)
		renewed := heard.(signaling.ICEServers).Servers
		require.NotEqual(t, last.Username, renewed[len(renewed)-1].Username)
		require.Equal(t, last.URLs, renewed[len(renewed)-1].URLs)
		last = renewed[len(renewed)-1]
		talkRelayed(t, first, second)
	}
	third := joinRelayed(t, url)
	for _, node := range []*rtcpeer.Node{first, second} {
		wantEvent(t, node, rtcpeer.PeerConnected)
		wantEvent(t, third, rtcpeer.PeerConnected)
	}
	talkRelayed(t, first, third)
	talkRelayed(t, second, third)
	require.Equal(t, 2, first.Stats().Total.Links, "none was made anew")
}

// serveOptions runs a server as no flags could say.
func serveOptions(t *testing.T, o server.Options) (url string) {
	t.Helper()
	s, err := server.New(t.Context(), o, pageFiles(), noLog(t))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return s.URL()
}

func joinRelayed(t *testing.T, url string) *rtcpeer.Node {
	t.Helper()
	node, err := rtcpeer.Join(t.Context(), url+"/lobby", relayOnly)
	require.NoError(t, err)
	t.Cleanup(func() { node.Close() })
	return node
}

func meetRelayed(t *testing.T, a, b *rtcpeer.Node) {
	t.Helper()
	wantEvent(t, a, rtcpeer.PeerConnected)
	wantEvent(t, b, rtcpeer.PeerConnected)
}

// talkRelayed sends a packet each way, over a link that is relayed at both ends.
func talkRelayed(t *testing.T, a, b *rtcpeer.Node) {
	t.Helper()
	for _, pair := range [][2]*rtcpeer.Node{{a, b}, {b, a}} {
		from, to := pair[0], pair[1]
		require.NoError(t, from.Send(t.Context(), rtcpeer.Packet{Peer: to.ID(), Data: []byte("through a relay")}))
		require.Equal(t, from.ID(), wantEvent(t, to, rtcpeer.PacketReceived).Packet.Peer)
		link := to.Stats().Links[from.ID()]
		require.Equal(t, "relay relay", link.Local+" "+link.Remote)
	}
}

// startCoturn runs Debian's coturn on loopback, with relays there too.
func startCoturn(t *testing.T, secret string) (address, log string) {
	t.Helper()
	program := needs(t, "turnserver", "coturn")
	l, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.LocalAddr().(*net.UDPAddr).Port
	require.NoError(t, l.Close())
	dir := t.TempDir()
	log = filepath.Join(dir, "log")
	cmd := exec.Command(program, "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", fmt.Sprintf("--listening-port=%d", port),
		"--use-auth-secret", "--static-auth-secret="+secret, "--realm=coturn.example", "--allow-loopback-peers", "--no-cli", "--no-tls", "--no-dtls", "--no-tcp",
		"--no-multicast-peers", "--relay-threads=1", "--simple-log", "--log-file="+log, "--verbose", "--pidfile="+dir+"/pid", "--userdb="+dir+"/db")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	address = fmt.Sprintf("127.0.0.1:%d", port)
	require.True(t, eventually(t.Context(), func() bool { return answersSTUN(t, address) }), "coturn does not answer")
	return address, log
}

// answersSTUN asks once.
func answersSTUN(t *testing.T, address string) bool {
	t.Helper()
	conn, err := net.Dial("udp4", address)
	require.NoError(t, err)
	defer conn.Close()
	bindingRequest := [20]byte{0: 0, 1: 1, 4: 0x21, 5: 0x12, 6: 0xa4, 7: 0x42} // RFC 8489, 5
	if _, err := conn.Write(bindingRequest[:]); err != nil {
		return false // as long as nobody has the port
	}
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Second)))
	n, err := conn.Read(make([]byte, 1500))
	return err == nil && n > 0
}
