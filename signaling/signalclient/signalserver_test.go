package signalclient

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/bubble"

	"github.com/stretchr/testify/require"
)

// A realServer is a signalserver whose sockets the test can cut.
type realServer struct {
	*signalserver.Server
	URL string
	cut func() // closes all sockets without a word
	// kill is cut, and nothing listens any more. What the server knew is lost.
	kill func()
}

func serveReal(t *testing.T, ln net.Listener) *realServer {
	t.Helper()
	// No Recovery: the tests' first member names its room, which nobody will bring back.
	inner, err := signalserver.New(signalserver.Config{ResumeKey: []byte("the same for every restart"), Grace: 5 * time.Second, Recovery: -1})
	require.NoError(t, err)
	recorded := &recordingListener{Listener: ln}
	srv := &http.Server{Handler: inner}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(recorded) })
	s := &realServer{Server: inner, URL: "ws://" + ln.Addr().String() + "/lobby", cut: recorded.cut}
	s.kill = sync.OnceFunc(func() {
		_ = srv.Close()
		recorded.cut()
		_ = inner.Shutdown(context.Background())
		wg.Wait()
	})
	t.Cleanup(s.kill)
	return s
}

type recordingListener struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func (l *recordingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.conns = append(l.conns, c)
	}
	return c, err
}

func (l *recordingListener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}

// await returns the next message of type M; those between are passed over.
func await[M signaling.Message](t *testing.T, c *Client) M {
	t.Helper()
	for {
		if m, ok := receive(t, c).(M); ok {
			return m
		}
	}
}

func TestTwoMembersMeetSignalAndPart(t *testing.T) {
	srv := serveReal(t, listen(t, "127.0.0.1:0"))
	a, b := dial(t, srv.URL, quick), dial(t, srv.URL, quick)
	idA, idB := await[signaling.Welcome](t, a).ID, await[signaling.Welcome](t, b).ID
	require.Equal(t, signaling.Host, idA)
	require.Equal(t, idB, await[signaling.Joined](t, a).Member.ID)

	const count = 200
	for i := range count {
		require.NoError(t, a.Send(t.Context(), signalTo(idB, i)))
		require.NoError(t, b.Send(t.Context(), signalTo(idA, -i)))
	}
	for i := range count {
		require.Equal(t, signaling.Signal{From: idA, Data: signalTo(0, i).Data}, await[signaling.Signal](t, b))
		require.Equal(t, signaling.Signal{From: idB, Data: signalTo(0, -i).Data}, await[signaling.Signal](t, a))
	}
	require.NoError(t, b.Close())
	require.Equal(t, signaling.Left{ID: idB, Reason: signaling.LeftByItself}, await[signaling.Left](t, a))
}

// A member that is suspended has not left: another client comes back as that member. One that is closed has left.
func TestSuspend(t *testing.T) {
	srv := serveReal(t, listen(t, "127.0.0.1:0"))
	a, b := dial(t, srv.URL, quick), dial(t, srv.URL, quick)
	await[signaling.Welcome](t, a)
	first := await[signaling.Welcome](t, b)
	require.NoError(t, b.Send(t.Context(), signalTo(1, 1)))
	require.NoError(t, b.Suspend())
	require.NoError(t, b.Close(), "again")
	require.Equal(t, signaling.Signal{From: first.ID, Data: signalTo(0, 1).Data}, await[signaling.Signal](t, a), "what was queued is sent")
	require.ErrorIs(t, b.Send(t.Context(), signalTo(1, 2)), ErrClosed)

	again, err := Dial(t.Context(), srv.URL, signaling.Join{Resume: first.Resume}, quick)
	require.NoError(t, err)
	w := await[signaling.Welcome](t, again)
	require.True(t, w.Resumed)
	require.Equal(t, first.ID, w.ID)
	require.NoError(t, again.Close())
	require.Equal(t, signaling.Left{ID: first.ID, Reason: signaling.LeftByItself}, await[signaling.Left](t, a), "and it did not leave before")
	_, err = Dial(t.Context(), srv.URL, signaling.Join{Resume: w.Resume}, quick)
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeResumeRefused})
}

// Time and again all sockets are cut at once, and both members come back as who they were.
func TestCutConnectionsComeBack(t *testing.T) {
	srv := serveReal(t, listen(t, "127.0.0.1:0"))
	a, b := dial(t, srv.URL, quick), dial(t, srv.URL, quick)
	idA, idB := await[signaling.Welcome](t, a).ID, await[signaling.Welcome](t, b).ID
	for round := range 5 {
		srv.cut()
		for _, c := range []*Client{a, b} {
			w := await[signaling.Welcome](t, c)
			require.True(t, w.Resumed)
			require.Contains(t, []signaling.PeerID{idA, idB}, w.ID)
			require.Equal(t, round+1, c.Status().Redials)
		}
		require.NoError(t, a.Send(t.Context(), signalTo(idB, round)))
		require.Equal(t, signaling.Signal{From: idA, Data: signalTo(0, round).Data}, await[signaling.Signal](t, b))
	}
}

func TestKilledServerGetsItsMembersBack(t *testing.T) {
	ln := listen(t, "127.0.0.1:0")
	srv := serveReal(t, ln)
	gate, closed := make(chan struct{}), make(chan struct{})
	close(closed)
	var mu sync.Mutex
	open := closed // what a's dials wait for
	cfg := quick
	cfg.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		mu.Lock()
		wait := open
		mu.Unlock()
		select {
		case <-wait:
			return new(net.Dialer).DialContext(ctx, network, addr)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	a, b := dial(t, srv.URL, cfg), dial(t, srv.URL, quick)
	idA, idB := await[signaling.Welcome](t, a).ID, await[signaling.Welcome](t, b).ID

	mu.Lock()
	open = gate
	mu.Unlock()
	srv.kill()
	require.Eventually(t, func() bool { return !a.Status().Connected }, patience, time.Millisecond)
	for i := range 50 {
		require.NoError(t, a.Send(t.Context(), signalTo(idB, i)))
	}
	serveReal(t, listen(t, ln.Addr().String()))
	w := await[signaling.Welcome](t, b)
	require.True(t, w.Resumed)
	require.Equal(t, idB, w.ID)
	close(gate) // b is there; a signal to someone who is not back yet would be refused

	w = await[signaling.Welcome](t, a)
	require.True(t, w.Resumed)
	require.Equal(t, idA, w.ID)
	for i := range 50 {
		require.Equal(t, signaling.Signal{From: idA, Data: signalTo(0, i).Data}, await[signaling.Signal](t, b))
	}
}

func TestRedialAfterShutdown(t *testing.T) {
	ln := listen(t, "127.0.0.1:0")
	srv := serveReal(t, ln)
	c := dial(t, srv.URL, quick)
	id := await[signaling.Welcome](t, c).ID
	require.NoError(t, srv.Shutdown(t.Context()))
	require.Eventually(t, func() bool { return !c.Status().Connected }, patience, time.Millisecond)
	srv.kill()
	serveReal(t, listen(t, ln.Addr().String()))
	w := await[signaling.Welcome](t, c)
	require.True(t, w.Resumed)
	require.Equal(t, id, w.ID)
}

func TestSecondHolderOfATokenReplacesTheFirst(t *testing.T) {
	srv := serveReal(t, listen(t, "127.0.0.1:0"))
	a := dial(t, srv.URL, quick)
	w := await[signaling.Welcome](t, a)
	b := join(t, srv.URL, signaling.Join{Resume: w.Resume}, quick)
	require.Equal(t, w.ID, await[signaling.Welcome](t, b).ID)
	err := receiveEnd(t, a)
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeReplaced})
	require.False(t, Retry(err))
	require.Zero(t, b.Status().Redials)
}

func TestErrorsThatLeaveTheMembership(t *testing.T) {
	srv := serveReal(t, listen(t, "127.0.0.1:0"))
	dial(t, srv.URL, quick)
	b := dial(t, srv.URL, quick)
	require.NoError(t, b.Send(t.Context(), signaling.Seal{}))
	require.Equal(t, signaling.CodeNotHost, await[*signaling.Error](t, b).Code)
	require.NoError(t, b.Send(t.Context(), signalTo(signaling.MaxPeerID, 1)))
	require.Equal(t, signaling.CodeUnknownPeer, await[*signaling.Error](t, b).Code)
	require.True(t, b.Status().Connected)
}

func TestDialErrorsOfTheRealServer(t *testing.T) {
	srv := serveReal(t, listen(t, "127.0.0.1:0"))
	a := dial(t, srv.URL, quick)
	require.NoError(t, a.Send(t.Context(), signaling.Seal{}))
	await[signaling.Sealed](t, a)
	for _, row := range []struct {
		join  signaling.Join
		code  signaling.Code
		retry bool
	}{
		{signaling.Join{}, signaling.CodeSealed, false},
		{signaling.Join{Resume: "stolen"}, signaling.CodeResumeRefused, false},
	} {
		_, err := Dial(t.Context(), srv.URL, row.join, quick)
		require.ErrorIs(t, err, &signaling.Error{Code: row.code})
		require.Equal(t, row.retry, Retry(err))
	}
	require.NoError(t, srv.Shutdown(t.Context()))
	_, err := Dial(t.Context(), srv.URL, signaling.Join{}, quick)
	failed, ok := errors.AsType[*DialError](err)
	require.True(t, ok, err)
	require.Equal(t, http.StatusServiceUnavailable, failed.Status)
	require.True(t, failed.Retry)
}

// The pings of both ends keep an idle pair together for a day, and cost nobody the membership.
func TestIdleDayWithTheRealServer(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		p := newPipeNet()
		serveReal(t, p)
		c := dial(t, "ws://localhost/lobby", Config{dial: p.dial})
		receive(t, c)
		time.Sleep(24 * time.Hour)
		require.True(t, c.Status().Connected)
		require.Zero(t, c.Status().Redials)
		began := time.Now()
		require.NoError(t, c.Close())
		require.Less(t, time.Since(began), closeTimeout)
	})
}
