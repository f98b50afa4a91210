package signalclient

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
	"example.org/rtcpeer/testdata/skip"

	"github.com/stretchr/testify/require"
)

// deaf has the server take what comes and answer no pings, of which it counts those that came.
func (s *session) deaf() *atomic.Int32 {
	pings := new(atomic.Int32)
	s.SetPingHandler(func(string) error { pings.Add(1); return nil })
	go func() {
		for {
			if _, _, err := s.ReadMessage(); err != nil {
				return
			}
		}
	}()
	return pings
}

// A dialLog is when a client dialed.
type dialLog struct {
	dial func(context.Context, string, string) (net.Conn, error)

	mu    sync.Mutex
	times []time.Time
}

func logged(p *pipeNet) *dialLog {
	l := new(dialLog)
	l.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		l.mu.Lock()
		l.times = append(l.times, time.Now())
		l.mu.Unlock()
		return p.dial(ctx, network, addr)
	}
	return l
}

// after returns the dials after t, as times since then.
func (l *dialLog) after(t time.Time) (list []time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, at := range l.times {
		if at.After(t) {
			list = append(list, at.Sub(t))
		}
	}
	return list
}

// inFakeTime gives a story a client of a server in memory, after the welcome.
func inFakeTime(t *testing.T, cfg Config, story func(t *testing.T, c *Client, srv *testServer, p *pipeNet, l *dialLog)) {
	t.Helper()
	bubble.Test(t, func(t *testing.T) {
		p := newPipeNet()
		srv := serve(t, p, welcome)
		l := logged(p)
		cfg.dial = l.dial
		c := dial(t, "ws://localhost/lobby", cfg)
		receive(t, c)
		time.Sleep(time.Second)
		story(t, c, srv, p, l)
	})
}

// slow is a Config whose waits are, but for one in a thousand, longer than a test looks.
var slow = Config{BackoffMin: 1000 * time.Hour, BackoffMax: 1000 * time.Hour}

func TestCheckFindsADeadConnection(t *testing.T) {
	for _, row := range []struct {
		name string
		cfg  Config
		want time.Duration
		dead func(*testing.T, *Client, *session)
	}{
		{"pings are not answered", slow, 2 * time.Second, func(_ *testing.T, _ *Client, s *session) { s.deaf() }},
		{"nothing is read", slow, 2 * time.Second, func(*testing.T, *Client, *session) {}},
		{"a write waits already", slow, 2 * time.Second, func(t *testing.T, c *Client, _ *session) {
			require.NoError(t, c.Send(t.Context(), signalTo(1, 1)))
		}},
		{"with another patience", Config{BackoffMin: slow.BackoffMin, BackoffMax: slow.BackoffMax, CheckTimeout: 300 * time.Millisecond}, 300 * time.Millisecond,
			func(_ *testing.T, _ *Client, s *session) { s.deaf() }},
	} {
		t.Run(row.name, func(t *testing.T) {
			inFakeTime(t, row.cfg, func(t *testing.T, c *Client, srv *testServer, _ *pipeNet, l *dialLog) {
				row.dead(t, c, srv.accept(t))
				synctest.Wait()
				began := time.Now()
				c.Check()
				require.Zero(t, time.Since(began), "at once")
				gone := receive(t, c).(signaling.Disconnected)
				require.ErrorContains(t, gone.Err, "nothing received within "+row.want.String()+" of a check: i/o timeout")
				require.Equal(t, row.want, time.Since(began))
				require.True(t, receive(t, c).(signaling.Welcome).Resumed)
				require.Equal(t, []time.Duration{row.want}, l.after(began), "without the first wait")
				require.Equal(t, 1, c.Status().Redials)
				require.Equal(t, began.Add(row.want), c.Status().Since)
			})
		})
	}
}

func TestCheckKeepsALiveConnection(t *testing.T) {
	for _, row := range []struct {
		name string
		live func(*session)
	}{
		{"pongs", func(s *session) { go func() { _, _, _ = s.ReadMessage() }() }},
		{"a frame, and no pong", func(s *session) {
			s.deaf()
			time.AfterFunc(1900*time.Millisecond, func() { s.send(signaling.Sealed{}) })
		}},
		{"half a frame, and no pong", func(s *session) {
			s.deaf()
			time.AfterFunc(1900*time.Millisecond, func() { _, _ = s.NetConn().Write([]byte{0x81, 0x7d}) })
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			inFakeTime(t, slow, func(t *testing.T, c *Client, srv *testServer, _ *pipeNet, l *dialLog) {
				row.live(srv.accept(t))
				began := time.Now()
				c.Check()
				time.Sleep(10 * time.Second)
				require.True(t, c.Status().Connected)
				require.Empty(t, l.after(began))
			})
		})
	}
}

func TestSimultaneousChecksSendOnePing(t *testing.T) {
	inFakeTime(t, slow, func(t *testing.T, c *Client, srv *testServer, _ *pipeNet, l *dialLog) {
		pings := srv.accept(t).deaf()
		began := time.Now()
		for range 100 {
			c.Check()
			time.Sleep(10 * time.Millisecond)
		}
		require.EqualValues(t, 1, pings.Load())
		time.Sleep(10 * time.Second)
		require.Equal(t, []time.Duration{2 * time.Second}, l.after(began))
	})
}

// A frame that answered the last check is no answer to a later one: the connection may have died since.
func TestCheckAfterTheAnswerToTheLastOne(t *testing.T) {
	inFakeTime(t, slow, func(t *testing.T, c *Client, srv *testServer, _ *pipeNet, l *dialLog) {
		s := srv.accept(t)
		s.deaf()
		began := time.Now()
		c.Check()
		s.send(signaling.Sealed{}) // counts as an answer
		require.Equal(t, signaling.Sealed{}, receive(t, c))
		time.Sleep(time.Second)
		c.Check()
		require.IsType(t, signaling.Disconnected{}, receive(t, c))
		require.Equal(t, 4*time.Second, time.Since(began))
	})
}

// While all is well, a program that checks all the time sends a ping for each CheckTimeout.
func TestChecksOfALiveConnectionAreBounded(t *testing.T) {
	inFakeTime(t, slow, func(t *testing.T, c *Client, srv *testServer, _ *pipeNet, l *dialLog) {
		s := srv.accept(t)
		var pings atomic.Int32
		answer := s.PingHandler()
		s.SetPingHandler(func(data string) error { pings.Add(1); return answer(data) })
		go func() { _, _, _ = s.ReadMessage() }()
		for range 60_000 {
			c.Check()
			time.Sleep(time.Millisecond)
		}
		require.True(t, c.Status().Connected)
		require.Zero(t, c.Status().Redials)
		require.InDelta(t, 30, pings.Load(), 1)
	})
}

// Nobody can tell whether there is an answer behind what the program has not read.
func TestCheckOfAFullInboxIsNotSilence(t *testing.T) {
	inFakeTime(t, slow, func(t *testing.T, c *Client, srv *testServer, _ *pipeNet, l *dialLog) {
		s := srv.accept(t)
		go func() {
			for range 2 * inboxMessages {
				s.send(signaling.Sealed{})
			}
		}()
		go func() { _, _, _ = s.ReadMessage() }()
		synctest.Wait()
		began := time.Now()
		c.Check()
		time.Sleep(10 * time.Second)
		require.True(t, c.Status().Connected)
		for range 2 * inboxMessages {
			require.Equal(t, signaling.Sealed{}, receive(t, c))
		}
		require.Empty(t, l.after(began))
	})
}

// A reader that was held up gets the whole time for an answer.
func TestCheckCountsTheTimeInWhichSomebodyReads(t *testing.T) {
	inFakeTime(t, slow, func(t *testing.T, c *Client, srv *testServer, _ *pipeNet, l *dialLog) {
		s := srv.accept(t)
		for range inboxMessages + 1 {
			s.send(signaling.Sealed{})
		}
		s.deaf()
		synctest.Wait()
		c.Check()
		time.Sleep(time.Second)
		began := time.Now()
		for range inboxMessages + 1 {
			require.Equal(t, signaling.Sealed{}, receive(t, c))
		}
		require.IsType(t, signaling.Disconnected{}, receive(t, c))
		require.Equal(t, 2*time.Second, time.Since(began))
	})
}

func TestCheckCutsTheWaitShort(t *testing.T) {
	inFakeTime(t, slow, func(t *testing.T, c *Client, srv *testServer, _ *pipeNet, l *dialLog) {
		srv.accept(t).Close()
		require.IsType(t, signaling.Disconnected{}, receive(t, c))
		time.Sleep(time.Minute)
		began := time.Now()
		c.Check()
		require.True(t, receive(t, c).(signaling.Welcome).Resumed)
		require.Zero(t, time.Since(began))
		require.Equal(t, began, c.Status().Since)
	})
}

// A connection that is lost in another way while it is checked comes back as fast.
func TestConnectionLostDuringACheckIsRedialedAtOnce(t *testing.T) {
	inFakeTime(t, slow, func(t *testing.T, c *Client, srv *testServer, _ *pipeNet, l *dialLog) {
		s := srv.accept(t)
		s.deaf()
		c.Check()
		time.Sleep(time.Second)
		s.Close()
		began := time.Now()
		require.IsType(t, signaling.Disconnected{}, receive(t, c))
		require.True(t, receive(t, c).(signaling.Welcome).Resumed)
		require.Zero(t, time.Since(began))
	})
}

// Whatever the server does, a program that checks all the time dials about once a second at most.
func TestChecksDialAtMostOnceASecond(t *testing.T) {
	const seconds = 60
	for _, row := range []struct {
		name   string
		outage func(*testServer, *pipeNet)
		most   int
	}{
		{"refuses", func(s *testServer, _ *pipeNet) { s.stop() }, seconds + 1},
		{"welcomes, and closes", func(s *testServer, _ *pipeNet) {}, seconds + 1},
		{"hangs", func(_ *testServer, p *pipeNet) { p.hang() }, int(seconds*time.Second/reachEach) + seconds/10 + 2}, // and one with each attempt
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				p := newPipeNet()
				srv := serve(t, p, func(s *session) {
					welcome(s)
					if s.n > 1 {
						s.Close()
					}
				})
				l := logged(p)
				cfg := slow
				cfg.dial = l.dial
				c := dial(t, "ws://localhost/lobby", cfg)
				go func() {
					for {
						if _, err := c.Receive(context.Background()); err != nil {
							return
						}
					}
				}()
				s := srv.accept(t)
				time.Sleep(time.Second)
				row.outage(srv, p)
				s.Close()
				began := time.Now()
				for time.Since(began) < seconds*time.Second {
					c.Check()
					time.Sleep(10 * time.Millisecond)
				}
				dials := l.after(began.Add(-1))
				require.LessOrEqual(t, len(dials), row.most, "%v", dials)
				require.GreaterOrEqual(t, len(dials), row.most-2, "%v", dials)
			})
		})
	}
}

// A server that is overloaded says for how long it wants to be left alone.
func TestCheckRespectsWhatTheServerAsks(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		p := newPipeNet()
		srv := serve(t, p, func(s *session) {
			if s.n != 2 {
				welcome(s)
			} else {
				s.send(&signaling.Error{Code: signaling.CodeRateLimited, RetryMillis: 30_000})
			}
		})
		cfg := slow
		cfg.dial = p.dial
		c := dial(t, "ws://localhost/lobby", cfg)
		receive(t, c)
		srv.accept(t).Close()
		require.IsType(t, signaling.Disconnected{}, receive(t, c))
		c.Check()
		srv.accept(t)
		began := time.Now()
		time.Sleep(5 * time.Second)
		c.Check()
		require.True(t, receive(t, c).(signaling.Welcome).Resumed)
		require.Equal(t, 30*time.Second, time.Since(began))
	})
}

// A dial that hangs, as after a change of the network, is begun anew when it has lasted long enough.
func TestCheckGivesUpADial(t *testing.T) {
	for _, row := range []struct {
		name    string
		asked   time.Duration // after the dial began
		givenUp time.Duration
	}{
		{"an old one at once", 5 * time.Second, 5 * time.Second},
		{"a young one when it is as old", 500 * time.Millisecond, 2 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			inFakeTime(t, slow, func(t *testing.T, c *Client, srv *testServer, p *pipeNet, l *dialLog) {
				var silent atomic.Bool // whoever takes the connection says nothing
				silent.Store(true)
				c.dialer.cfg.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
					if silent.Load() {
						near, _ := net.Pipe()
						return near, nil
					}
					return l.dial(ctx, network, addr)
				}
				srv.accept(t).Close()
				require.IsType(t, signaling.Disconnected{}, receive(t, c))
				time.Sleep(time.Second)
				began := time.Now()
				c.Check() // begins the dial
				time.Sleep(row.asked)
				silent.Store(false)
				c.Check()
				require.True(t, receive(t, c).(signaling.Welcome).Resumed)
				require.Equal(t, row.givenUp, time.Since(began))
				require.ErrorIs(t, c.Status().Err, errGivenUp)
				require.EqualError(t, c.Status().Err, "signalclient: dial ws://localhost/lobby: no answer within 2s: given up after a check")
				require.True(t, Retry(c.Status().Err))
			})
		})
	}
}

// On a path on which an answer takes seconds, a program that checks all the time connects all the same.
func TestChecksDoNotKeepASlowNetworkFromConnecting(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		p := newPipeNet()
		srv := serve(t, p, func(s *session) {
			if s.n > 1 {
				time.Sleep(7 * time.Second)
			}
			welcome(s)
		})
		cfg := slow
		cfg.dial = p.dial
		c := dial(t, "ws://localhost/lobby", cfg)
		receive(t, c)
		srv.accept(t).Close()
		began := time.Now()
		for !c.Status().Connected || c.Status().Redials == 0 {
			c.Check()
			time.Sleep(100 * time.Millisecond)
		}
		require.Less(t, time.Since(began), 15*time.Second, "2 s, 4 s and 7 s")
		require.Greater(t, time.Since(began), 12*time.Second)
		require.Equal(t, 2*time.Second, c.patience, "and the next time it begins with little again")
	})
}

func TestCheckWithoutARedialEndsTheClient(t *testing.T) {
	inFakeTime(t, Config{RedialFor: -1}, func(t *testing.T, c *Client, srv *testServer, _ *pipeNet, _ *dialLog) {
		srv.accept(t).deaf()
		c.Check()
		_, err := c.Receive(t.Context())
		require.EqualError(t, err, "signalclient: ws://localhost/lobby: connection lost: nothing received within 2s of a check: i/o timeout")
		c.Check()
		require.NoError(t, c.Close())
		c.Check()
	})
}

func TestCloseDuringACheck(t *testing.T) {
	inFakeTime(t, slow, func(t *testing.T, c *Client, srv *testServer, _ *pipeNet, l *dialLog) {
		srv.accept(t).deaf()
		c.Check()
		began := time.Now()
		require.NoError(t, c.Close())
		require.LessOrEqual(t, time.Since(began), closeTimeout)
		time.Sleep(time.Minute)
		require.Empty(t, l.after(began))
	})
}

// A page cannot ping: it has the server answer a frame. The program did not ask for that answer.
func TestAnswersToAPagesPingsAreNotReceived(t *testing.T) {
	srv := serve(t, listen(t, "127.0.0.1:0"), welcome)
	c := dial(t, srv.URL, Config{})
	receive(t, c)
	c.conn.asked.Store(1)
	s := srv.accept(t)
	s.send(&signaling.Error{Code: signaling.CodeUnknownPeer, Text: "not that one"})
	s.send(&signaling.Error{Code: signaling.CodeUnknownKind, Text: `kind "ping"`})
	s.send(&signaling.Error{Code: signaling.CodeUnknownKind, Text: "another"})
	require.Equal(t, &signaling.Error{Code: signaling.CodeUnknownPeer, Text: "not that one"}, receive(t, c))
	require.Equal(t, &signaling.Error{Code: signaling.CodeUnknownKind, Text: "another"}, receive(t, c))
}

// The frame that pages send has no effect but the answer.
func TestRealServerAnswersAPagesPing(t *testing.T) {
	srv := serveReal(t, listen(t, "127.0.0.1:0"))
	c := dial(t, srv.URL, quick)
	await[signaling.Welcome](t, c)
	require.NoError(t, c.outbox.push(signaling.V1Client().Ping))
	require.Equal(t, signaling.CodeUnknownKind, await[*signaling.Error](t, c).Code)
	require.True(t, c.Status().Connected)
	require.Zero(t, c.Status().Redials)
}

// A blackHole is a connection that, from some moment on, takes everything and gives nothing, as after
// a network has changed: no end can tell that the other is gone.
type blackHole struct {
	net.Conn
	gone   <-chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (b *blackHole) lost() bool {
	select {
	case <-b.gone:
		return true
	default:
		return false
	}
}

func (b *blackHole) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if b.lost() {
		<-b.closed
		return 0, net.ErrClosed
	}
	return n, err
}

func (b *blackHole) Write(p []byte) (int, error) {
	if b.lost() {
		return len(p), nil
	}
	return b.Conn.Write(p)
}

// Close tells the other end nothing, for it cannot be reached.
func (b *blackHole) Close() error {
	b.once.Do(func() { close(b.closed) })
	if b.lost() {
		return b.Conn.SetReadDeadline(time.Unix(1, 0)) // ends a read under way
	}
	return b.Conn.Close()
}

func TestCheckEndsABlackHoledConnection(t *testing.T) {
	skip.Long(t)
	srv := serveReal(t, listen(t, "127.0.0.1:0"))
	gone := make(chan struct{})
	var dials atomic.Int32
	cfg := quick
	cfg.CheckTimeout = 2 * time.Second // within which the first check has its answer
	cfg.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil || dials.Add(1) > 1 {
			return conn, err
		}
		t.Cleanup(func() { conn.Close() })
		return &blackHole{Conn: conn, gone: gone, closed: make(chan struct{})}, nil
	}
	a, b := dial(t, srv.URL, cfg), dial(t, srv.URL, quick)
	idA, idB := await[signaling.Welcome](t, a).ID, await[signaling.Welcome](t, b).ID
	require.Equal(t, idB, await[signaling.Joined](t, a).Member.ID)
	a.Check()
	require.NoError(t, a.Send(t.Context(), signalTo(idB, 1)))
	require.Equal(t, signaling.Signal{From: idA, Data: signalTo(0, 1).Data}, await[signaling.Signal](t, b))

	close(gone)
	began := time.Now()
	for range 100 {
		a.Check()
	}
	gone2 := await[signaling.Disconnected](t, a)
	require.ErrorContains(t, gone2.Err, "of a check")
	w := await[signaling.Welcome](t, a)
	require.True(t, w.Resumed)
	require.Equal(t, idA, w.ID)
	require.Less(t, time.Since(began), 15*time.Second, "long before the 37 s without a check")
	require.NoError(t, b.Send(t.Context(), signalTo(idA, 2)))
	require.Equal(t, signaling.Signal{From: idB, Data: signalTo(0, 2).Data}, await[signaling.Signal](t, a))
	require.EqualValues(t, 2, dials.Load())
}

// Checks from many goroutines, while connections come and go.
func TestCheckIsForAnyGoroutine(t *testing.T) {
	srv := serveReal(t, listen(t, "127.0.0.1:0"))
	cfg := quick
	cfg.CheckTimeout = 50 * time.Millisecond
	c := dial(t, srv.URL, cfg)
	id := await[signaling.Welcome](t, c).ID
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
					c.Check()
				}
			}
		})
	}
	for range 5 {
		srv.cut()
		w := await[signaling.Welcome](t, c)
		require.True(t, w.Resumed)
		require.Equal(t, id, w.ID)
	}
	close(stop)
	wg.Wait()
}
