package signalserver_test

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// A frame counts for the rate by what it costs, so that large ones cannot take more of the processors than small ones:
// 40 of some 60 KiB count as 600, and wait as 600 do.
func TestLargeFramesCountMore(t *testing.T) {
	within(t, signalserver.Config{MessageRate: 100, MessageBurst: 100}, func(t *testing.T, s *server) {
		host, a := pair(t, s, signaling.Mesh)
		began := time.Now()
		large := `"` + string(bytes.Repeat([]byte("x"), 60_000)) + `"`
		for range 40 {
			a.signal(1, large)
		}
		for range 40 {
			host.wantSignal(a, large)
		}
		require.InDelta(t, 5, time.Since(began).Seconds(), 0.3)
		synctest.Wait()
	})
}

// fragments are the bytes of a message of n frames with one byte each, as a client sends them.
func fragments(text string, n int) []byte {
	var b []byte
	for i := range n {
		first, content := byte(0), byte(' ')
		if i == 0 {
			first = 1 // text
		}
		if i < len(text) {
			content = text[i]
		}
		if i == n-1 {
			first |= 0x80 // the last one
		}
		b = append(b, first, 0x81, 0, 0, 0, 0, content)
	}
	return b
}

// A message may come in many fragments, but not in any number: to tell them apart costs more than what is in them.
func TestFragments(t *testing.T) {
	t.Parallel()
	for n, taken := range map[int]bool{100: true, 1000: true, 1100: false, 20_000: false} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			s := serve(t, signalserver.Config{})
			c := s.client(t)
			_, err := c.conn.NetConn().Write(fragments(`{"kind":"list"}`, n))
			require.NoError(t, err)
			if taken {
				require.IsType(t, signaling.Rooms{}, c.receive())
				return
			}
			require.Contains(t, c.wantError(signaling.CodeTooLarge).Text, "1024 pieces")
			s.eventually(t, "it has ended", func(st signalserver.Stats) bool { return st.Sessions == 0 })
		})
	}
}
