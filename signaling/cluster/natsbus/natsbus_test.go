package natsbus_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
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
	n, err := natsnode.Start(natsnode.Config{
		Name: "n0", Listen: "127.0.0.1:0", Route: freeAddress(t), Peers: []string{"nats://127.0.0.1:1", "nats://127.0.0.1:2"},
	})
	require.NoError(t, err)
	t.Cleanup(n.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.ErrorContains(t, open(t, n.URL()).Watch(ctx, "lease.", func(string, []byte) {}), "no answer from NATS")
	require.NoError(t, ctx.Err(), "it waited too long")
}

// freeAddress returns an address on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// Two NATS nodes cannot hold the bucket. The operator is told how many can.
func TestClusterOfTwoNodes(t *testing.T) {
	t.Parallel()
	routes := []string{freeAddress(t), freeAddress(t)}
	var url string
	for i, route := range routes {
		n, err := natsnode.Start(natsnode.Config{
			Name: fmt.Sprint("n", i), Listen: "127.0.0.1:0", Route: route, Peers: []string{"nats://" + routes[0], "nats://" + routes[1]},
		})
		require.NoError(t, err)
		t.Cleanup(n.Close)
		url = n.URL()
	}
	b := open(t, url)
	var err error
	require.Eventually(t, func() bool { // the nodes elect a leader first
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err = b.Check(ctx)
		return err != nil && !errors.Is(err, context.DeadlineExceeded)
	}, time.Minute, 100*time.Millisecond)
	require.ErrorContains(t, err, "want three NATS nodes that run, or one that is not in a cluster")
}

// A NATS node falls silent, as when a firewall drops all packets: nothing of the bus waits for the minute that its client
// gives a write by default. When the node is there again, so is the bus.
func TestNodeThatFallsSilent(t *testing.T) {
	t.Parallel()
	p := newProxy(t, strings.TrimPrefix(node(t).URL(), "nats://"))
	b := open(t, "nats://"+p.Addr().String())
	revision, err := b.Create(t.Context(), "lease.a", []byte("1"), 0)
	require.NoError(t, err)
	p.silence.Lock()
	began := time.Now()
	var wg sync.WaitGroup
	wg.Go(func() {
		data := make([]byte, 64<<10)
		for range 300 {
			_ = b.Publish("server.a", data)
		}
	})
	wg.Go(func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _ = b.Update(ctx, "lease.a", []byte("2"), revision, 0)
	})
	wg.Wait()
	took := time.Since(began)
	p.silence.Unlock()
	require.Less(t, took, 30*time.Second)
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err := b.Get(ctx, "lease.a")
		return err == nil
	}, time.Minute, 100*time.Millisecond)
}

// A proxy passes on what comes over its connections, until somebody locks silence.
type proxy struct {
	net.Listener
	silence sync.RWMutex
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{Listener: listener}
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(wg.Wait)
	t.Cleanup(cancel)
	t.Cleanup(func() { _ = listener.Close() })
	wg.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { _ = from.Close() })
			there, err := net.Dial("tcp", to)
			if err != nil {
				stop()
				_ = from.Close()
				continue
			}
			_ = from.(*net.TCPConn).SetReadBuffer(64 << 10)
			for _, way := range [][2]net.Conn{{from, there}, {there, from}} {
				wg.Go(func() {
					defer way[0].Close()
					defer way[1].Close()
					p.pass(way[0], way[1])
				})
			}
		}
	})
	return p
}

// pass copies what comes from a connection, and reads nothing while it is silent.
func (p *proxy) pass(from io.Reader, to io.Writer) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		p.silence.RLock()
		_, wrong := to.Write(buffer[:n])
		p.silence.RUnlock()
		if err != nil || wrong != nil {
			return
		}
	}
}
