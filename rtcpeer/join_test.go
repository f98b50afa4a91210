package rtcpeer_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalclient"
	"example.org/rtcpeer/signaling/signalserver"
)

// server is a signaling server on a real port, which can be stopped and started again there.
type server struct {
	config  signalserver.Config
	address string
	stop    func()
}

func startServer(t *testing.T, config signalserver.Config) *server {
	t.Helper()
	s := &server{config: config, address: "127.0.0.1:0"}
	s.start(t)
	t.Cleanup(func() { s.stop() })
	return s
}

func (s *server) start(t *testing.T) {
	t.Helper()
	handler, err := signalserver.New(s.config)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", s.address)
	require.NoError(t, err)
	s.address = listener.Addr().String()
	web := &http.Server{Handler: handler}
	var serving sync.WaitGroup
	serving.Go(func() { web.Serve(listener) })
	s.stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		web.Close()
		handler.Shutdown(ctx)
		serving.Wait()
	})
}

func (s *server) url(room string) string { return "ws://" + s.address + "/" + room }

func join(t *testing.T, url string, config rtcpeer.Config) *rtcpeer.Node {
	t.Helper()
	n, err := rtcpeer.Join(t.Context(), url, config)
	require.NoError(t, err)
	t.Cleanup(func() { n.Close() })
	return n
}

func TestJoin(t *testing.T) {
	s := startServer(t, signalserver.Config{})
	host := join(t, s.url(""), rtcpeer.Config{Topology: rtcpeer.Star, Metadata: []byte(`{"name":"host"}`)})
	require.NotEmpty(t, host.Room(), "no room in the URL makes a new one")
	require.Equal(t, rtcpeer.Server, host.ID())
	require.Equal(t, rtcpeer.ConnectionConnected, host.Status())

	guest := join(t, s.url(host.Room()), rtcpeer.Config{})
	require.Equal(t, rtcpeer.Star, guest.Topology(), "the room has its topology")
	require.Equal(t, host.ID(), guest.Host())
	require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
	require.Equal(t, rtcpeer.PeerConnected, next(t, guest).Kind)
	require.Equal(t, rtcpeer.ConnectionConnected, guest.Status())
	require.NoError(t, guest.Send(t.Context(), rtcpeer.Packet{Peer: rtcpeer.Server, Data: []byte("hi")}))
	wantPacket(t, host, guest.ID(), 0, rtcpeer.Reliable, "hi")

	require.JSONEq(t, `{"name":"host"}`, string(guest.Metadata(1)))
	require.Nil(t, host.Metadata(guest.ID()))

	link := host.Stats().Links[guest.ID()]
	require.Equal(t, "host", link.Local)
	require.Positive(t, link.ConnectTime)
	require.EqualValues(t, 1, link.Lanes[0].Received)

	require.ErrorIs(t, guest.Seal(t.Context()), rtcpeer.ErrNotHost)
	require.NoError(t, host.Seal(t.Context()))
	require.True(t, host.Sealed())
	_, err := rtcpeer.Join(t.Context(), s.url(host.Room()), rtcpeer.Config{})
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeSealed})
	require.False(t, signalclient.Retry(err))
}

func TestJoinRefused(t *testing.T) {
	s := startServer(t, signalserver.Config{MaxMembers: 1})
	join(t, s.url("mesh"), rtcpeer.Config{})
	tests := []struct {
		name   string
		url    string
		config rtcpeer.Config
		want   string
	}{
		{"another topology", s.url("mesh"), rtcpeer.Config{Topology: rtcpeer.Star}, "topology_mismatch"},
		{"full", s.url("mesh"), rtcpeer.Config{}, "room_full"},
		{"room name", s.url("a%20b"), rtcpeer.Config{}, `room name "a b": only letters, digits, - and _`},
		{"no scheme", "localhost:9080", rtcpeer.Config{}, "want ws://host:port/room"},
		{"not a server", "ws://127.0.0.1:1/room", rtcpeer.Config{}, "is signal-server running there?"},
		{"metadata", s.url("new"), rtcpeer.Config{Metadata: []byte(`"` + strings.Repeat("x", 2000) + `"`)}, "Config.Metadata has 2002 bytes: want at most 1024"},
		{"metadata that is no JSON", s.url("new"), rtcpeer.Config{Metadata: []byte("{")}, "JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := rtcpeer.Join(t.Context(), tt.url, tt.config)
			require.ErrorContains(t, err, tt.want)
		})
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(context.Canceled)
	_, err := rtcpeer.Join(ctx, s.url("x"), rtcpeer.Config{})
	require.ErrorIs(t, err, context.Canceled)
}

// Links do not depend on the signaling server: they work while it is stopped. When it runs again, the nodes come back with
// their ids, and the host seals the room again.
func TestLinksOutliveServerRestart(t *testing.T) {
	t.Parallel()
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		t.Run(string(topology), func(t *testing.T) {
			s := startServer(t, signalserver.Config{ResumeKey: []byte("a key that outlives the process")})
			fast := rtcpeer.Config{Topology: topology, Signaling: signalclient.Config{BackoffMin: 10 * time.Millisecond, BackoffMax: 50 * time.Millisecond}}
			a := join(t, s.url(""), fast)
			b := join(t, s.url(a.Room()), fast)
			require.Equal(t, rtcpeer.PeerConnected, next(t, a).Kind)
			require.Equal(t, rtcpeer.PeerConnected, next(t, b).Kind)
			require.NoError(t, a.Seal(t.Context()))

			s.stop()
			require.NoError(t, b.Send(t.Context(), rtcpeer.Packet{Data: []byte("without a server")}))
			wantPacket(t, a, b.ID(), 0, rtcpeer.Reliable, "without a server")

			s.start(t)
			require.Eventually(t, func() bool { return a.Stats().Resumed == 1 && b.Stats().Resumed == 1 },
				20*time.Second, 10*time.Millisecond, "both come back with their ids")
			require.Eventually(t, func() bool { return sealed(s.url(a.Room())) },
				20*time.Second, 10*time.Millisecond, "the host seals the room again")
			require.NoError(t, a.Send(t.Context(), rtcpeer.Packet{Peer: b.ID(), Data: []byte("the same link")}))
			wantPacket(t, b, a.ID(), 0, rtcpeer.Reliable, "the same link")
			require.True(t, a.Stats().Signaling)
		})
	}
}

func sealed(url string) bool {
	n, err := rtcpeer.Join(context.Background(), url, rtcpeer.Config{})
	if err != nil {
		return errors.Is(err, &signaling.Error{Code: signaling.CodeSealed})
	}
	n.Close()
	return false
}

// Many goroutines close many nodes at once, while they connect.
func TestCloseWhileJoining(t *testing.T) {
	s := startServer(t, signalserver.Config{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			n, err := rtcpeer.Join(t.Context(), s.url("busy"), rtcpeer.Config{})
			if err != nil {
				t.Error(err)
				return
			}
			for range 3 {
				all.Go(func() { n.Close() })
			}
		})
	}
	all.Wait()
}
