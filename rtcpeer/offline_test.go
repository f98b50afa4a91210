package rtcpeer_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
)

func TestOffline(t *testing.T) {
	var peer rtcpeer.Offline
	require.Equal(t, rtcpeer.ConnectionConnected, peer.Status())
	require.Equal(t, rtcpeer.Server, peer.ID())
	require.False(t, peer.Relays())
	require.ErrorIs(t, peer.Disconnect(5), rtcpeer.ErrUnknownPeer)
	require.ErrorIs(t, peer.Send(t.Context(), rtcpeer.Packet{Peer: 5}), rtcpeer.ErrUnknownPeer)
	require.NoError(t, peer.Send(t.Context(), rtcpeer.Packet{Data: []byte("x")}))
	require.Empty(t, peer.Peers())
	_, err := peer.TryReceive()
	require.ErrorIs(t, err, rtcpeer.ErrNoEvent)
	peer.SetRefuse(true)
	require.True(t, peer.Refuses())
	require.NoError(t, peer.Close())
	require.NoError(t, peer.Close())
	_, err = peer.Receive(t.Context())
	require.ErrorIs(t, err, rtcpeer.ErrClosed)
}

var (
	_ rtcpeer.Peer        = (*rtcpeer.Node)(nil)
	_ rtcpeer.Peer        = (*rtcpeer.Offline)(nil)
	_ transport.Transport = (*memory.Transport)(nil)
)
