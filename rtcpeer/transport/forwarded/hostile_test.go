package forwarded_test

import (
	"bytes"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/forwarded"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/signaling/drop"
	"example.org/rtcpeer/testdata/bubble"
)

func closedEvent(t *testing.T, p transport.Path) error {
	t.Helper()
	select {
	case e := <-p.Events():
		require.Equal(t, transport.EventClosed, e.Kind)
		return e.Err
	case <-t.Context().Done():
		return nil
	}
}

func exchange(t *testing.T, from, to transport.Path, text string) {
	t.Helper()
	require.NoError(t, from.Lane(0).Write([]byte(text)))
	b := make([]byte, 100)
	n, err := to.Lane(0).Read(b)
	require.NoError(t, err)
	require.Equal(t, text, string(b[:n]))
}

// A carrier that repeats frames, changes copies of them and makes some up does no harm.
func TestHostileCarrier(t *testing.T) {
	a, b := newEnds(t, func(_ uint32, frame []byte) [][]byte {
		changed, cut := bytes.Clone(frame), bytes.Clone(frame[:len(frame)-1])
		changed[len(changed)-1] ^= 1
		return [][]byte{{}, {1, 2, 3}, {1, 2, 3, 4, 5}, changed, cut, frame[:4:4], bytes.Clone(frame), frame}
	})
	one, two := transporttest.Connect(t, a.To(2), b.To(1), transporttest.Config())
	for range 10 {
		exchange(t, one, two, "there")
		exchange(t, two, one, "back")
	}
	dropped := b.Dropped()
	for _, why := range []drop.Reason{"unknown", "forged", "replay"} {
		require.NotZero(t, dropped[why], why)
	}
	require.Equal(t, "p-256 04", one.Binding()[:8])
}

// A frame that is missing ends the path: what it held is lost.
func TestMissingFrame(t *testing.T) {
	var lose atomic.Bool
	a, b := newEnds(t, func(to uint32, frame []byte) [][]byte {
		if to == 2 && lose.Swap(false) {
			return nil
		}
		return [][]byte{frame}
	})
	one, two := transporttest.Connect(t, a.To(2), b.To(1), transporttest.Config())
	exchange(t, one, two, "there")
	exchange(t, two, one, "back")
	lose.Store(true)
	for lose.Load() { // the first frame may be an acknowledgement
		require.NoError(t, one.Lane(0).Write([]byte("lost")))
	}
	require.NoError(t, one.Lane(0).Write([]byte("after it")))
	require.ErrorIs(t, closedEvent(t, two), transport.ErrLost)
}

// Whoever stands between the two and makes keys of its own is seen by their bindings, which a proof covers.
func TestManInTheMiddle(t *testing.T) {
	a, b := newEnds(t, unchanged)
	one, err := a.To(2).NewPath(transporttest.Config())
	require.NoError(t, err)
	defer one.Close()
	two, err := b.To(1).NewPath(transporttest.Config())
	require.NoError(t, err)
	defer two.Close()
	middle := forwarded.NewMux(func() {})
	towardsOne, err := middle.To(1).NewPath(transporttest.Config())
	require.NoError(t, err)
	defer towardsOne.Close()
	towardsTwo, err := middle.To(2).NewPath(transporttest.Config())
	require.NoError(t, err)
	defer towardsTwo.Close()

	offer, err := one.Offer()
	require.NoError(t, err)
	answer, err := towardsOne.Answer(offer)
	require.NoError(t, err)
	require.NoError(t, one.Accept(answer))
	offer, err = towardsTwo.Offer()
	require.NoError(t, err)
	_, err = two.Answer(offer)
	require.NoError(t, err)
	require.NotEqual(t, one.Binding(), two.Binding())
	require.Equal(t, one.Binding(), towardsOne.Binding(), "it knows what each end sees, and has no secret")
}

func TestLose(t *testing.T) {
	a, b := newEnds(t, unchanged)
	one, two := transporttest.Connect(t, a.To(2), b.To(1), transporttest.Config())
	a.Lose()
	require.ErrorIs(t, closedEvent(t, one), transport.ErrLost)
	require.ErrorIs(t, one.Lane(0).Write([]byte("x")), transport.ErrLost)
	require.NoError(t, one.Close())
	require.NoError(t, two.Close())
}

// A path of which nothing arrives any more is lost after PathConfig.LostAfter, and not while it is idle.
func TestLostAfter(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var mute atomic.Bool
		a, b := newEnds(t, func(_ uint32, frame []byte) [][]byte {
			if mute.Load() {
				return nil
			}
			return [][]byte{frame}
		})
		config := transporttest.Config()
		config.LostAfter = 3 * time.Second
		one, two := transporttest.Connect(t, a.To(2), b.To(1), config)
		exchange(t, one, two, "there")
		time.Sleep(time.Minute) // of the fake clock
		exchange(t, two, one, "back")
		mute.Store(true)
		start := time.Now()
		require.NoError(t, one.Lane(0).Write([]byte("lost")))
		require.ErrorIs(t, closedEvent(t, one), transport.ErrLost)
		require.Equal(t, config.LostAfter, time.Since(start))
	})
}

// A carrier of 64 KiB/s has a queue of about maxQueueing before it, whatever is written to a reliable lane; and an
// unreliable lane says how late it is.
func TestSlowCarrier(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		a, b := newEnds(t, func(_ uint32, frame []byte) [][]byte {
			time.Sleep(time.Duration(len(frame)) * time.Second / (64 << 10)) // of the fake clock: what it takes
			return [][]byte{frame}
		})
		one, two := transporttest.Connect(t, a.To(2), b.To(1), transporttest.Config())
		exchange(t, one, two, "there")
		const packets, size = 64, 4 << 10
		for range packets {
			require.NoError(t, one.Lane(0).Write(make([]byte, size)))
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range packets {
				_, _ = two.Lane(0).Read(make([]byte, size))
			}
		}()
		var worst time.Duration
		for range 20 {
			require.Less(t, one.Lane(2).Lag(), 400*time.Millisecond)
			start := time.Now()
			require.NoError(t, one.Lane(2).Write([]byte("now")))
			_, err := two.Lane(2).Read(make([]byte, 100))
			require.NoError(t, err)
			worst = max(worst, time.Since(start))
		}
		require.Less(t, worst, 400*time.Millisecond, "behind 256 KiB that take four seconds")
		<-done
	})
}

// FuzzReceive has a carrier bring anything at all.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, frame []byte) {
		a, b := newEnds(t, unchanged)
		one, two := transporttest.Connect(t, a.To(2), b.To(1), transporttest.Config())
		a.Receive(2, bytes.Clone(frame))
		b.Receive(7, frame)
		exchange(t, one, two, "there")
		exchange(t, two, one, "back")
		require.NoError(t, one.Close())
		require.NoError(t, two.Close())
	})
}
