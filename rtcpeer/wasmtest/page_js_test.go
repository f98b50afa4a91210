package wasmtest

import (
	"os"
	"strconv"
	"syscall/js"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling/signalclient"
)

// The tests here are the page's half of those in rooms_test.go, which says in the environment what
// they are to do.

func TestMember(t *testing.T) {
	others, err := strconv.Atoi(os.Getenv("OTHERS"))
	require.NoError(t, err)
	node := join(t, os.Getenv("URL"), rtcpeer.Topology(os.Getenv("TOPOLOGY")))
	talk(t, node, others)
	leaves := os.Getenv("LEAVES") == "true"
	if leaves && (node.Topology() == rtcpeer.Mesh || node.ID() == node.Host()) {
		require.Eventually(t, func() bool { return paths(node) == others }, patience, 10*time.Millisecond, "Stats know each path")
	}
	part(t, node, leaves)
}

func TestReload(t *testing.T) {
	node := join(t, os.Getenv("URL"), rtcpeer.Mesh)
	_, err := node.Receive(t.Context()) // connected
	require.NoError(t, err)
	js.Global().Get("location").Call("reload")
	select {}
}

func TestResumes(t *testing.T) {
	node := join(t, os.Getenv("URL"), rtcpeer.Mesh)
	_, err := node.Receive(t.Context()) // connected
	require.NoError(t, err)
	require.Eventually(t, func() bool { return node.Stats().Resumed == 1 }, patience, 10*time.Millisecond)
	require.NoError(t, node.Send(t.Context(), rtcpeer.Packet{Data: []byte("resumed")}))
	closed(t, node)
}

// paths returns for how many links the browser has told the path and its round trip.
func paths(node *rtcpeer.Node) (known int) {
	for _, l := range node.Stats().Links {
		if l.Local != "" && l.Remote != "" && l.RTT > 0 && l.BytesSent > 0 {
			known++
		}
	}
	return known
}

func TestJoinRefused(t *testing.T) {
	for _, row := range []struct {
		name, url, want string
		retry           bool
	}{
		{"nobody there", "ws://127.0.0.1:1/lobby", "is signal-server running there?", true},
		{"not a WebSocket", os.Getenv("PAGE") + "/lobby", "closed with 1006", true},
		{"user name", "ws://user:secret@127.0.0.1:1/lobby", "a browser sends no user name", false},
		{"another topology", os.Getenv("URL"), "topology_mismatch", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := rtcpeer.Join(t.Context(), row.url, config(rtcpeer.Star))
			require.ErrorContains(t, err, row.want)
			require.NotContains(t, err.Error(), "secret")
			require.Equal(t, row.retry, signalclient.Retry(err))
			t.Log(err)
		})
	}
}
