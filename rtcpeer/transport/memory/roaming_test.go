package memory_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/testdata/bubble"
)

// A duo is two hosts with a path from a to b.
type duo struct {
	net          *memory.Network
	hostA, hostB *memory.Transport
	a, b         transport.Path
}

func newDuo(t testing.TB, o memory.Options) duo {
	t.Helper()
	net := memory.NewNetwork(o)
	x := duo{net: net, hostA: net.Transport(), hostB: net.Transport()}
	x.a, x.b = transporttest.Connect(t, x.hostA, x.hostB, transporttest.Config())
	return x
}

// wantDead checks that nothing passes in either direction, and that neither end has been told.
func wantDead(t testing.TB, a, b transport.Path) {
	t.Helper()
	for _, end := range []transport.Path{a, b} {
		require.NoError(t, end.Lane(reliable).Write([]byte("never")))
		require.NoError(t, end.Lane(unreliable).Write([]byte("never")))
	}
	<-time.After(5 * time.Second)
	require.Equal(t, len("never"), a.Lane(reliable).Buffered(), "sent and never acknowledged")
	require.Equal(t, len("never"), b.Lane(reliable).Buffered(), "sent and never acknowledged")
	require.Empty(t, a.Events())
	require.Empty(t, b.Events())
}

func wantCarries(t testing.TB, from, to transport.Path) {
	t.Helper()
	for lane := range transporttest.Config().Lanes {
		require.NoError(t, from.Lane(lane).Write([]byte("hello")))
		require.Equal(t, "hello", string(read(t, to, lane)))
	}
}

func TestMove(t *testing.T) {
	for _, second := range []bool{false, true} { // whichever end moves
		bubble.Test(t, func(t *testing.T) {
			x := newTrio(t, memory.Options{Delay: 10 * time.Millisecond})
			told := make(map[string]int)
			x.a.OnChange(func() { told["a"]++ })
			x.b.OnChange(func() { told["b"]++ })
			start, mover, name := time.Now(), x.a, "a"
			if second {
				mover, name = x.b, "b"
			}
			x.net.Move(mover)
			require.Equal(t, map[string]int{name: 1}, told)
			wantDead(t, x.toB, x.atB)
			x.net.Heal(x.a, x.b)
			newA, newB := transporttest.Connect(t, x.a, x.b, transporttest.Config())
			wantCarries(t, newA, newB)
			wantCarries(t, newB, newA)
			wantLost(t, x.toB, start, 10*time.Second)
			wantLost(t, x.atB, start, 10*time.Second)
			if second {
				wantCarries(t, x.toC, x.fromA)
			} else {
				wantLost(t, x.toC, start, 10*time.Second)
			}
		})
	}
}

// What was in flight stays on the way, and a path that was still being made does not open.
func TestMoveWhileBusy(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		x := newDuo(t, memory.Options{Delay: 10 * time.Millisecond})
		slowA, slowB := transporttest.Negotiate(t, x.hostA, x.hostB, transporttest.Config())
		require.NoError(t, x.a.Lane(unreliable).Write([]byte("in flight")))
		x.net.Move(x.hostA)
		require.Zero(t, x.a.Lane(unreliable).Buffered(), "given up")
		exchange(t, slowA, slowB)
		<-time.After(time.Minute)
		require.Equal(t, transport.StagePath, slowA.Progress().Stage)
		require.Empty(t, slowA.Events())
		require.Empty(t, slowB.Events())
	})
}

func TestForget(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		x := newTrio(t, memory.Options{})
		x.a.OnChange(func() { require.Fail(t, "no address has changed") })
		x.net.Forget(x.b, x.a)
		wantDead(t, x.toB, x.atB)
		wantCarries(t, x.toC, x.fromA)
		newA, newB := transporttest.Connect(t, x.b, x.a, transporttest.Config())
		wantCarries(t, newA, newB)
	})
}

func TestOnChangeStops(t *testing.T) {
	net := memory.NewNetwork(memory.Options{})
	host := net.Transport()
	var first, second int
	stop := host.OnChange(func() { first++ })
	host.OnChange(func() { second++ })
	net.Move(host)
	stop()
	stop()
	net.Move(host)
	require.NoError(t, host.Close())
	net.Move(host)
	host.OnChange(func() { second++ })
	net.Move(host)
	require.Equal(t, [2]int{1, 2}, [2]int{first, second})
}

func TestPartitionOneWay(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		x := newDuo(t, memory.Options{Delay: 10 * time.Millisecond})
		x.net.PartitionOneWay(x.hostA, x.hostB)
		require.NoError(t, x.a.Lane(reliable).Write([]byte("kept")))
		wantCarries(t, x.b, x.a)
		freshA, freshB := transporttest.Negotiate(t, x.hostA, x.hostB, transporttest.Config())
		exchange(t, freshA, freshB)
		<-time.After(5 * time.Second)
		require.Empty(t, freshA.Events(), "ICE needs both ways")
		require.Empty(t, freshB.Events())

		x.net.Heal(x.hostB, x.hostA)
		require.Equal(t, "kept", string(read(t, x.b, reliable)))
		require.Equal(t, transport.EventOpened, (<-freshA.Events()).Kind)

		start := time.Now()
		x.net.PartitionOneWay(x.hostA, x.hostB)
		wantLost(t, x.b, start, 10*time.Second)
		require.Empty(t, x.a.Events(), "it heard the other end until now")
		wantLost(t, x.a, start, 20*time.Second)
	})
}

func TestCloseWhilePartitionedOneWay(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		x := newDuo(t, memory.Options{Delay: 10 * time.Millisecond})
		x.net.PartitionOneWay(x.hostA, x.hostB)
		require.NoError(t, x.b.Close())
		require.ErrorIs(t, (<-x.a.Events()).Err, transport.ErrRemoteClosed)

		y := newDuo(t, memory.Options{Delay: 10 * time.Millisecond})
		start := time.Now()
		y.net.PartitionOneWay(y.hostA, y.hostB)
		require.NoError(t, y.a.Close())
		wantLost(t, y.b, start, 10*time.Second)
	})
}

func TestRelays(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		x := newDuo(t, memory.Options{Delay: 10 * time.Millisecond})
		x.net.RelayOnly(x.hostB, x.hostA, true)
		require.Equal(t, "host", x.a.Stats().Local, "it is there already")
		relayedA, relayedB := transporttest.Connect(t, x.hostA, x.hostB, transporttest.Config())
		for _, end := range []transport.Path{relayedA, relayedB} {
			require.Equal(t, "relay", end.Stats().Local)
			require.Equal(t, "relay", end.Stats().Remote)
		}
		wantCarries(t, relayedA, relayedB)

		direct := transporttest.Config()
		direct.Direct = true
		directA, directB := transporttest.Negotiate(t, x.hostA, x.hostB, direct)
		exchange(t, directA, directB)
		<-time.After(time.Minute)
		require.Contains(t, directA.Progress().Detail, "no direct route")
		require.Empty(t, directA.Events())

		x.net.BreakRelays()
		wantDead(t, relayedA, relayedB)
		wantCarries(t, x.a, x.b)
		againA, againB := transporttest.Connect(t, x.hostA, x.hostB, transporttest.Config())
		wantCarries(t, againA, againB)

		x.net.RelayOnly(x.hostA, x.hostB, false)
		require.Equal(t, transport.EventOpened, (<-directA.Events()).Kind)
		require.Equal(t, transport.EventOpened, (<-directB.Events()).Kind)
		require.Equal(t, "host", directA.Stats().Local)
		require.Equal(t, "relay", againA.Stats().Local, "it stays as it is")
	})
}
