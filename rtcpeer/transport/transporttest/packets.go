package transporttest

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
)

const (
	maxPacket = 64 << 10 // the largest packet that a transport must carry
	numbered  = 100      // bytes of a packet that is only its number
)

// packet returns size bytes that differ for each number. It needs at least four bytes for that.
func packet(number uint32, size int) []byte {
	b := make([]byte, max(size, 4))
	binary.BigEndian.PutUint32(b, number)
	for i := 4; i < len(b); i++ {
		b[i] = byte(i*7) ^ byte(number)
	}
	return b[:size]
}

func write(t testing.TB, path transport.Path, lane int, p []byte) {
	t.Helper()
	require.NoError(t, path.Lane(lane).Write(p), "write %d bytes to lane %d", len(p), lane)
}

// read returns the next packet. Lane.Read has no time limit, so read closes the path after patience.
func read(t testing.TB, path transport.Path, lane int, what string) []byte {
	t.Helper()
	return readWithin(t, patience, path, lane, what)
}

func readWithin(t testing.TB, limit time.Duration, path transport.Path, lane int, what string) []byte {
	t.Helper()
	watchdog := time.AfterFunc(limit, func() { path.Close() })
	b := make([]byte, maxPacket)
	n, err := path.Lane(lane).Read(b)
	require.True(t, watchdog.Stop(), "waited %v for %s on lane %d", limit, what, lane)
	require.NoError(t, err, "read %s from lane %d", what, lane)
	return b[:n]
}

func wantPacket(t testing.TB, path transport.Path, lane int, want []byte, what string) {
	t.Helper()
	got := read(t, path, lane, what)
	if string(want) != string(got) { // require.Equal would print 64 KiB, twice
		require.FailNow(t, "wrong packet", "%s on lane %d: want %d bytes %x, got %d bytes %x",
			what, lane, len(want), want[:min(len(want), 8)], len(got), got[:min(len(got), 8)])
	}
}

// waitLow waits until Buffered is at most bytes. It replaces the function given to the lane's NotifyLow.
func waitLow(t testing.TB, limit time.Duration, path transport.Path, lane, bytes int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	low := make(chan struct{}, 1)
	path.Lane(lane).NotifyLow(bytes, func() {
		select {
		case low <- struct{}{}:
		default:
		}
	})
	for path.Lane(lane).Buffered() > bytes {
		select {
		case <-low:
		case <-ctx.Done():
			require.FailNow(t, "timeout", "waited %v for NotifyLow on lane %d: %d bytes buffered, want %d",
				limit, lane, path.Lane(lane).Buffered(), bytes)
		}
	}
}

// within fails the test if f does not return in time.
func within(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		require.FailNow(t, "timeout", "%s did not return within %v", what, patience)
	}
}
