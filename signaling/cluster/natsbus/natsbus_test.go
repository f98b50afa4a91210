package natsbus_test

import (
	"context"
	"testing"
	"time"

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
