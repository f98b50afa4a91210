package linklog

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
)

func TestAlone(t *testing.T) {
	require.Equal(t, "nobody else is in the room yet; others join with: rtc-client chat ws://x/y", Alone(here{}, "rtc-client chat ws://x/y"))
	require.Equal(t, "in the room, but not connected yet: peer 7, 9", Alone(here{members: []rtcpeer.PeerID{7, 9}}, ""))
}
