package transporttest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
)

// atOnce is how long "without a timeout" may take on a busy machine. Without a message ICE would need about ten
// seconds, the defaults of webrtc.Config, to find that the other end is gone.
const atOnce = 4 * time.Second

func testRemoteClose(t *testing.T, a, b transport.Transport) {
	for _, c := range []struct {
		name string
		ends func(offerer, answerer transport.Path) (closing, other transport.Path)
	}{
		{"of the offerer", func(o, a transport.Path) (_, _ transport.Path) { return o, a }},
		{"of the answerer", func(o, a transport.Path) (_, _ transport.Path) { return a, o }},
	} {
		t.Run(c.name, func(t *testing.T) {
			closing, other := c.ends(Connect(t, a, b, Config()))
			const packets = 50
			for i := range uint32(packets) {
				write(t, closing, reliable, packet(i, numbered))
			}
			waitLow(t, patience, closing, reliable, 0) // arrived but not read

			start := time.Now()
			require.NoError(t, closing.Close())
			e := waitEvent(t, other, transport.EventClosed, "the other end's Close")
			require.ErrorIs(t, e.Err, transport.ErrRemoteClosed)
			require.Less(t, time.Since(start), atOnce, "the other end learned of Close by a time-out")

			for i := range uint32(packets) {
				wantPacket(t, other, reliable, packet(i, numbered), fmt.Sprintf("packet %d of %d before Close", i, packets))
			}
			for i := range Config().Lanes {
				wantReadError(t, other, i, transport.ErrRemoteClosed, "Read after everything was read")
			}
		})
	}
}

func testOwnClose(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Connect(t, a, b, Config())
	ended := make(chan error, 3)
	for i := range Config().Lanes {
		go func() {
			_, err := answerer.Lane(i).Read(make([]byte, maxPacket))
			ended <- err
		}()
	}
	require.NoError(t, answerer.Close())
	for range Config().Lanes {
		var err error
		within(t, "Read of a path that this end closed", func() { err = <-ended })
		require.ErrorIs(t, err, transport.ErrClosed)
	}
	e := waitEvent(t, offerer, transport.EventClosed, "the answerer's Close")
	require.ErrorIs(t, e.Err, transport.ErrRemoteClosed)
}

func testOwnCloseUnread(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Connect(t, a, b, Config())
	write(t, offerer, reliable, []byte("unread"))
	waitLow(t, patience, offerer, reliable, 0)
	require.NoError(t, answerer.Close())
	wantReadError(t, answerer, reliable, transport.ErrClosed, "Read after own Close, a packet unread")
}

func wantReadError(t *testing.T, path transport.Path, lane int, want error, when string) {
	t.Helper()
	var err error
	within(t, when, func() { _, err = path.Lane(lane).Read(make([]byte, maxPacket)) })
	require.ErrorIs(t, err, want, "%s, lane %d", when, lane)
}

func testCloseTwice(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Connect(t, a, b, Config())
	for range 2 {
		closePath(t, offerer, "Close")
	}
	waitEvent(t, answerer, transport.EventClosed, "the offerer's Close")
	for range 2 {
		closePath(t, answerer, "Close after the other end's")
	}
}

func closePath(t *testing.T, path transport.Path, what string) {
	t.Helper()
	var err error
	within(t, what, func() { err = path.Close() })
	require.NoError(t, err, what)
}

func testCloseMany(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Connect(t, a, b, Config())
	within(t, "Close from many goroutines at both ends", func() {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { offerer.Close() })
			wg.Go(func() { answerer.Close() })
		}
		wg.Wait()
	})
}

func testCloseEarly(t *testing.T, a, b transport.Transport) {
	closeAfter(t, a, b, []string{"new", "offered", "answered", "accepted"})
}

func testCloseTrickled(t *testing.T, a, b transport.Transport) {
	closeAfter(t, a, b, []string{"new", "offered", "answered", "accepted", "trickled"})
}

// closeAfter closes a path after each of the given steps of making it, in a subtest each.
func closeAfter(t *testing.T, a, b transport.Transport, steps []string) {
	t.Helper()
	for last, step := range steps {
		t.Run(step, func(t *testing.T) {
			offerer, answerer := newPath(t, a, Config()), newPath(t, b, Config())
			var offer, answer string
			var err error
			if last >= 1 {
				offer, err = offerer.Offer()
				require.NoError(t, err)
			}
			if last >= 2 {
				answer, err = answerer.Answer(offer)
				require.NoError(t, err)
			}
			if last >= 3 {
				require.NoError(t, offerer.Accept(answer))
			}
			if last >= 4 {
				c := waitEvent(t, offerer, transport.EventCandidate, "a candidate").Candidate
				require.NoError(t, answerer.AddCandidate(c))
			}
			closePath(t, offerer, "Close of the offerer")
			closePath(t, answerer, "Close of the answerer")
		})
	}
}

// testCloseBusy closes both ends while both write and read on all lanes.
func testCloseBusy(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Connect(t, a, b, Config())
	var wg sync.WaitGroup
	arrived := make(chan struct{}, 1)
	for _, path := range []transport.Path{offerer, answerer} {
		for i := range Config().Lanes {
			wg.Go(func() { writeUntilError(path.Lane(i)) })
			wg.Go(func() {
				readUntilError(path.Lane(i), func([]byte) {
					select {
					case arrived <- struct{}{}:
					default:
					}
				})
			})
		}
	}
	within(t, "the first packet", func() { <-arrived })
	within(t, "Close of a busy path", func() {
		wg.Go(func() { offerer.Close() })
		wg.Go(func() { answerer.Close() })
		wg.Wait()
	})
}

// writeUntilError writes until Write fails. It keeps about 64 KiB in the lane.
func writeUntilError(l transport.Lane) {
	low := make(chan struct{}, 1)
	l.NotifyLow(32<<10, func() {
		select {
		case low <- struct{}{}:
		default:
		}
	})
	for i := uint32(0); ; i++ {
		if err := l.Write(packet(i, 1<<10)); err != nil {
			return
		}
		if l.Buffered() > 64<<10 {
			select {
			case <-low:
			case <-time.After(time.Millisecond): // the path may have ended
			}
		}
	}
}

func readUntilError(l transport.Lane, got func([]byte)) error {
	b := make([]byte, maxPacket)
	for {
		n, err := l.Read(b)
		if err != nil {
			return err
		}
		got(b[:n])
	}
}

func testWriteAfterClose(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Connect(t, a, b, Config())
	require.NoError(t, offerer.Close())
	waitEvent(t, answerer, transport.EventClosed, "the offerer's Close")
	for i := range Config().Lanes {
		wantClosed(t, offerer.Lane(i).Write([]byte("late")), "own end closed")
		wantClosed(t, answerer.Lane(i).Write([]byte("late")), "other end closed")
	}
}

func wantClosed(t *testing.T, err error, when string) {
	t.Helper()
	if !errors.Is(err, transport.ErrClosed) && !errors.Is(err, transport.ErrRemoteClosed) {
		require.FailNow(t, "wrong error", "%s: want one that wraps ErrClosed or ErrRemoteClosed, got %v", when, err)
	}
}

func testStepsAfterClose(t *testing.T, a, b transport.Transport) {
	offer, err := newPath(t, a, Config()).Offer()
	require.NoError(t, err)
	offerer, answerer := newPath(t, a, Config()), newPath(t, b, Config())
	require.NoError(t, offerer.Close())
	require.NoError(t, answerer.Close())

	_, err = offerer.Offer()
	require.Error(t, err, "Offer after Close")
	_, err = answerer.Answer(offer)
	require.Error(t, err, "Answer after Close")
}

func testTransportClose(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Connect(t, a, b, Config())
	require.NoError(t, offerer.Close())
	require.NoError(t, answerer.Close())
	var err error
	within(t, "Close of a transport", func() { err = a.Close() })
	require.NoError(t, err)
	_, err = a.NewPath(Config())
	require.Error(t, err, "NewPath after Close")
}
