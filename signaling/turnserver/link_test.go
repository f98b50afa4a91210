package turnserver_test

import (
	"context"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/signaling/turnserver"
)

// Two members who use nothing but the server of their welcome, which stands behind a NAT.
func TestRelayOnlyLink(t *testing.T) {
	for name, config := range map[string]turnserver.Config{
		"UDP": {UDP: "127.0.0.1:0", TCP: turnserver.Off},
		"TCP": {UDP: turnserver.Off, TCP: "127.0.0.1:0"},
	} {
		t.Run(name, func(t *testing.T) {
			config.PublicAddresses, config.Host = []netip.Addr{outer}, "127.0.0.1"
			relay := serve(t, config)
			room := serveRooms(t, signalserver.Config{ICEServers: relay.ICEServers("lobby")}) + "/lobby"
			first, second := join(t, room), join(t, room)
			awaitPeer(t, first)
			awaitPeer(t, second)

			packet := rtcpeer.Packet{Peer: second.ID(), Mode: rtcpeer.Reliable, Data: []byte("through the relay")}
			require.NoError(t, first.Send(t.Context(), packet))
			ev, err := second.Receive(t.Context())
			require.NoError(t, err)
			require.Equal(t, "through the relay", string(ev.Packet.Data))
			link := second.Stats().Links[first.ID()]
			require.Equal(t, "relay", link.Local)
			require.Equal(t, "relay", link.Remote)
			require.Positive(t, relay.Stats().ToPeers)
		})
	}
}

func serveRooms(t *testing.T, config signalserver.Config) (url string) {
	t.Helper()
	rooms, err := signalserver.New(config)
	require.NoError(t, err)
	web := httptest.NewServer(rooms)
	t.Cleanup(func() {
		web.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		require.NoError(t, rooms.Shutdown(ctx))
	})
	return "ws" + strings.TrimPrefix(web.URL, "http")
}

func join(t *testing.T, url string) *rtcpeer.Node {
	t.Helper()
	node, err := rtcpeer.Join(t.Context(), url, rtcpeer.Config{
		WebRTC: webrtc.Config{RelayOnly: true, Loopback: true, IPv4Only: true},
	})
	require.NoError(t, err)
	t.Cleanup(func() { node.Close() })
	return node
}

func awaitPeer(t *testing.T, n *rtcpeer.Node) {
	t.Helper()
	ev, err := n.Receive(t.Context())
	require.NoError(t, err)
	require.Equal(t, rtcpeer.PeerConnected, ev.Kind, "%+v", ev)
}
