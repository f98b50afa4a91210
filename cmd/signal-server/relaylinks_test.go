package main

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// Links that go through the server, as neither end has any other way: they may use TURN alone, and there is none.

func joinForwarded(t testing.TB, url string) *rtcpeer.Node {
	t.Helper()
	config := relayOnly
	config.RelayLinks = true
	node, err := rtcpeer.Join(t.Context(), url+"/lobby", config)
	require.NoError(t, err)
	t.Cleanup(func() { node.Close() })
	return node
}

func TestRelayLinks(t *testing.T) {
	p := start(t, nil, "--metrics-listen=127.0.0.1:0", "--relay-links", "--relay-rate=2000000", "--relay-total=100000000")
	first, second := joinForwarded(t, p.url), joinForwarded(t, p.url)
	wantEvent(t, first, rtcpeer.PeerConnected)
	wantEvent(t, second, rtcpeer.PeerConnected)
	for _, n := range []*rtcpeer.Node{first, second} {
		for _, l := range n.Stats().Links {
			require.Equal(t, []string{transport.Signaling, transport.Signaling}, []string{l.Local, l.Remote})
		}
	}
	const packets, size = 200, 16 << 10
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
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
	figures := scrape(t, p.other(t, "--metrics-listen")+"/metrics")
	require.GreaterOrEqual(t, figures["relay_frames_total"], float64(packets))
	require.GreaterOrEqual(t, figures["relay_bytes_total"], float64(packets*size))
	require.Positive(t, figures["relay_throttled_total"])
	require.NoError(t, second.Close())
	require.Equal(t, rtcpeer.ByPeer, wantEvent(t, first, rtcpeer.PeerDisconnected).Reason)
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
