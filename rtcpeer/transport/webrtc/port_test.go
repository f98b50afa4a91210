//go:build !js

package webrtc_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// A server with one port for all its paths, and a client without.
func TestOneUDPPortForAllPaths(t *testing.T) {
	t.Parallel()
	transporttest.Run(t, func(t *testing.T) (a, b transport.Transport) {
		server := newTransport(t, webrtc.Config{UDPPort: webrtc.AnyPort, MaxMessage: 256 << 10})
		return server, newTransport(t, webrtc.Config{MaxMessage: 256 << 10})
	})
}

func TestOneUDPPortAtBothEnds(t *testing.T) {
	config := webrtc.Config{UDPPort: webrtc.AnyPort}
	a, b := newTransport(t, config), newTransport(t, config)
	for range 3 { // one after the other
		offerer, answerer := transporttest.Connect(t, a, b, transporttest.Config())
		require.NoError(t, offerer.Lane(0).Write([]byte("hi")))
		buf := make([]byte, 2)
		_, err := answerer.Lane(0).Read(buf)
		require.NoError(t, err)
		require.NoError(t, offerer.Close())
		require.NoError(t, answerer.Close())
	}
}
