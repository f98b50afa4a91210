package entry

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
)

func TestICEServers(t *testing.T) {
	got, err := ICEServers([]string{"stun:example.org:3478", "turns:anna:a:b@c@example.org?transport=tcp"})
	require.NoError(t, err)
	require.Equal(t, []transport.ICEServer{
		{URLs: []string{"stun:example.org:3478"}},
		{URLs: []string{"turns:example.org?transport=tcp"}, Username: "anna", Credential: "a:b@c"},
	}, got)
	for _, bad := range []string{"", "stun:", "stun", "example.org", "stun:anna:x@example.org", "turn:example.org", "turn:anna@example.org", "turn:anna:x@", "http://example.org"} {
		_, err := ICEServers([]string{bad})
		require.Error(t, err, bad)
	}
}
