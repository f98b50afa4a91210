package signalserver_test

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// Rooms that come and go, with all that can be remembered of them, leave nothing behind: neither in the figures
// nor in memory. RTCPEER_ROOMS is how many.
func TestMemoryStaysFlatUnderChurn(t *testing.T) {
	rooms := 4000
	if n, err := strconv.Atoi(os.Getenv("RTCPEER_ROOMS")); err == nil {
		rooms = n
	}
	s := serve(t, signalserver.Config{RemoteAddr: from, ConnectRate: -1, JoinRate: -1, ResumeKey: key, Recovery: -1, Grace: -1})
	const rounds, atOnce = 4, 8
	var heap [rounds + 1]uint64
	for round := range heap {
		var wg sync.WaitGroup
		for worker := range atOnce {
			wg.Go(func() {
				for i := range rooms / rounds / atOnce {
					churn(t, s, round, worker, i)
				}
			})
		}
		wg.Wait()
		s.eventually(t, "everything is gone", func(st signalserver.Stats) bool {
			return st.Sessions == 0 && st.Rooms == 0 && st.Members == 0 && st.Public == 0 && st.Buffered == 0
		})
		runtime.GC()
		runtime.GC() // pools keep what was used once more
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		heap[round] = m.HeapAlloc
	}
	t.Logf("heap in KiB after each of %d rooms: %v", rooms/rounds, [...]uint64{heap[0] >> 10, heap[1] >> 10, heap[2] >> 10, heap[3] >> 10, heap[4] >> 10})
	require.Less(t, heap[rounds], heap[1]+2<<20, "sleeping rooms and addresses have their bounds")
}

// churn is one room, and what becomes of it: it is left, or its only member is lost.
func churn(t *testing.T, s *server, round, worker, i int) {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{signaling.Subprotocol}}
	conn, res, err := d.DialContext(t.Context(), s.url, http.Header{"X-From": {fmt.Sprintf("2001:db8:%x:%x::1", worker, i%64)}})
	require.NoError(t, err)
	res.Body.Close()
	require.NoError(t, conn.WriteJSON(map[string]any{"kind": "join", "room": fmt.Sprintf("r-%d-%d-%d", round, worker, i),
		"new_room": map[string]any{"public": true, "metadata": map[string]string{"map": "desert"}}}))
	_, _, err = conn.ReadMessage()
	require.NoError(t, err)
	if i%2 == 0 {
		require.NoError(t, conn.WriteJSON(map[string]string{"kind": "leave"}))
		_, _, err = conn.ReadMessage()
		require.Error(t, err)
	}
	conn.Close()
}
