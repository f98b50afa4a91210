package turnserver_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/turnserver"
)

// A client that allocates and gives up, again and again, writes no more than so many lines.
func TestAllocationsDoNotFillTheLog(t *testing.T) {
	var log lines
	s := serve(t, turnserver.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	c := dial(t, s, "udp", "a")
	const n = 300
	for range n {
		conn, err := c.Allocate()
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
	require.Eventually(t, func() bool { return s.Stats().Allocations == 0 }, 10*time.Second, time.Millisecond)
	require.EqualValues(t, n, s.Stats().Allocated)
	require.Less(t, log.count("msg=allocation "), n)
	require.Less(t, log.count(`msg="allocation ended"`), n)
	require.GreaterOrEqual(t, log.count("msg=allocation "), 100)
}

// lines is a writer that counts.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}
