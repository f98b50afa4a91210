package webrtc_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
	"example.org/rtcpeer/testdata/atonce"
	"example.org/rtcpeer/testdata/skip"
)

// In a browser the runtime keeps a goroutine for the page's events.
func TestMain(m *testing.M) {
	atonce.Set(skip.Shorter(12, 4))
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("runtime.handleEvent"))
}

// newTransport closes the transport when the test, and with it every path, is over.
func newTransport(t testing.TB, config webrtc.Config) *webrtc.Transport {
	t.Helper()
	tr, err := webrtc.New(config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tr.Close()) })
	return tr
}

func TestTransport(t *testing.T) {
	t.Parallel()
	transporttest.Run(t, func(t *testing.T) (a, b transport.Transport) {
		config := webrtc.Config{MaxMessage: 256 << 10}
		return newTransport(t, config), newTransport(t, config)
	})
}
