package signalclient

import (
	"errors"
	"testing"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"

	"github.com/stretchr/testify/require"
)

// However many attempts fail, a lost connection is told once, when it is lost, and its end once, by the
// welcome.
func TestLostConnectionIsToldOnce(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		p := newPipeNet()
		srv := serve(t, p, func(s *session) {
			if s.n == 1 || s.n > 10 {
				welcome(s)
				s.send(signaling.Sealed{})
			} else {
				s.Close()
			}
		})
		c := dial(t, "ws://localhost/lobby", Config{dial: p.dial})
		joined := time.Now()
		require.IsType(t, signaling.Welcome{}, receive(t, c))
		require.Equal(t, signaling.Sealed{}, receive(t, c))
		require.Equal(t, Status{Connected: true, Since: joined}, c.Status())

		time.Sleep(time.Minute)
		srv.accept(t).Close()
		lost := time.Now()
		gone := receive(t, c).(signaling.Disconnected)
		require.Error(t, gone.Err)
		require.Zero(t, time.Since(lost), "told at once")
		require.Equal(t, Status{Since: lost, Err: gone.Err}, c.Status())

		require.True(t, receive(t, c).(signaling.Welcome).Resumed)
		require.Equal(t, signaling.Sealed{}, receive(t, c))
		require.Greater(t, time.Since(lost), time.Second, "after many attempts")
		status := c.Status()
		require.True(t, status.Connected)
		require.Equal(t, time.Now(), status.Since)
		require.Equal(t, 1, status.Redials)
	})
}

// What was not read when the connection was lost comes before the loss, and the welcome after it, also
// when there is no room for them.
func TestLossIsToldInOrder(t *testing.T) {
	for _, row := range []struct {
		name  string
		outof int // how long the server is away, in attempts
	}{{"back at once", 2}, {"back after a while", 20}} {
		t.Run(row.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				p := newPipeNet()
				serve(t, p, func(s *session) {
					switch {
					case s.n == 1:
						welcome(s)
						for range inboxMessages - 1 {
							s.send(signaling.Sealed{})
						}
						s.Close()
					case s.n < row.outof:
						s.Close()
					default:
						welcome(s)
					}
				})
				c := dial(t, "ws://localhost/lobby", Config{dial: p.dial})
				time.Sleep(time.Hour)
				require.True(t, c.Status().Connected)
				require.False(t, receive(t, c).(signaling.Welcome).Resumed)
				for range inboxMessages - 1 {
					require.Equal(t, signaling.Sealed{}, receive(t, c))
				}
				require.IsType(t, signaling.Disconnected{}, receive(t, c))
				require.True(t, receive(t, c).(signaling.Welcome).Resumed)
			})
		})
	}
}

// A program that has room again while the client still waits is told then, and not only at the end.
func TestLossIsToldAsSoonAsThereIsRoom(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		p := newPipeNet()
		serve(t, p, func(s *session) {
			if s.n == 1 {
				welcome(s)
				for range inboxMessages - 1 {
					s.send(signaling.Sealed{})
				}
			} else {
				s.send(&signaling.Error{Code: signaling.CodeRateLimited, RetryMillis: 60_000})
			}
			s.Close()
		})
		c := dial(t, "ws://localhost/lobby", Config{dial: p.dial})
		time.Sleep(30 * time.Second) // within the minute that the server has asked for
		began := time.Now()
		await[signaling.Disconnected](t, c)
		require.Zero(t, time.Since(began))
		require.False(t, c.Status().Connected)
	})
}

// Where there is no redial, the error of Receive tells all.
func TestFinalEndIsNotToldAsALoss(t *testing.T) {
	for _, row := range []struct {
		name string
		cfg  Config
		end  func(*session)
	}{
		{"lost, and no redial", Config{RedialFor: -1}, func(s *session) { s.Close() }},
		{"replaced", Config{}, func(s *session) { s.send(&signaling.Error{Code: signaling.CodeReplaced}) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := serve(t, listen(t, "127.0.0.1:0"), welcome)
			c := dial(t, srv.URL, row.cfg)
			receive(t, c)
			row.end(srv.accept(t))
			m, err := c.Receive(t.Context())
			require.Error(t, err, "got %v", m)
		})
	}
}

func TestCloseIsNotToldAsALoss(t *testing.T) {
	srv := serve(t, listen(t, "127.0.0.1:0"), welcome)
	c := dial(t, srv.URL, quick)
	receive(t, c)
	require.NoError(t, c.Close())
	require.Empty(t, c.inbox)
}

func TestDisconnectedIsNotForSending(t *testing.T) {
	srv := serve(t, listen(t, "127.0.0.1:0"), welcome)
	c := dial(t, srv.URL, quick)
	require.ErrorContains(t, c.Send(t.Context(), signaling.Disconnected{Err: errors.New("x")}), "want a Signal")
}

// The same program gives the same features and incarnation with each resume.
func TestResumeGivesFeaturesAndIncarnationAgain(t *testing.T) {
	srv := serve(t, listen(t, "127.0.0.1:0"), func(s *session) {
		welcome(s)
		if s.n < 3 {
			s.Close()
		}
	})
	own := signaling.Join{Features: []string{signaling.FeatureRepair}, Incarnation: "one"}
	join(t, srv.URL, own, quick)
	own.Features[0] = "the caller's own"
	for range 3 {
		j := srv.accept(t).join
		require.Equal(t, []string{signaling.FeatureRepair}, j.Features)
		require.Equal(t, "one", j.Incarnation)
	}
}
