package webrtc

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
)

func TestDirectLeavesRelaysOut(t *testing.T) {
	shared := []transport.ICEServer{
		{URLs: []string{"stun:a", "TURN:a?transport=udp", "turns:a"}, Username: "u"},
		{URLs: []string{"turn:b"}},
	}
	config := transport.PathConfig{ICEServers: []transport.ICEServer{{URLs: []string{"stuns:c"}}, {URLs: []string{"turn:d"}}}}
	require.Equal(t, []transport.ICEServer{shared[0], shared[1], config.ICEServers[0], config.ICEServers[1]}, serversFor(shared, config))

	config.Direct = true
	require.Equal(t, []transport.ICEServer{
		{URLs: []string{"stun:a"}, Username: "u"}, {URLs: []string{"stuns:c"}},
	}, serversFor(shared, config))
	require.Equal(t, []string{"stun:a", "TURN:a?transport=udp", "turns:a"}, shared[0].URLs, "the caller's own are as they were")
}

func TestDirectWithRelayOnlyIsAnError(t *testing.T) {
	tr, err := New(Config{RelayOnly: true})
	require.NoError(t, err)
	defer tr.Close()
	_, err = tr.NewPath(transport.PathConfig{Direct: true})
	require.ErrorIs(t, err, errNoRoute)
}
