package signalclient

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

func TestFirstMessageIsTheWelcome(t *testing.T) {
	srv := serve(t, listen(t, "127.0.0.1:0"), welcome)
	c := dial(t, srv.URL, Config{})
	require.Equal(t, welcomeTo(srv.accept(t)), receive(t, c))
	require.True(t, c.Status().Connected)
	require.NoError(t, c.Status().Err)
}

func TestSignalsKeepTheirOrderBothWays(t *testing.T) {
	srv := serve(t, listen(t, "127.0.0.1:0"), welcome)
	c := dial(t, srv.URL, Config{})
	s := srv.accept(t)
	receive(t, c)

	const count = 3 * inboxMessages
	for i := range count {
		require.NoError(t, c.Send(t.Context(), signalTo(1, i)))
	}
	for i := range count {
		require.Equal(t, signalTo(1, i), s.read(t))
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for i := range count {
			s.send(signaling.Signal{From: 1, Data: signalTo(1, i).Data})
		}
	})
	for i := range count {
		require.Equal(t, signaling.Signal{From: 1, Data: signalTo(1, i).Data}, receive(t, c))
	}
}

// What would make the server end the session is refused before it is queued.
func TestSendRefusesWhatTheServerWould(t *testing.T) {
	srv := serve(t, listen(t, "127.0.0.1:0"), func(s *session) {
		w := welcomeTo(s)
		w.Limits.MessageBytes = 100
		s.send(w)
	})
	c := dial(t, srv.URL, Config{})
	s := srv.accept(t)
	for _, row := range []struct {
		name string
		m    signaling.Message
		text string
	}{
		{"nil", nil, "send <nil>: want a Signal, a Seal, a Lock, a Kick, a Successor, a HostLost, a Metadata or a List"},
		{"join", signaling.Join{}, "send signaling.Join: want a Signal, a Seal, a Lock, a Kick, a Successor, a HostLost, a Metadata or a List"},
		{"leave", signaling.Leave{}, "use Close instead"},
		{"nobody", signaling.Signal{Data: json.RawMessage("1")}, "want to"},
		{"stamped", signaling.Signal{From: 1, Data: json.RawMessage("1")}, "want to"},
		{"no JSON", signaling.Signal{To: 1, Data: json.RawMessage(`{"a"`)}, "bad_message"},
		{"no UTF-8", signaling.Signal{To: 1, Data: json.RawMessage("\"\xff\"")}, "not UTF-8"},
		{"too large", signaling.Signal{To: 1, Data: json.RawMessage(`"` + strings.Repeat("x", 100) + `"`)}, "at most 100"},
	} {
		t.Run(row.name, func(t *testing.T) { require.ErrorContains(t, c.Send(t.Context(), row.m), row.text) })
	}
	require.NoError(t, c.Send(t.Context(), signaling.Seal{}))
	require.Equal(t, signaling.Seal{}, s.read(t), "the session lives")
}

func TestSendAndReceiveHeedTheirContext(t *testing.T) {
	srv := serve(t, listen(t, "127.0.0.1:0"), welcome)
	c := dial(t, srv.URL, Config{})
	receive(t, c)
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	require.ErrorIs(t, c.Send(ctx, signaling.Seal{}), why)
	_, err := c.Receive(ctx)
	require.ErrorIs(t, err, why)
}

// Messages of unknown kinds, as a newer server may send them, are skipped. Errors that do not end the session are received.
func TestUnknownKindsAndNonfatalErrors(t *testing.T) {
	srv := serve(t, listen(t, "127.0.0.1:0"), func(s *session) {
		s.write([]byte(`{"kind":"news"}`))
		welcome(s)
		s.write([]byte(`{"kind":"weather","sun":true}`))
		s.send(&signaling.Error{Code: signaling.CodeUnknownPeer, Text: "peer 9"})
		s.send(signaling.Sealed{})
	})
	c := dial(t, srv.URL, Config{})
	require.IsType(t, signaling.Welcome{}, receive(t, c))
	require.Equal(t, &signaling.Error{Code: signaling.CodeUnknownPeer, Text: "peer 9"}, receive(t, c))
	require.Equal(t, signaling.Sealed{}, receive(t, c))
}

func TestCloseSendsWhatIsQueuedAndLeaves(t *testing.T) {
	srv := serve(t, listen(t, "127.0.0.1:0"), welcome)
	c := dial(t, srv.URL, Config{})
	s := srv.accept(t)
	const count = 100
	for i := range count {
		require.NoError(t, c.Send(t.Context(), signalTo(1, i)))
	}
	// Unread messages must not keep the leave from arriving.
	for range 2 * inboxMessages {
		s.send(signaling.Sealed{})
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { c.Close() })

	for i := range count {
		require.Equal(t, signalTo(1, i), s.read(t))
	}
	require.Equal(t, signaling.Leave{}, s.read(t))
	_, _, err := s.ReadMessage()
	require.True(t, websocket.IsCloseError(err, websocket.CloseNormalClosure), err)
}

func TestCloseEndsEverything(t *testing.T) {
	srv := serve(t, listen(t, "127.0.0.1:0"), welcome)
	c := dial(t, srv.URL, Config{})
	s := srv.accept(t)
	receive(t, c)
	var wg sync.WaitGroup
	var waiting error
	wg.Go(func() { _, waiting = c.Receive(context.Background()) })
	wg.Go(func() {
		for {
			if _, _, err := s.ReadMessage(); err != nil {
				return
			}
		}
	})
	for range 8 {
		wg.Go(func() { _ = c.Close() })
	}
	wg.Wait()
	require.ErrorIs(t, waiting, net.ErrClosed)
	require.NoError(t, c.Close())
	_, err := c.Receive(t.Context())
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, err, net.ErrClosed)
	require.ErrorIs(t, c.Send(t.Context(), signaling.Seal{}), net.ErrClosed)
	require.False(t, c.Status().Connected)
}

// A server that neither reads nor answers holds Close up for a second and not longer.
func TestCloseIsBounded(t *testing.T) {
	for _, row := range []struct {
		name   string
		queued int
	}{{"no goodbye", 0}, {"nobody reads", 10}} {
		t.Run(row.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				p := newPipeNet()
				serve(t, p, welcome)
				c := dial(t, "ws://localhost/lobby", Config{dial: p.dial})
				for i := range row.queued {
					require.NoError(t, c.Send(t.Context(), signalTo(1, i)))
				}
				synctest.Wait()
				began := time.Now()
				require.NoError(t, c.Close())
				require.Equal(t, closeTimeout, time.Since(began))
			})
		})
	}
}
