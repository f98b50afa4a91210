package turnserver_test

import (
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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

// A listener that fails, because the process may not open another file, is used again, and the log says why clients
// waited.
func TestAcceptFails(t *testing.T) {
	var log lines
	s := serve(t, turnserver.Config{UDP: turnserver.Off, TCP: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(&log, nil)),
		Listen: func(network, address string, _ bool) (net.Listener, error) {
			l, err := net.Listen(network, address)
			return &failing{Listener: l}, err
		}})
	conn, err := dial(t, s, "tcp", "a").Allocate()
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.Equal(t, 1, log.count(`level=WARN msg="cannot accept a connection" err="too many open files"`))
}

// A failing listener fails once.
type failing struct {
	net.Listener
	failed atomic.Bool
}

func (l *failing) Accept() (net.Conn, error) {
	if l.failed.CompareAndSwap(false, true) {
		return nil, syscall.EMFILE
	}
	return l.Listener.Accept()
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
