package rtcpeer_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	signalmemory "example.org/rtcpeer/signaling/memory"
	"example.org/rtcpeer/signaling/signalserver"
)

// wantUpdated receives events until the metadata of a peer is as wanted.
func wantUpdated(t *testing.T, n *rtcpeer.Node, id rtcpeer.PeerID, want string) {
	t.Helper()
	for {
		ev := next(t, n)
		if ev.Kind == rtcpeer.PeerUpdated && ev.Peer == id && string(n.Metadata(id)) == want {
			return
		}
		require.NotEqual(t, rtcpeer.PeerDisconnected, ev.Kind)
	}
}

func TestSetMetadata(t *testing.T) {
	t.Parallel()
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		t.Run(string(topology), func(t *testing.T) {
			s := startServer(t, signalserver.Config{ResumeKey: []byte("0123456789abcdef"), Recovery: -1})
			host := join(t, s.url("r"), rtcpeer.Config{Topology: topology, Metadata: json.RawMessage(`{"name":"Hal"}`)})
			guest := join(t, s.url("r"), rtcpeer.Config{})
			require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
			require.Equal(t, rtcpeer.PeerConnected, next(t, guest).Kind)
			require.JSONEq(t, `{"name":"Hal"}`, string(host.Metadata(host.ID())))
			require.Nil(t, host.Metadata(guest.ID()))

			require.NoError(t, guest.SetMetadata(t.Context(), json.RawMessage(`{"name":"Ann"}`)))
			wantUpdated(t, host, guest.ID(), `{"name":"Ann"}`)
			wantUpdated(t, guest, guest.ID(), `{"name":"Ann"}`)
			require.NoError(t, host.SetMetadata(t.Context(), nil))
			wantUpdated(t, guest, host.ID(), ``)
			wantUpdated(t, host, host.ID(), ``)

			s.stop() // what is changed meanwhile is seen when the server is back
			require.NoError(t, guest.SetMetadata(t.Context(), json.RawMessage(`{"name":"Bea"}`)))
			s.start(t)
			wantUpdated(t, host, guest.ID(), `{"name":"Bea"}`)
			late := join(t, s.url("r"), rtcpeer.Config{})
			require.Equal(t, rtcpeer.PeerConnected, next(t, late).Kind)
			if topology == rtcpeer.Mesh {
				require.Equal(t, `{"name":"Bea"}`, string(late.Metadata(guest.ID())))
			}
			require.Nil(t, late.Metadata(1<<30))
		})
	}
}

func TestSetMetadataErrors(t *testing.T) {
	server := signalmemory.NewServer()
	t.Cleanup(server.Close)
	client, err := server.Join(t.Context(), rtcpeer.JoinMessage(rtcpeer.Config{}))
	require.NoError(t, err)
	n, err := rtcpeer.New(t.Context(), client, rtcpeer.Config{})
	require.NoError(t, err)
	require.ErrorContains(t, n.SetMetadata(t.Context(), json.RawMessage(`{`)), "metadata")
	require.ErrorContains(t, n.SetMetadata(t.Context(), json.RawMessage(`"`+strings.Repeat("x", 1024)+`"`)), "at most 1024")
	require.NoError(t, n.Close())
	require.ErrorIs(t, n.SetMetadata(t.Context(), nil), rtcpeer.ErrClosed)
}

// The last of many changes is seen also where the server in memory tells it later.
func TestSetMetadataOften(t *testing.T) {
	t.Parallel()
	server := signalmemory.NewServer()
	t.Cleanup(server.Close)
	var nodes []*rtcpeer.Node
	for range 2 {
		message := rtcpeer.JoinMessage(rtcpeer.Config{})
		message.Room = "r"
		client, err := server.Join(t.Context(), message)
		require.NoError(t, err)
		n, err := rtcpeer.New(t.Context(), client, rtcpeer.Config{})
		require.NoError(t, err)
		t.Cleanup(func() { n.Close() })
		nodes = append(nodes, n)
	}
	require.Equal(t, rtcpeer.PeerConnected, next(t, nodes[0]).Kind)
	for i := range 50 {
		require.NoError(t, nodes[1].SetMetadata(t.Context(), fmt.Append(nil, i)))
	}
	began := time.Now()
	wantUpdated(t, nodes[0], nodes[1].ID(), "49")
	require.Less(t, time.Since(began), time.Minute)
}
