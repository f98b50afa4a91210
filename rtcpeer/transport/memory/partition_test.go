package memory_test

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/testdata/bubble"
)

// A trio is three hosts with a path from a to b and one from a to c.
type trio struct {
	net                  *memory.Network
	a, b, c              *memory.Transport
	toB, atB, toC, fromA transport.Path
}

func newTrio(t testing.TB, o memory.Options) trio {
	t.Helper()
	net := memory.NewNetwork(o)
	x := trio{net: net, a: net.Transport(), b: net.Transport(), c: net.Transport()}
	x.toB, x.atB = transporttest.Connect(t, x.a, x.b, transporttest.Config())
	x.toC, x.fromA = transporttest.Connect(t, x.a, x.c, transporttest.Config())
	return x
}

// wantLost waits for ErrLost at l, which must come exactly after limit.
func wantLost(t testing.TB, path transport.Path, start time.Time, limit time.Duration) {
	t.Helper()
	e := <-path.Events()
	require.Equal(t, transport.EventClosed, e.Kind)
	require.ErrorIs(t, e.Err, transport.ErrLost)
	require.Equal(t, limit, time.Since(start))
	require.ErrorIs(t, path.Lane(reliable).Write([]byte("late")), transport.ErrLost)
	_, err := path.Lane(reliable).Read(nil)
	require.ErrorIs(t, err, transport.ErrLost)
}

func TestPartitionEndsInLost(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		x := newTrio(t, memory.Options{Delay: 10 * time.Millisecond})
		start := time.Now()
		x.net.Partition(x.b, x.a)
		require.NoError(t, x.toB.Lane(reliable).Write([]byte("never")))
		wantLost(t, x.toB, start, 10*time.Second)
		wantLost(t, x.atB, start, 10*time.Second)
		require.Zero(t, x.toB.Lane(reliable).Buffered())

		require.NoError(t, x.toC.Lane(reliable).Write([]byte("others go on")))
		require.Equal(t, "others go on", string(read(t, x.fromA, reliable)))
	})
}

// PathConfig.LostAfter of a path takes precedence over Options.LostAfter of its network.
func TestLostAfterOfOnePath(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		net := memory.NewNetwork(memory.Options{LostAfter: 3 * time.Second})
		hostA, hostB := net.Transport(), net.Transport()
		patient := transporttest.Config()
		patient.LostAfter = 5 * time.Second
		endless := transporttest.Config()
		endless.LostAfter = -1
		a, b := transporttest.Connect(t, hostA, hostB, patient)
		stays, _ := transporttest.Connect(t, hostA, hostB, endless)
		start := time.Now()
		net.Partition(hostA, hostB)
		wantLost(t, a, start, 5*time.Second)
		wantLost(t, b, start, 5*time.Second)
		<-time.After(time.Hour)
		require.Empty(t, stays.Events())
	})
}

func TestHeal(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		x := newTrio(t, memory.Options{Delay: 10 * time.Millisecond})
		for lane := range transporttest.Config().Lanes {
			require.NoError(t, x.toB.Lane(lane).Write([]byte("before")))
		}
		x.net.Partition(x.a, x.b)
		require.Zero(t, x.toB.Lane(unreliable).Buffered(), "in flight is lost")
		for lane := range transporttest.Config().Lanes {
			require.NoError(t, x.toB.Lane(lane).Write([]byte("during")))
		}
		<-time.After(9 * time.Second)
		x.net.Heal(x.a, x.b)
		healed := time.Now()
		for lane := range transporttest.Config().Lanes {
			require.NoError(t, x.toB.Lane(lane).Write([]byte("after")))
		}
		for _, want := range []string{"before", "during", "after"} {
			require.Equal(t, want, string(read(t, x.atB, reliable)))
			require.Equal(t, 10*time.Millisecond, time.Since(healed), want)
		}
		require.Equal(t, "after", string(read(t, x.atB, ordered)))
		require.Equal(t, "after", string(read(t, x.atB, unreliable)))

		<-time.After(time.Minute)
		require.Empty(t, x.toB.Events(), "the clock of ErrLost has stopped")
		require.Empty(t, x.atB.Events())
	})
}

func TestPartitionWhileOpening(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		net := memory.NewNetwork(memory.Options{Delay: 10 * time.Millisecond})
		hostA, hostB := net.Transport(), net.Transport()
		net.Partition(hostA, hostB)
		a, b := transporttest.Negotiate(t, hostA, hostB, transporttest.Config())
		exchange(t, a, b)
		<-time.After(time.Second)
		require.Equal(t, transport.StagePath, a.Progress().Stage)
		require.Empty(t, a.Events())

		net.Heal(hostA, hostB)
		require.Equal(t, transport.EventOpened, (<-a.Events()).Kind)
		require.Equal(t, transport.EventOpened, (<-b.Events()).Kind)
	})
}

func TestKill(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		x := newTrio(t, memory.Options{LostAfter: 3 * time.Second})
		start := time.Now()
		x.a.Kill()
		require.NoError(t, x.toB.Close(), "a program that is dead tells nobody")
		wantLost(t, x.atB, start, 3*time.Second)
		wantLost(t, x.fromA, start, 3*time.Second)
		wantLost(t, x.toC, start, 3*time.Second)
	})
}

func TestCloseWhileParted(t *testing.T) {
	for _, heals := range []bool{false, true} {
		bubble.Test(t, func(t *testing.T) {
			x := newTrio(t, memory.Options{Delay: 10 * time.Millisecond})
			start := time.Now()
			x.net.Partition(x.a, x.b)
			require.NoError(t, x.toB.Close())
			if heals {
				<-time.After(time.Second)
				x.net.Heal(x.a, x.b) // but the news of Close was lost
			}
			wantLost(t, x.atB, start, 10*time.Second)
		})
	}
}

func TestCloseOnItsWayIntoPartition(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		x := newTrio(t, memory.Options{Delay: 10 * time.Millisecond})
		require.NoError(t, x.toB.Close())
		start := time.Now()
		x.net.Partition(x.a, x.b)
		wantLost(t, x.atB, start, 10*time.Second)
	})
}

func TestNeverLost(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		x := newTrio(t, memory.Options{LostAfter: -1})
		x.net.Partition(x.a, x.b)
		<-time.After(24 * time.Hour)
		x.net.Heal(x.a, x.b)
		require.NoError(t, x.toB.Lane(reliable).Write([]byte("still here")))
		require.Equal(t, "still here", string(read(t, x.atB, reliable)))
	})
}

// Everything at once: for the race detector, and for locks taken in the wrong order.
func TestEverythingAtOnce(t *testing.T) {
	x := newTrio(t, memory.Options{LostAfter: -1})
	var readers, writers sync.WaitGroup
	stop := make(chan struct{})
	for _, path := range []transport.Path{x.toB, x.atB, x.toC, x.fromA} {
		for i := range transporttest.Config().Lanes {
			lane := path.Lane(i)
			lane.NotifyLow(100, func() { lane.Buffered(); lane.Lag() })
			readers.Go(func() { drain(lane) })
			writers.Go(func() { writeUntil(stop, lane) })
		}
	}
	for i := range 300 {
		x.net.Adjust(func(o *memory.Options) { *o = turmoil(i) })
		x.net.Partition(x.a, x.b)
		x.toB.Stats()
		x.net.Heal(x.a, x.b)
		x.toC.Progress()
	}
	x.net.Adjust(func(o *memory.Options) { *o = memory.Options{LostAfter: -1} })
	close(stop)
	writers.Wait()
	require.NoError(t, x.atB.Close())
	require.NoError(t, x.toC.Close())
	require.ErrorIs(t, (<-x.toB.Events()).Err, transport.ErrRemoteClosed)
	require.ErrorIs(t, (<-x.fromA.Events()).Err, transport.ErrRemoteClosed)
	readers.Wait()
}

func turmoil(i int) memory.Options {
	return memory.Options{
		Delay:     time.Duration(i%3) * 100 * time.Microsecond,
		Jitter:    time.Duration(i%2) * 100 * time.Microsecond,
		Loss:      float64(i%4) / 10,
		Rate:      i % 5 * 10 << 20,
		LostAfter: -1,
	}
}

func drain(l transport.Lane) {
	b := make([]byte, 1<<10)
	for {
		if _, err := l.Read(b); err != nil {
			return
		}
	}
}

// writeUntil keeps no more than a few packets in the lane.
func writeUntil(stop <-chan struct{}, l transport.Lane) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		if l.Buffered() < 10<<10 {
			l.Write(make([]byte, 1<<10))
		}
		runtime.Gosched()
	}
}
