package signalclient

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

func TestRestartedServerGetsTheClientBack(t *testing.T) {
	srv := serve(t, listen(t, "127.0.0.1:0"), welcome)
	c := dial(t, srv.URL, quick)
	first := srv.accept(t)
	require.False(t, receive(t, c).(signaling.Welcome).Resumed)
	require.NoError(t, c.Send(t.Context(), signalTo(1, 0)))
	require.Equal(t, signalTo(1, 0), first.read(t))

	srv.stop()
	require.Eventually(t, func() bool { return !c.Status().Connected }, patience, time.Millisecond)
	for i := range 10 {
		require.NoError(t, c.Send(t.Context(), signalTo(1, i)), "sent during the outage")
	}
	require.Error(t, c.Status().Err)

	srv = serve(t, listen(t, first.LocalAddr().String()), welcome)
	second := srv.accept(t)
	require.Equal(t, "token-1", second.join.Resume)
	require.Equal(t, signaling.RoomName("lobby"), second.join.Room)
	require.IsType(t, signaling.Disconnected{}, receive(t, c))
	require.True(t, receive(t, c).(signaling.Welcome).Resumed)
	for i := range 10 {
		require.Equal(t, signalTo(1, i), second.read(t))
	}
	status := c.Status()
	require.True(t, status.Connected)
	require.Equal(t, 1, status.Redials)
	require.Error(t, status.Err, "the last failure is kept")
}

// The room that the server chose is the one to come back to, with the newest token.
func TestRedialAsksForTheRoomAndTokenOfTheLastWelcome(t *testing.T) {
	srv := serve(t, listen(t, "127.0.0.1:0"), func(s *session) {
		w := welcomeTo(s)
		w.Room = "r4nd0m"
		s.send(w)
		if s.n < 3 {
			s.Close()
		}
	})
	dial(t, srv.URL+"/", quick)
	for _, want := range []signaling.Join{
		{},
		{Room: "r4nd0m", Resume: "token-1"},
		{Room: "r4nd0m", Resume: "token-2"},
	} {
		require.Equal(t, want, srv.accept(t).join)
	}
}

func TestErrorsOfTheServer(t *testing.T) {
	for _, row := range []struct {
		code signaling.Code
		ends bool
	}{
		{signaling.CodeReplaced, true},
		{signaling.CodeHostLeft, true},
		{signaling.CodeSealed, true},
		{signaling.CodeBadMessage, true},
		{"made_up", true},
		{signaling.CodeShuttingDown, false},
		{signaling.CodeSlow, false},
		{signaling.CodeInternal, false},
	} {
		t.Run(string(row.code), func(t *testing.T) {
			said := &signaling.Error{Code: row.code, Text: "because"}
			srv := serve(t, listen(t, "127.0.0.1:0"), func(s *session) {
				welcome(s)
				if s.n == 1 {
					s.send(signaling.Sealed{})
					s.send(said)
					s.Close()
				}
			})
			c := dial(t, srv.URL, quick)
			receive(t, c)
			require.Equal(t, signaling.Sealed{}, receive(t, c), "earlier messages come first")
			if !row.ends {
				require.Equal(t, signaling.Disconnected{Err: said}, receive(t, c))
				require.True(t, receive(t, c).(signaling.Welcome).Resumed)
				require.ErrorIs(t, c.Status().Err, said)
				return
			}
			require.ErrorIs(t, receiveEnd(t, c), said)
			require.ErrorIs(t, receiveEnd(t, c), said, "and stays")
			require.ErrorIs(t, c.Send(t.Context(), signaling.Seal{}), said)
			require.False(t, c.Status().Connected)
			require.NoError(t, c.Close())
			require.ErrorIs(t, receiveEnd(t, c), net.ErrClosed)
		})
	}
}

func TestErrorsOfTheServerToAResume(t *testing.T) {
	srv := serve(t, listen(t, "127.0.0.1:0"), func(s *session) {
		switch s.n {
		case 1:
			welcome(s)
		case 2:
			s.send(&signaling.Error{Code: signaling.CodeServerFull})
		default:
			s.send(&signaling.Error{Code: signaling.CodeResumeRefused})
		}
		s.Close()
	})
	c := dial(t, srv.URL, quick)
	require.ErrorIs(t, receiveEnd(t, c), &signaling.Error{Code: signaling.CodeResumeRefused})
	for range 3 { // server_full was worth another attempt
		srv.accept(t)
	}
}

// A client whose place went to another connection must see that, even if its own write fails first,
// or the two would replace each other for ever.
func TestFailedWriteDoesNotHideWhatTheServerSaid(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		p := newPipeNet()
		srv := serve(t, p, welcome)
		c := dial(t, "ws://localhost/lobby", Config{dial: failingWrites(p)})
		s := srv.accept(t)
		receive(t, c)
		require.NoError(t, c.Send(t.Context(), signalTo(1, 1)))
		synctest.Wait()
		s.send(&signaling.Error{Code: signaling.CodeReplaced})
		require.ErrorIs(t, receiveEnd(t, c), &signaling.Error{Code: signaling.CodeReplaced})
	})
}

// failingWrites makes connections that fail to write after the join.
func failingWrites(p *pipeNet) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := p.dial(ctx, network, addr)
		return &writesTwice{Conn: c}, err
	}
}

type writesTwice struct {
	net.Conn
	writes int
}

func (c *writesTwice) Write(b []byte) (int, error) {
	if c.writes++; c.writes > 2 { // the request, the join
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

// An id that changed would make every link of the program wrong.
func TestComingBackAsSomeoneElseEndsTheClient(t *testing.T) {
	srv := serve(t, listen(t, "127.0.0.1:0"), func(s *session) {
		w := welcomeTo(s)
		w.ID += signaling.PeerID(s.n)
		s.send(w)
		s.Close()
	})
	c := dial(t, srv.URL, quick)
	err := receiveEnd(t, c)
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeResumeRefused})
	require.ErrorContains(t, err, "member 8 of room lobby came back as member 9 of room lobby")
}

func TestGarbageIsRedialedThreeTimes(t *testing.T) {
	for _, row := range []struct {
		name string
		say  func(*session)
	}{
		{"text", func(s *session) { s.write([]byte("hello")) }},
		{"wrong message", func(s *session) { s.write([]byte(`{"kind":"left","id":-1}`)) }},
		{"binary", func(s *session) { _ = s.WriteMessage(websocket.BinaryMessage, []byte("hello")) }},
		{"too large", func(s *session) { s.write(make([]byte, signaling.MaxMessage+1)) }},
		{"no WebSocket frame", func(s *session) { _, _ = s.NetConn().Write([]byte("\xff\xff\xff\xff")) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := serve(t, listen(t, "127.0.0.1:0"), func(s *session) {
				if s.n == 1 || s.n == 3 {
					welcome(s)
				}
				row.say(s)
			})
			c := dial(t, srv.URL, quick)
			err := receiveEnd(t, c)
			malformed, ok := errors.AsType[*ProtocolError](err)
			require.True(t, ok, err)
			require.Equal(t, srv.URL, malformed.URL)
			// The welcome of the third began a new count: its own garbage, and two more.
			require.EqualValues(t, 5, srv.count.Load())
		})
	}
}

func TestServerIsToldOfGarbage(t *testing.T) {
	srv := serve(t, listen(t, "127.0.0.1:0"), func(s *session) {
		welcome(s)
		s.write([]byte("hello"))
	})
	dial(t, srv.URL, Config{RedialFor: -1})
	_, _, err := srv.accept(t).ReadMessage()
	require.True(t, websocket.IsCloseError(err, websocket.CloseProtocolError), err)
}

func TestRedialForBoundsTheAttempts(t *testing.T) {
	for _, row := range []struct {
		name string
		give time.Duration
		text string
	}{
		{"never", -1, "signalclient: ws://localhost/lobby: connection lost: "},
		{"a minute", time.Minute, "signalclient: ws://localhost/lobby: connection lost, and not restored within 1m0s: "},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				p := newPipeNet()
				srv := serve(t, p, welcome)
				c := dial(t, "ws://localhost/lobby", Config{dial: p.dial, RedialFor: row.give})
				srv.accept(t)
				srv.stop()
				began := time.Now()
				err := receiveEnd(t, c)
				require.ErrorContains(t, err, row.text)
				_, ok := errors.AsType[*LostError](err)
				require.True(t, ok, err)
				require.True(t, Retry(err))
				require.Equal(t, max(row.give, 0), time.Since(began))
			})
		})
	}
}

// Without a token a redial would be someone new.
func TestWithoutATokenThereIsNoRedial(t *testing.T) {
	srv := serve(t, listen(t, "127.0.0.1:0"), func(s *session) {
		w := welcomeTo(s)
		w.Resume = ""
		s.send(w)
		s.Close()
	})
	_, ok := errors.AsType[*LostError](receiveEnd(t, dial(t, srv.URL, quick)))
	require.True(t, ok)
}

// Attempts go on for ever, never more than BackoffMax and a dial apart, and never in a burst.
func TestAttemptsBackOff(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		p := newPipeNet()
		serve(t, p, func(s *session) {
			welcome(s)
			s.Close() // welcomes, and fails at once
		})
		var attempts []time.Time
		c := dial(t, "ws://localhost/lobby", Config{dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			attempts = append(attempts, time.Now())
			return p.dial(ctx, network, addr)
		}})
		go func() {
			for {
				if _, err := c.Receive(context.Background()); err != nil {
					return
				}
			}
		}()
		time.Sleep(time.Hour)
		require.NoError(t, c.Close())
		require.Greater(t, len(attempts), 240, "about every 7.5 s")
		require.Less(t, len(attempts), 960)
		for i := range attempts[1:] {
			require.LessOrEqual(t, attempts[i+1].Sub(attempts[i]), 15*time.Second)
		}
	})
}

// After it has worked for a while, a lost connection is redialed at once again.
func TestBackoffStartsAnewAfterALongConnection(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		p := newPipeNet()
		srv := serve(t, p, func(s *session) {
			welcome(s)
			if s.n < 20 {
				s.Close()
			}
		})
		c := dial(t, "ws://localhost/lobby", Config{dial: p.dial})
		var stable *session
		for range 20 {
			stable = srv.accept(t)
			await[signaling.Welcome](t, c)
		}
		time.Sleep(15 * time.Second)
		stable.Close()
		began := time.Now()
		srv.accept(t)
		require.LessOrEqual(t, time.Since(began), 200*time.Millisecond)
	})
}

func TestSilenceIsFound(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		p := newPipeNet()
		srv := serve(t, p, func(s *session) {
			welcome(s)
			s.SetPingHandler(func(string) error { return nil })
		})
		c := dial(t, "ws://localhost/lobby", Config{dial: p.dial, RedialFor: -1})
		silent := srv.accept(t)
		go func() { _, _, _ = silent.ReadMessage() }() // takes pings, answers none
		receive(t, c)
		began := time.Now()
		err := receiveEnd(t, c)
		_, ok := errors.AsType[*LostError](err)
		require.True(t, ok, err)
		require.ErrorContains(t, err, "nothing received for 45s")
		require.Equal(t, 45*time.Second, time.Since(began))
	})
}

// Pongs alone keep a connection on which nothing else happens, and so do the server's pings.
func TestQuietConnectionLives(t *testing.T) {
	for _, row := range []struct {
		name   string
		server func(*testing.T, *session)
	}{
		{"client pings", func(*testing.T, *session) {}},
		{"server pings, deaf to pings", func(t *testing.T, s *session) {
			s.SetPingHandler(func(string) error { return nil })
			for t.Context().Err() == nil {
				_ = s.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
				select {
				case <-time.After(40 * time.Second):
				case <-t.Context().Done():
				}
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				p := newPipeNet()
				srv := serve(t, p, welcome)
				c := dial(t, "ws://localhost/lobby", Config{dial: p.dial})
				s := srv.accept(t)
				go row.server(t, s)
				go func() { _, _, _ = s.ReadMessage() }()
				time.Sleep(24 * time.Hour)
				require.True(t, c.Status().Connected)
				require.Zero(t, c.Status().Redials)
			})
		})
	}
}

// A program that does not read its messages is the server's to judge; it is not a dead connection.
func TestFullInboxIsNotSilence(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		p := newPipeNet()
		srv := serve(t, p, welcome)
		c := dial(t, "ws://localhost/lobby", Config{dial: p.dial})
		s := srv.accept(t)
		const count = 2 * inboxMessages
		go func() {
			for range count {
				s.send(signaling.Sealed{})
			}
		}()
		go func() { _, _, _ = s.ReadMessage() }()
		time.Sleep(30 * time.Second)
		for range 1 + count {
			receive(t, c)
		}
		require.True(t, c.Status().Connected)
		require.Zero(t, c.Status().Redials)
	})
}

func TestCloseWhileDisconnected(t *testing.T) {
	for _, row := range []struct {
		name   string
		outage func(*testServer, *pipeNet)
	}{
		{"waiting or refused", func(s *testServer, _ *pipeNet) { s.stop() }},
		{"dialing", func(_ *testServer, p *pipeNet) { p.hang() }},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				p := newPipeNet()
				srv := serve(t, p, welcome)
				c := dial(t, "ws://localhost/lobby", Config{dial: p.dial, DialTimeout: time.Hour})
				s := srv.accept(t)
				row.outage(srv, p)
				s.Close()
				time.Sleep(time.Minute)
				require.False(t, c.Status().Connected)
				require.NoError(t, c.Send(t.Context(), signaling.Seal{}))
				began := time.Now()
				require.NoError(t, c.Close())
				require.Zero(t, time.Since(began))
				require.ErrorIs(t, c.Send(t.Context(), signaling.Seal{}), net.ErrClosed)
			})
		})
	}
}

func TestOutageFillsTheOutbox(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		p := newPipeNet()
		srv := serve(t, p, welcome)
		c := dial(t, "ws://localhost/lobby", Config{dial: p.dial})
		srv.accept(t)
		srv.stop()
		synctest.Wait()
		for i := range outboxFrames {
			require.NoError(t, c.Send(t.Context(), signalTo(1, i)))
		}
		require.ErrorIs(t, c.Send(t.Context(), signaling.Seal{}), ErrBufferFull)
	})
}

// The client comes back with the latest token. The program receives it as well, because it may have stored an earlier one.
func TestRedialUsesTheRenewedToken(t *testing.T) {
	srv := serve(t, listen(t, "127.0.0.1:0"), func(s *session) {
		welcome(s)
		if s.n == 1 {
			s.send(signaling.Resume{Token: "renewed"})
			s.Close()
		}
	})
	c := dial(t, srv.URL, quick)
	srv.accept(t)
	require.Equal(t, "renewed", srv.accept(t).join.Resume)
	require.IsType(t, signaling.Welcome{}, receive(t, c))
	require.Equal(t, signaling.Resume{Token: "renewed"}, receive(t, c))
	require.IsType(t, signaling.Disconnected{}, receive(t, c))
	require.IsType(t, signaling.Welcome{}, receive(t, c))
}

// The server handles an attempt late that the client has given up, and then takes the client's present connection for the
// older one. The client comes back. If it is replaced again, another client has its token.
func TestReplacedByItsOwnAttempt(t *testing.T) {
	for name, tt := range map[string]struct {
		after time.Duration // when the server says that the client was replaced
		ends  bool
	}{
		"soon":                  {time.Second, false},
		"long after":            {time.Hour, true},
		"without such attempts": {0, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				p := newPipeNet()
				stray := 2
				if tt.after == 0 {
					stray = 0
				}
				said := &signaling.Error{Code: signaling.CodeReplaced, Text: "because"}
				srv := serve(t, p, func(s *session) {
					if s.n != stray {
						welcome(s)
					}
				})
				c := dial(t, "ws://localhost/lobby", Config{dial: p.dial})
				first := srv.accept(t)
				if stray > 0 {
					first.Close()
					srv.accept(t) // gets no answer
					first = srv.accept(t)
				}
				go func() { _, _, _ = first.ReadMessage() }()
				time.Sleep(tt.after)
				first.send(said)
				first.Close()
				if !tt.ends {
					second := srv.accept(t)
					time.Sleep(time.Second)
					require.True(t, c.Status().Connected)
					second.send(said)
					second.Close()
				}
				require.ErrorIs(t, receiveEnd(t, c), said)
			})
		})
	}
}
