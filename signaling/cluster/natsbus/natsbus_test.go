package natsbus_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/cluster"
	"example.org/rtcpeer/signaling/cluster/bustest"
	"example.org/rtcpeer/signaling/cluster/natsbus"
	"example.org/rtcpeer/signaling/cluster/natsnode"
)

func node(t *testing.T) *natsnode.Node {
	t.Helper()
	n, err := natsnode.Start(natsnode.Config{Name: "n", Listen: "127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(n.Close)
	return n
}

func open(t *testing.T, url string) *natsbus.Bus {
	t.Helper()
	b, err := natsbus.Open(natsbus.Config{URLs: []string{url}, Name: "test", Server: t.Name()})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return b
}

func TestBus(t *testing.T) {
	t.Parallel()
	bustest.Run(t, func(t *testing.T) func() cluster.Bus {
		n := node(t)
		return func() cluster.Bus { return open(t, n.URL()) }
	})
}

func TestCheck(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	good, err := open(t, node(t).URL()).Check(ctx)
	require.NoError(t, err)
	require.Len(t, good, 3)
}

func TestCheckSaysThatNobodyAnswers(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := open(t, "nats://127.0.0.1:1").Check(ctx)
	require.ErrorContains(t, err, "nats://127.0.0.1:1 does not answer")
}

func TestErrorsWithoutAConnectionSaySo(t *testing.T) {
	b := open(t, "nats://127.0.0.1:1")
	_, err := b.Create(t.Context(), "lease.a", nil, 0)
	require.EqualError(t, err, "natsbus: bucket rtcpeer_test: not connected to NATS")
	require.EqualError(t, b.Publish("server.a", nil), "not connected to NATS")
}

// Somebody deletes the bucket. The next one begins with later revisions, and watches know of it.
func TestBucketIsDeleted(t *testing.T) {
	t.Parallel()
	n := node(t)
	b, ctx := open(t, n.URL()), t.Context()
	conn, err := nats.Connect(n.URL())
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	last, err := b.Create(ctx, "room.a", []byte("1"), 0)
	require.NoError(t, err)
	for range 3 {
		ended := make(chan error, 1)
		begun := make(chan struct{})
		go func() {
			ended <- b.Watch(ctx, "lease.", func(string, []byte) { close(begun) })
		}()
		<-begun
		require.NoError(t, js.DeleteKeyValue(ctx, "rtcpeer_test"))
		_, err = b.Update(ctx, "room.a", []byte("2"), last, 0)
		require.Error(t, err)
		require.Error(t, <-ended)
		_, _, err = b.Get(ctx, "room.a")
		require.ErrorIs(t, err, cluster.ErrNoKey)
		next, err := b.Create(ctx, "room.a", []byte("3"), 0)
		require.NoError(t, err)
		require.Greater(t, next, last)
		last = next
	}
}

// While NATS does not answer, as two of its three nodes are not there, a watch ends long before it begins anew by itself,
// so that the next one finds NATS as soon as it is there.
func TestWatchOfNATSThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, free.Close())
	n, err := natsnode.Start(natsnode.Config{
		Name: "n0", Listen: "127.0.0.1:0", Route: free.Addr().String(), Peers: []string{"nats://127.0.0.1:1", "nats://127.0.0.1:2"},
	})
	require.NoError(t, err)
	t.Cleanup(n.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.ErrorContains(t, open(t, n.URL()).Watch(ctx, "lease.", func(string, []byte) {}), "no answer from NATS")
	require.NoError(t, ctx.Err(), "it waited too long")
}
