//go:build !js

package webrtc_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// What a browser reads from the descriptions is what Pion gets from the certificates.
func TestBindingMatchesDescriptions(t *testing.T) {
	a, b := newTransport(t, webrtc.Config{}), newTransport(t, webrtc.Config{})
	offerer, answerer := newPath(t, a), newPath(t, b)
	require.Empty(t, offerer.Binding(), "before it is open")
	offer, err := offerer.Offer()
	require.NoError(t, err)
	answer, err := answerer.Answer(offer)
	require.NoError(t, err)

	open, _ := transporttest.Connect(t, a, b, transporttest.Config())
	require.Equal(t, fingerprint(t, offer)+" "+fingerprint(t, answer), open.Binding())
	require.NotEqual(t, fingerprint(t, offer), fingerprint(t, answer), "each Transport has a certificate of its own")
}

func fingerprint(t *testing.T, sdp string) string {
	t.Helper()
	m := regexp.MustCompile(`a=fingerprint:(\S+ \S+)`).FindStringSubmatch(sdp)
	require.NotNil(t, m)
	return strings.ToLower(m[1])
}

func newPath(t *testing.T, tr *webrtc.Transport) transport.Path {
	t.Helper()
	path, err := tr.NewPath(transporttest.Config())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, path.Close()) })
	return path
}
