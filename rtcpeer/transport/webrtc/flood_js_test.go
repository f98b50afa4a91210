package webrtc_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

const (
	chunk   = 16 << 10
	chunks  = 6 << 20 / chunk // more than the 4 MiB that a path holds
	unread  = 64 << 10        // that the sender lets the browser hold
	reliant = 0               // the reliable lane of transporttest.Config
	lossy   = 2
)

// flood writes to a lane whose other end does not read, until the path refuses.
func flood(from transport.Path, lane int) (written int, err error) {
	low := make(chan struct{}, 1)
	from.Lane(lane).NotifyLow(unread/2, func() {
		select {
		case low <- struct{}{}:
		default:
		}
	})
	for written < chunks {
		if err := from.Lane(lane).Write(make([]byte, chunk)); err != nil {
			return written, err
		}
		written++
		for from.Lane(lane).Buffered() > unread {
			select {
			case <-low:
			case <-time.After(time.Second): // the path may have ended
				return written, errors.New("stuck")
			}
		}
	}
	return written, nil
}

// A browser cannot push back: reliable packets that nobody reads end the path in the end, and do not
// get lost without a word. What had found room can still be read.
func TestUnreadReliablePacketsEndThePath(t *testing.T) {
	a, b := newTransport(t, webrtc.Config{}), newTransport(t, webrtc.Config{})
	sender, deaf := transporttest.Connect(t, a, b, transporttest.Config())
	_, _ = flood(sender, reliant)
	require.ErrorIs(t, end(t, deaf), transport.ErrLost)
	require.ErrorIs(t, end(t, sender), transport.ErrRemoteClosed)
	held, err := drain(deaf, reliant)
	require.ErrorIs(t, err, transport.ErrLost)
	require.InDelta(t, 4<<20, held*(chunk+128), chunk+128, "bytes held")
}

// Unreliable packets that nobody reads are dropped, and harm nobody else.
func TestUnreadUnreliablePacketsAreDropped(t *testing.T) {
	a, b := newTransport(t, webrtc.Config{}), newTransport(t, webrtc.Config{})
	sender, deaf := transporttest.Connect(t, a, b, transporttest.Config())
	written, err := flood(sender, lossy)
	require.NoError(t, err)
	require.Equal(t, chunks, written)
	buf := make([]byte, chunk)
	_, err = deaf.Lane(lossy).Read(buf) // room for one more
	require.NoError(t, err)
	require.NoError(t, sender.Lane(reliant).Write([]byte("still here")))
	n, err := deaf.Lane(reliant).Read(buf)
	require.NoError(t, err)
	require.Equal(t, "still here", string(buf[:n]))
}

func end(t *testing.T, path transport.Path) error {
	t.Helper()
	for {
		select {
		case e := <-path.Events():
			if e.Kind == transport.EventClosed {
				return e.Err
			}
		case <-time.After(20 * time.Second):
			require.FailNow(t, "the path has not ended")
		}
	}
}

func drain(path transport.Path, lane int) (packets int, err error) {
	buf := make([]byte, chunk)
	for {
		if _, err := path.Lane(lane).Read(buf); err != nil {
			return packets, err
		}
		packets++
	}
}

func TestSettings(t *testing.T) {
	_, err := webrtc.New(webrtc.Config{MaxMessage: -1})
	require.ErrorContains(t, err, "Config.MaxMessage -1")
	bad := newTransport(t, webrtc.Config{ICEServers: []transport.ICEServer{{URLs: []string{"nonsense"}}}})
	_, err = bad.NewPath(transporttest.Config())
	require.ErrorContains(t, err, "nonsense")

	relay, err := newTransport(t, webrtc.Config{RelayOnly: true}).NewPath(transporttest.Config())
	require.NoError(t, err)
	defer relay.Close()
	_, err = relay.Offer()
	require.NoError(t, err)
	select {
	case e := <-relay.Events():
		require.Fail(t, "without a TURN server there is nothing to relay over", "%+v", e)
	case <-time.After(300 * time.Millisecond): // host candidates take a few
	}
}

// The largest message of both ends, and one byte more.
func TestTooLarge(t *testing.T) {
	a, b := newTransport(t, webrtc.Config{}), newTransport(t, webrtc.Config{})
	from, to := transporttest.Connect(t, a, b, transporttest.Config())
	const largest = 256 << 10 // Chromium's
	require.ErrorIs(t, from.Lane(reliant).Write(make([]byte, largest+1)), transport.ErrTooLarge)
	require.NoError(t, from.Lane(reliant).Write(make([]byte, largest)))
	_, err := to.Lane(reliant).Read(make([]byte, largest-1))
	require.ErrorIs(t, err, io.ErrShortBuffer)
	n, err := to.Lane(reliant).Read(make([]byte, largest))
	require.NoError(t, err)
	require.Equal(t, largest, n)
}
