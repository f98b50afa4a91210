package signalserver_test

import (
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	membus "example.org/rtcpeer/signaling/cluster/memory"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/bubble"
)

// A page asks whether its server is there while the room has no owner.
func TestPingWithoutAnOwner(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 2, signalserver.Config{})
		members := spread(t, servers, signaling.Join{Room: "r"})
		servers[1].bus.Cut(true)
		time.Sleep(10 * time.Second) // of fake time
		require.NoError(t, members[1].conn.WriteMessage(websocket.TextMessage, []byte(`{"kind":"ping"}`)))
		time.Sleep(2 * time.Second)
		rest := members[1].rest()
		require.Len(t, rest, 1)
		require.Equal(t, signaling.CodeUnknownKind, rest[0].(*signaling.Error).Code)
		servers[1].bus.Cut(false)
		time.Sleep(20 * time.Second)
		wantSignals(t, members)
	})
}
