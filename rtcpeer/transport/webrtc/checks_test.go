//go:build !js

package webrtc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// Both ends of a path on which no packets pass see each other's checks.
func TestChecksOfAnIdlePath(t *testing.T) {
	t.Parallel()
	a, b := transporttest.Connect(t, newTransport(t, webrtc.Config{}), newTransport(t, webrtc.Config{}), transporttest.Config())
	for _, path := range []transport.Path{a, b} {
		checked := path.(transport.Checked)
		for range 3 {
			before := checked.Checks()
			require.Eventually(t, func() bool { return checked.Checks() != before }, time.Minute, 10*time.Millisecond)
		}
	}
}
