package memory_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/testdata/bubble"
)

// candidate takes the one candidate of a path.
func candidate(t testing.TB, path transport.Path) transport.Candidate {
	t.Helper()
	e := <-path.Events()
	require.Equal(t, transport.EventCandidate, e.Kind)
	return e.Candidate
}

// exchange gives each end the other's candidate.
func exchange(t testing.TB, a, b transport.Path) {
	t.Helper()
	ofA, ofB := candidate(t, a), candidate(t, b)
	require.NoError(t, a.AddCandidate(ofB))
	require.NoError(t, b.AddCandidate(ofA))
}

func TestOpensWithBothCandidatesOnly(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		net := memory.NewNetwork(memory.Options{})
		hostA, hostB := net.Transport(), net.Transport()
		a, b := transporttest.Negotiate(t, hostA, hostB, transporttest.Config())
		staleA, _ := transporttest.Negotiate(t, hostA, hostB, transporttest.Config())
		ofA, ofB := candidate(t, a), candidate(t, b)

		require.NoError(t, a.AddCandidate(ofB))
		require.NoError(t, b.AddCandidate(candidate(t, staleA)), "of an earlier attempt: leads nowhere")
		<-time.After(time.Minute)
		require.Equal(t, transport.StagePath, a.Progress().Stage)
		require.Contains(t, a.Progress().Detail, "the other end has no description or no candidate")
		require.Contains(t, b.Progress().Detail, "no candidate")

		require.NoError(t, b.AddCandidate(ofA))
		require.Equal(t, transport.EventOpened, (<-a.Events()).Kind)
		require.Equal(t, transport.EventOpened, (<-b.Events()).Kind)
	})
}

// A man in the middle answers the offer in b's place, and offers to b himself.
func TestBindingRevealsManInTheMiddle(t *testing.T) {
	net := memory.NewNetwork(memory.Options{})
	hostA, hostB, middle := net.Transport(), net.Transport(), net.Transport()
	honest, _ := transporttest.Connect(t, hostA, hostB, transporttest.Config())
	a, _ := transporttest.Connect(t, hostA, middle, transporttest.Config())
	_, b := transporttest.Connect(t, middle, hostB, transporttest.Config())

	require.Equal(t, "memory host 1 host 2", honest.Binding())
	require.NotEqual(t, honest.Binding(), a.Binding())
	require.NotEqual(t, honest.Binding(), b.Binding())
	require.NotEqual(t, a.Binding(), b.Binding(), "what one end proves is of no use towards the other")
}

func TestStepsOutOfOrder(t *testing.T) {
	net := memory.NewNetwork(memory.Options{})
	hostA, hostB := net.Transport(), net.Transport()
	a, b := transporttest.Negotiate(t, hostA, hostB, transporttest.Config())
	ofA := candidate(t, a)

	fresh, err := hostB.NewPath(transporttest.Config())
	require.NoError(t, err)
	defer fresh.Close()
	require.ErrorContains(t, fresh.AddCandidate(ofA), "before the description")
	offer, err := fresh.Offer()
	require.NoError(t, err)
	_, err = fresh.Offer()
	require.ErrorContains(t, err, "began with an offer")
	_, err = b.Answer(offer)
	require.ErrorContains(t, err, "began with an answer")
	require.ErrorContains(t, b.Accept(strings.Replace(offer, "offer", "answer", 1)), "made no offer")
	require.ErrorContains(t, a.Accept(strings.Replace(offer, "offer", "answer", 1)), "has one already")
}

func TestLaneBeforeOpening(t *testing.T) {
	path, err := memory.NewNetwork(memory.Options{}).Transport().NewPath(transporttest.Config())
	require.NoError(t, err)
	require.ErrorContains(t, path.Lane(0).Write([]byte("early")), "not open")
	_, err = path.Lane(0).Read(nil)
	require.ErrorContains(t, err, "not open")
	require.NoError(t, path.Close())
}

func TestLanesAreChecked(t *testing.T) {
	host := memory.NewNetwork(memory.Options{}).Transport()
	_, err := host.NewPath(transport.PathConfig{Lanes: []transport.LaneConfig{{ID: 1}, {ID: 1}}})
	require.EqualError(t, err, "memory: PathConfig.Lanes[1]: id 1 is already used")
	_, err = host.NewPath(transport.PathConfig{Lanes: []transport.LaneConfig{{ID: 1, Mode: 3}}})
	require.EqualError(t, err, "memory: PathConfig.Lanes[0]: unknown mode mode(3)")
}

func TestLanesOfOneEndOnly(t *testing.T) {
	net := memory.NewNetwork(memory.Options{})
	lanes := func(ids ...uint16) (cfg transport.PathConfig) {
		for _, id := range ids {
			cfg.Lanes = append(cfg.Lanes, transport.LaneConfig{ID: id})
		}
		return cfg
	}
	a, err := net.Transport().NewPath(lanes(1, 2))
	require.NoError(t, err)
	b, err := net.Transport().NewPath(lanes(2, 3))
	require.NoError(t, err)
	defer b.Close()
	offer, err := a.Offer()
	require.NoError(t, err)
	answer, err := b.Answer(offer)
	require.NoError(t, err)
	require.NoError(t, a.Accept(answer))
	exchange(t, a, b)

	require.NoError(t, a.Lane(0).Write([]byte("goes nowhere")))
	require.Zero(t, a.Lane(0).Buffered())
	require.NoError(t, a.Lane(1).Write([]byte("second to first")))
	require.Equal(t, "second to first", string(read(t, b, 0)))
	require.NoError(t, a.Close())
	_, err = b.Lane(1).Read(nil)
	require.ErrorIs(t, err, transport.ErrRemoteClosed, "a lane on which nothing comes ends as the others do")
}

func TestWindow(t *testing.T) {
	a, b := connect(t, memory.NewNetwork(memory.Options{}))
	const packets, size = 100, 32 << 10 // more than three windows
	for range packets {
		for lane := range transporttest.Config().Lanes {
			require.NoError(t, a.Lane(lane).Write(make([]byte, size)))
		}
	}
	require.Equal(t, packets*size-1<<20, a.Lane(reliable).Buffered(), "pushed back")
	require.Zero(t, a.Lane(unreliable).Buffered(), "newcomers are dropped")

	read(t, b, reliable)
	require.Equal(t, (packets-1)*size-1<<20, a.Lane(reliable).Buffered())
	require.NoError(t, a.Close())
	for range 31 { // with their lengths 32 are a little more than the window
		require.Len(t, read(t, b, unreliable), size)
	}
	_, err := b.Lane(unreliable).Read(nil)
	require.ErrorIs(t, err, transport.ErrRemoteClosed)
}

func TestCloseLosesWhatIsPushedBack(t *testing.T) {
	a, b := connect(t, memory.NewNetwork(memory.Options{}))
	for range 40 {
		require.NoError(t, a.Lane(reliable).Write(make([]byte, 32<<10)))
	}
	require.NoError(t, a.Close())
	for range 32 {
		require.Len(t, read(t, b, reliable), 32<<10, "within the window")
	}
	_, err := b.Lane(reliable).Read(nil)
	require.ErrorIs(t, err, transport.ErrRemoteClosed)
}

// The caller of Write may hold a lock that the function given to NotifyLow takes.
func TestNotifyLowIsNotCalledByWrite(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		for _, o := range []memory.Options{{}, {Loss: 1}, {Delay: time.Millisecond}} {
			a, _ := connect(t, memory.NewNetwork(o))
			var held sync.Mutex
			a.Lane(unreliable).NotifyLow(0, func() {
				if !held.TryLock() {
					panic("called by Write")
				}
				held.Unlock()
			})
			for range 10 {
				held.Lock()
				require.NoError(t, a.Lane(unreliable).Write([]byte("x")))
				held.Unlock()
			}
			<-time.After(time.Second)
		}
	})
}

func TestCloseWaitsForNotifyLow(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		a, b := connect(t, memory.NewNetwork(memory.Options{Delay: time.Millisecond}))
		running, release := make(chan struct{}), make(chan struct{})
		a.Lane(reliable).NotifyLow(0, func() {
			close(running)
			<-release // which a good one does not
		})
		require.NoError(t, a.Lane(reliable).Write([]byte("x")))
		<-running
		require.NoError(t, a.Lane(reliable).Write([]byte("in flight at Close")))
		closed := make(chan struct{})
		go func() {
			a.Close()
			close(closed)
		}()
		synctest.Wait()
		select {
		case <-closed:
			require.FailNow(t, "Close returned while the function was running")
		default:
		}
		close(release)
		<-closed
		a.Lane(reliable).NotifyLow(0, func() { panic("called after Close") })
		require.Equal(t, "x", string(read(t, b, reliable)))
		require.Equal(t, "in flight at Close", string(read(t, b, reliable)))
		<-time.After(time.Second)
	})
}

func FuzzSignals(f *testing.F) {
	f.Add("v=0\r\ns=rtcpeer-memory\r\na=offer:1\r\n", "candidate:1 1 udp 2130706431 1.rtcpeer-memory 9 typ host")
	f.Add("v=0\r\ns=rtcpeer-memory\r\na=answer:18446744073709551615\r\n", "")
	f.Fuzz(func(t *testing.T, sdp, line string) {
		host := memory.NewNetwork(memory.Options{}).Transport()
		for range 2 {
			path, err := host.NewPath(transporttest.Config())
			require.NoError(t, err)
			defer path.Close()
			path.Answer(sdp)
			path.AddCandidate(transport.Candidate{Line: line})
			path.Accept(sdp)
			path.Offer()
			path.Accept(sdp)
			path.AddCandidate(transport.Candidate{Line: line})
			path.Progress()
			path.Stats()
		}
	})
}
