package webrtc_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newTransport closes the transport when the test, and with it every link, is over.
func newTransport(t testing.TB, config webrtc.Config) *webrtc.Transport {
	t.Helper()
	tr, err := webrtc.New(config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tr.Close()) })
	return tr
}

func TestTransport(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) (a, b transport.Transport) {
		config := webrtc.Config{MaxMessage: 256 << 10}
		return newTransport(t, config), newTransport(t, config)
	})
}

// A server with one port for all its links, and a client without.
func TestOneUDPPortForAllLinks(t *testing.T) {
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
