package limits

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConnectionsFollowSessions(t *testing.T) {
	o := Options{MaxSessions: 100, SessionsPerAddress: 7}
	require.Equal(t, 1224, o.Connections())
	require.Equal(t, 78, o.ConnectionsPerAddress())
	o.SessionsPerAddress = 0
	require.Zero(t, o.ConnectionsPerAddress(), "none, as for sessions")
	o.MaxSessions = 15_000
	require.Less(t, 2*o.Connections(), 65536, "half of the open files of deploy/signal-server.service")
}
