package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
	"example.org/rtcpeer/testdata/skip"
)

// Links that go through the server, as neither end has any other way: they may use TURN alone, and there is none.

func joinForwarded(t testing.TB, url string) *rtcpeer.Node {
	t.Helper()
	return joinForwardedTLS(t, url, nil)
}

func joinForwardedTLS(t testing.TB, url string, trust *tls.Config) *rtcpeer.Node {
	t.Helper()
	config := relayOnly
	config.RelayLinks, config.Signaling.TLS = true, trust
	node, err := rtcpeer.Join(t.Context(), url+"/lobby", config)
	require.NoError(t, err)
	t.Cleanup(func() { node.Close() })
	return node
}

func TestRelayLinks(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "--metrics-listen=127.0.0.1:0", "--relay-links", "--relay-rate=500000", "--relay-total=100000000") // slower than any machine
	first, second := joinForwarded(t, p.url), joinForwarded(t, p.url)
	const packets, size = 100, 16 << 10
	passForwarded(t, first, second, packets, size)
	figures := scrape(t, p.other(t, "--metrics-listen")+"/metrics")
	require.GreaterOrEqual(t, figures["relay_frames_total"], float64(packets))
	require.GreaterOrEqual(t, figures["relay_bytes_total"], float64(packets*size))
	require.Positive(t, figures["relay_throttled_total"])
	require.NoError(t, second.Close())
	require.Equal(t, rtcpeer.ByPeer, wantEvent(t, first, rtcpeer.PeerDisconnected).Reason)
}

// passForwarded has two nodes connect through the server, and one of them send packets to the other.
func passForwarded(t *testing.T, first, second *rtcpeer.Node, packets, size int) {
	t.Helper()
	wantEvent(t, first, rtcpeer.PeerConnected)
	wantEvent(t, second, rtcpeer.PeerConnected)
	for _, n := range []*rtcpeer.Node{first, second} {
		for _, l := range n.Stats().Links {
			require.Equal(t, []string{transport.Signaling, transport.Signaling}, []string{l.Local, l.Remote})
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		for i := range packets {
			if first.Send(ctx, rtcpeer.Packet{Data: bytes.Repeat([]byte{byte(i)}, size), Peer: second.ID()}) != nil {
				return
			}
		}
	}()
	for i := range packets {
		data := wantEvent(t, second, rtcpeer.PacketReceived).Packet.Data
		require.Len(t, data, size)
		require.Equal(t, byte(i), data[size-1])
	}
}

// The same over TLS through the proxies of Debian with the examples of deploy, and both ways.
func TestRelayLinksBehindProxies(t *testing.T) {
	t.Parallel()
	for name, startProxy := range proxiesHere {
		t.Run(name, func(t *testing.T) {
			p := start(t, nil, "--trusted-proxy=127.0.0.1", "--relay-links", "--relay-rate=2000000")
			address, trust := startProxy(t, strings.TrimPrefix(p.url, "ws://"))
			first, second := joinForwardedTLS(t, "wss://"+address, trust), joinForwardedTLS(t, "wss://"+address, trust)
			passForwarded(t, first, second, 50, 16<<10)
			require.NoError(t, second.Send(t.Context(), rtcpeer.Packet{Data: []byte("back"), Peer: first.ID()}))
			require.Equal(t, "back", string(wantEvent(t, first, rtcpeer.PacketReceived).Packet.Data))
			require.GreaterOrEqual(t, scrape(t, pageOf(p)+"metrics")["relay_frames_total"], 51.0)
		})
	}
}

// A program, a tab of Chromium and one of Firefox, none of which has any other way to the others, and the page, which says so.
func TestRelayLinksOfBrowsers(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	p := start(t, nil, "--relay-links", "--relay-rate=100000000", "--relay-total=100000000")
	node := joinForwarded(t, p.url)
	chromium := openBrowser(t)
	tabs := []view{chromium.open(t, pageOf(p)), openView(t, openFirefox(t), "", pageOf(p))}
	for _, tab := range tabs {
		settle(t, tab, `(async () => {
			const { join } = await import("./rtcpeer.js");
			const { relayLinks } = await import("./relay-links.js");
			globalThis.game = await join("./lobby", { iceTransportPolicy: "relay", relayLinks, maxPacket: 262144 });
			globalThis.heard = [];
			globalThis.said = (peer) => heard.filter((e) => e.kind === "packet" && e.peer === peer).map(({ packet: p }) => p.mode + " " + p.data.length);
			(async () => { for await (const event of game) heard.push(event); })();
		})()`)
	}
	modes := []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.Unreliable, rtcpeer.UnreliableOrdered}
	seen := make(map[rtcpeer.PeerID]bool)
	for range tabs {
		id := wantEvent(t, node, rtcpeer.PeerConnected).Peer
		seen[id] = true
		for _, mode := range modes {
			require.NoError(t, node.Send(t.Context(), rtcpeer.Packet{Peer: id, Mode: mode, Data: make([]byte, 16<<10)}))
		}
	}
	for _, tab := range tabs {
		tab.waitFor(t, `game.peers.length === 2`)
		settle(t, tab, `(async () => {
			for (const mode of ["reliable", "unreliable", "unreliable_ordered"]) await game.send({ mode, data: new Uint8Array(16384) });
			const [other] = game.peers.filter((id) => id !== 1);
			await game.send({ peer: other, data: new Uint8Array(262144) });
		})()`)
	}
	for _, tab := range tabs {
		tab.waitFor(t, `said(1).sort().join() === "reliable 16384,unreliable 16384,unreliable_ordered 16384"`)
		tab.waitFor(t, `said(game.peers.find((id) => id !== 1)).sort().join() === "reliable 16384,reliable 262144,unreliable 16384,unreliable_ordered 16384"`)
		require.Equal(t, "signaling signaling,signaling signaling", settle(t, tab, `game.stats().then(({ links }) => Object.values(links).map((l) => l.local + " " + l.remote).join())`))
	}
	heard := make(map[rtcpeer.Mode]int)
	for range len(tabs) * len(modes) {
		heard[wantEvent(t, node, rtcpeer.PacketReceived).Packet.Mode]++
	}
	require.Equal(t, map[rtcpeer.Mode]int{rtcpeer.Reliable: 2, rtcpeer.Unreliable: 2, rtcpeer.UnreliableOrdered: 2}, heard)

	for _, v := range tabs {
		if chromium, ok := v.(*tab); ok {
			chromium.quiet(t)
		}
		settle(t, v, `game.close()`)
	}
	for range tabs {
		e := wantEvent(t, node, rtcpeer.PeerDisconnected)
		require.True(t, seen[e.Peer])
		require.Equal(t, rtcpeer.ByPeer, e.Reason)
	}
	page := chromium.open(t, pageOf(p)+"#lobby")
	page.waitFor(t, `unfold("#details") && [...document.querySelectorAll("td")].some((cell) => cell.textContent === "through the signaling server")`)
	page.quiet(t)
}

// settle returns what a promise resolves to.
func settle(t *testing.T, v view, promise string) string {
	t.Helper()
	v.text(t, `globalThis.settled = undefined, (`+promise+`).then((value) => { settled = { value }; }, (error) => { settled = { error }; })`)
	v.waitFor(t, `settled`)
	require.Equal(t, "undefined", v.text(t, `settled.error`))
	return v.text(t, `settled.value`)
}

// Without the flag there is no link.
func TestNoRelayLinks(t *testing.T) {
	p := start(t, nil)
	first := joinForwarded(t, p.url)
	joinForwarded(t, p.url)
	wantEvent(t, first, rtcpeer.PeerFailed)
}

// BenchmarkRelayLinks measures 64 bytes there and back, and packets of 16 KiB one way, over a link through the server
// without limits and over a direct one.
func BenchmarkRelayLinks(b *testing.B) {
	p := start(b, nil, "--relay-links", "--relay-rate=1000000000", "--relay-burst=1000000000", "--relay-total=1000000000")
	for name, config := range map[string]rtcpeer.Config{
		"signaling": {RelayLinks: true, WebRTC: relayOnly.WebRTC},
		"direct":    {WebRTC: webrtc.Config{Loopback: true, IPv4Only: true}},
	} {
		join := func() *rtcpeer.Node {
			node, err := rtcpeer.Join(b.Context(), p.url+"/"+name, config)
			require.NoError(b, err)
			b.Cleanup(func() { node.Close() })
			return node
		}
		first, second := join(), join()
		next := func(n *rtcpeer.Node) rtcpeer.Event {
			ev, err := n.Receive(b.Context())
			require.NoError(b, err)
			return ev
		}
		require.Equal(b, rtcpeer.PeerConnected, next(first).Kind)
		require.Equal(b, rtcpeer.PeerConnected, next(second).Kind)
		send := func(n *rtcpeer.Node, size int) {
			require.NoError(b, n.Send(b.Context(), rtcpeer.Packet{Peer: n.Peers()[0], Data: make([]byte, size)}))
		}
		b.Run("round trip/"+name, func(b *testing.B) {
			for b.Loop() {
				send(first, 64)
				next(second)
				send(second, 64)
				next(first)
			}
		})
		b.Run("throughput/"+name, func(b *testing.B) {
			const size = 16 << 10
			b.SetBytes(size)
			b.ResetTimer()
			go func() {
				for range b.N {
					send(first, size)
				}
			}()
			for range b.N {
				next(second)
			}
		})
	}
}
