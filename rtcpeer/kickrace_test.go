package rtcpeer

import (
	"testing"

	"github.com/stretchr/testify/require"

	transport "example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/memory"
)

// The server and the host both tell a guest that it was kicked. The link with the host can end when the node has noted
// the end of its signaler and has not ended itself yet: the reason is the server's all the same.
func TestKickedGuestWhoseLinkEndsFirst(t *testing.T) {
	server := memory.NewServer()
	network := transport.NewNetwork(transport.Options{})
	join := func() *Node {
		config := Config{Topology: Star, Transport: network.Transport()}
		message := JoinMessage(config)
		message.Room = "hall"
		client, err := server.Join(t.Context(), message)
		require.NoError(t, err)
		n, err := New(t.Context(), client, config)
		require.NoError(t, err)
		return n
	}
	host, guest := join(), join()
	defer server.Close()
	defer host.Close()
	defer guest.Close()
	ev, err := guest.Receive(t.Context())
	require.NoError(t, err)
	require.Equal(t, PeerConnected, ev.Kind)

	kicked := &signaling.Error{Code: signaling.CodeKicked, Text: "be nice"}
	guest.room.end(kicked)
	guest.roster.links()[0].end(Kicked)
	for err == nil {
		_, err = guest.Receive(t.Context())
	}
	require.ErrorIs(t, err, kicked)
}
