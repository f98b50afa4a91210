//go:build !js

package webrtc_test

import (
	"net"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
	"example.org/rtcpeer/testdata/skip"
)

// fast loses a path after two seconds by default. Pion asks the other end every second, and looks then.
var fast = webrtc.Config{DisconnectedAfter: 1500 * time.Millisecond, FailedAfter: 500 * time.Millisecond}

// A fragile is a path over two sockets that can be dead.
type fragile struct {
	a, b             transport.Path
	socketA, socketB *impairment
}

func newFragile(t *testing.T, lostAfter time.Duration) fragile {
	t.Helper()
	x := fragile{socketA: &impairment{rand: seeded()}, socketB: &impairment{rand: seeded()}}
	config := transporttest.Config()
	config.LostAfter = lostAfter
	x.a, x.b = transporttest.Connect(t, overSocket(t, x.socketA, fast), overSocket(t, x.socketB, fast), config)
	return x
}

func (x fragile) kill(dead bool) {
	x.socketA.dead.Store(dead)
	x.socketB.dead.Store(dead)
}

// wantClosed waits for EventClosed and returns how long that took.
func wantClosed(t *testing.T, path transport.Path, want error) time.Duration {
	t.Helper()
	start := time.Now()
	limit := time.After(20 * time.Second)
	for {
		select {
		case e := <-path.Events():
			if e.Kind == transport.EventClosed {
				require.ErrorIs(t, e.Err, want)
				return time.Since(start)
			}
		case <-limit:
			require.FailNow(t, "the path has not closed")
		}
	}
}

func wantOpen(t *testing.T, path transport.Path) {
	t.Helper()
	for {
		select {
		case e := <-path.Events():
			require.NotEqual(t, transport.EventClosed, e.Kind, "%v", e.Err)
		default:
			return
		}
	}
}

func TestLostAfter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		lostAfter   time.Duration
		least, most time.Duration
	}{
		{"the default", 0, 2 * time.Second, 6 * time.Second},
		{"longer", 4 * time.Second, 4 * time.Second, 8 * time.Second},
		{"shorter than the doubt", time.Millisecond, 1500 * time.Millisecond, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := newFragile(t, c.lostAfter)
			require.NoError(t, x.a.Lane(0).Write([]byte("before")))
			require.Eventually(t, func() bool { return x.a.Lane(0).Buffered() == 0 }, 5*time.Second, time.Millisecond)
			x.kill(true)
			took := wantClosed(t, x.a, transport.ErrLost)
			require.Greater(t, took, c.least-100*time.Millisecond) // a packet may have been on its way
			require.Less(t, took, c.most)
			wantClosed(t, x.b, transport.ErrLost)
			buf := make([]byte, 16)
			n, err := x.b.Lane(0).Read(buf)
			require.NoError(t, err, "what had arrived")
			require.Equal(t, "before", string(buf[:n]))
			_, err = x.b.Lane(0).Read(buf)
			require.ErrorIs(t, err, transport.ErrLost)
		})
	}
}

// With a negative LostAfter a path survives a silence that is much longer than the default allows.
func TestNeverLost(t *testing.T) {
	t.Parallel()
	x := newFragile(t, -1)
	x.kill(true)
	require.NoError(t, x.a.Lane(0).Write([]byte("during")))
	<-time.After(6 * time.Second)
	wantOpen(t, x.a)
	wantOpen(t, x.b)
	x.kill(false)
	buf := make([]byte, 16)
	n, err := x.b.Lane(0).Read(buf)
	require.NoError(t, err)
	require.Equal(t, "during", string(buf[:n]))
}

// An outage that passes within the time leaves nothing behind: the next one has all of it.
func TestOutagesDoNotAddUp(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	x := newFragile(t, 5*time.Second)
	for range 2 {
		x.kill(true)
		<-time.After(3 * time.Second)
		x.kill(false)
		<-time.After(2500 * time.Millisecond)
	}
	wantOpen(t, x.a)
	wantOpen(t, x.b)
}

// Where only one direction is dead, the end that still hears must not take the other's loss for a Close.
func TestOneWayLossIsNotAClose(t *testing.T) {
	t.Parallel()
	x := newFragile(t, 0)
	x.socketB.dead.Store(true)
	wantClosed(t, x.a, transport.ErrLost)
	wantClosed(t, x.b, transport.ErrLost)
}

// A path looks for a route until it is closed: the limit is up to the caller.
func TestConnectingHasNoTimeout(t *testing.T) {
	t.Parallel()
	deaf := fast
	deaf.RemoteIPFilter = func(net.IP) bool { return false }
	a, b := transporttest.Negotiate(t, newTransport(t, deaf), newTransport(t, deaf), transporttest.Config())
	<-time.After(3 * time.Second)
	wantOpen(t, a)
	wantOpen(t, b)
}

// The end that sees another certificate than it was told of says so at once.
func TestWrongCertificate(t *testing.T) {
	t.Parallel()
	offerer, answerer := newPath(t, newTransport(t, webrtc.Config{})), newPath(t, newTransport(t, webrtc.Config{}))
	offer, err := offerer.Offer()
	require.NoError(t, err)
	other, err := newPath(t, newTransport(t, webrtc.Config{})).Offer()
	require.NoError(t, err)
	line := regexp.MustCompile(`a=fingerprint:\S+ \S+`)
	answer, err := answerer.Answer(line.ReplaceAllString(offer, line.FindString(other)))
	require.NoError(t, err)
	require.NoError(t, offerer.Accept(answer))
	ended := make(chan transport.Event, 2)
	for _, ends := range [][2]transport.Path{{offerer, answerer}, {answerer, offerer}} {
		go func() {
			for e := range ends[0].Events() {
				if e.Kind != transport.EventCandidate {
					ended <- e
					return
				}
				_ = ends[1].AddCandidate(e.Candidate)
			}
		}()
	}
	for range 2 {
		select {
		case e := <-ended:
			require.Equal(t, transport.EventClosed, e.Kind)
		case <-time.After(20 * time.Second):
			require.FailNow(t, "the path has not ended")
		}
	}
}
