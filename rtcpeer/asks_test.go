package rtcpeer_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// A host kicks a member while the server restarts. The member is removed, whichever of the two is back first.
func TestKickDuringServerRestart(t *testing.T) {
	for _, first := range []rtcpeer.PeerID{1, 5} {
		t.Run(fmt.Sprintf("%d is back first", first), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Star, memory.Options{})
				w.room.term = 1
				w.join(rtcpeer.Config{}, 1, 5)
				sessions := map[rtcpeer.PeerID]*session{1: w.room.sessionOf(1), 5: w.room.sessionOf(5)}
				w.room.restart()
				require.NoError(t, w.nodes[1].Kick(t.Context(), 5, "be nice"))
				w.room.restore(sessions[first])
				after(100 * time.Millisecond)
				w.room.restore(sessions[6-first])
				after(time.Second)
				require.Empty(t, w.nodes[1].Members())
			})
		})
	}
}

// The answer to the first of two changes of the metadata does not stand for the second one, which went into a dead connection.
func TestSecondMetadataOutlivesDeadConnection(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Star, memory.Options{}).join(rtcpeer.Config{}, 1, 5)
		s := w.room.sessionOf(1)
		require.NoError(t, w.nodes[1].SetMetadata(t.Context(), []byte(`"a"`)))
		w.room.cut(s)
		require.NoError(t, w.nodes[1].SetMetadata(t.Context(), []byte(`"b"`)))
		synctest.Wait()
		w.room.notice(s)
		w.room.restore(s)
		synctest.Wait()
		require.JSONEq(t, `"b"`, string(w.nodes[1].Metadata(1)))
		require.JSONEq(t, `"b"`, string(w.nodes[5].Metadata(1)))
	})
}

// A guest that refuses new links loses its host, and gets it back when the path is there again.
func TestRefusingGuestLinksItsHostAgain(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Star, memory.Options{Delay: 20 * time.Millisecond}).join(rtcpeer.Config{LostAfter: 4 * time.Second}, 1, 5)
		w.nodes[5].SetRefuse(true)
		w.partition(1, 5)
		after(time.Minute)
		require.Empty(t, w.nodes[5].Peers())
		w.heal(1, 5)
		after(time.Minute)
		require.Equal(t, []rtcpeer.PeerID{1}, w.nodes[5].Peers())
	})
}
