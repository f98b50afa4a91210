package signalserver_test

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/skip"
)

func TestShutdownTellsEverybody(t *testing.T) {
	s := serve(t, signalserver.Config{})
	host, a := pair(t, s, signaling.Star)
	before := s.client(t)
	lost := s.member(t, signaling.Join{Room: "other"})
	s.eventually(t, "all have begun", func(st signalserver.Stats) bool { return st.Sessions == 4 })
	lost.vanish()
	s.eventually(t, "one is lost", func(st signalserver.Stats) bool { return st.Sessions == 3 })

	var calls sync.WaitGroup
	for range 3 {
		calls.Go(func() { shutDown(t, s.Server) })
	}
	for _, c := range []*client{host, a, before} {
		c.wantRefused(signaling.CodeShuttingDown)
	}
	calls.Wait()
	shutDown(t, s.Server)
	st := s.Stats()
	require.Zero(t, st.Sessions)
	require.Zero(t, st.Rooms)
	require.Zero(t, st.Members)

	res, _ := get(t, s, upgrade("Sec-WebSocket-Protocol", "rtcpeer.v1"))
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.Equal(t, "5", res.Header.Get("Retry-After"))
}

func TestShutdownDoesNotWaitForSlowReaders(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		for range 3 {
			conn := s.connect(t)
			defer conn.Close()
			require.NoError(t, conn.WriteJSON(map[string]string{"kind": "join", "room": "r"}))
		}
		synctest.Wait()
		began := time.Now()
		shutDown(t, s.Server)
		require.LessOrEqual(t, time.Since(began), 2*time.Second)
		require.Zero(t, s.Stats().Sessions)
	})
}

func TestShutdownIsCutShortByItsContext(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		conn := s.connect(t)
		defer conn.Close()
		require.NoError(t, conn.WriteJSON(map[string]string{"kind": "join", "room": "r"}))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := s.Shutdown(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualError(t, err, "signalserver: shutdown cut short: context deadline exceeded")
		require.Equal(t, time.Second, time.Since(began))
		require.Zero(t, s.Stats().Sessions)
	})
}

// A reader that never reads, on TCP, with so much on its way that the kernel takes no more.
func TestShutdownWithFullSocket(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	s := serve(t, signalserver.Config{MessageRate: -1, OutboxFrames: 1 << 20, OutboxBytes: 1 << 30})
	host := s.member(t, signaling.Join{Room: "r"})
	conn := s.connect(t)
	defer conn.Close()
	require.NoError(t, conn.WriteJSON(map[string]string{"kind": "join", "room": "r"}))
	joined := host.receive().(signaling.Joined)
	data := `"` + string(make1K(60_000, 'x')) + `"`
	for range 200 {
		host.signal(joined.Member.ID, data)
	}
	host.wantNothing()
	began := time.Now()
	shutDown(t, s.Server)
	require.Less(t, time.Since(began), 10*time.Second)
	_, err := io.Copy(io.Discard, conn.NetConn())
	t.Log("the reader, at last:", err)
}

func TestPeerThatClosesIsAnswered(t *testing.T) {
	s := serve(t, signalserver.Config{})
	a := s.member(t, signaling.Join{Room: "r"})
	require.NoError(t, a.conn.WriteControl(websocket.CloseMessage,
		websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(patience)))
	a.wantClosed(websocket.CloseNormalClosure, "")
	s.eventually(t, "the session ends", func(st signalserver.Stats) bool { return st.Sessions == 0 })
	require.Equal(t, 1, s.Stats().Members, "only leave gives up the place")
}
