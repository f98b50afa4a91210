package turnserver

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// While the process may not open another file, which strangers can bring about, this host is as much out of reach as
// before.
func TestHostWithoutFiles(t *testing.T) {
	var h host
	own, err := readHost()
	require.NoError(t, err)
	own.own[netip.MustParseAddr("9.9.9.9")] = true
	own.read = time.Now().Add(-time.Hour)
	h.last.Store(own)

	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 0, Max: limit.Max}))
	_, err = readHost()
	owned, loopback := h.owns(netip.MustParseAddr("9.9.9.9")), h.owns(netip.MustParseAddr("127.0.0.1"))
	claimed := h.claims(netip.MustParseAddr("9.9.9.8"))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))

	require.Error(t, err)
	require.True(t, owned)
	require.True(t, loopback)
	require.True(t, claimed, "it cannot be told")
	require.False(t, h.owns(netip.MustParseAddr("9.9.9.9")), "read again")
}
