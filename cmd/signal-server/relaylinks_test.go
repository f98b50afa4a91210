package main

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
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
	p := start(t, nil, "--relay-links", "--relay-rate=100000000", "--relay-total=100000000")
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
