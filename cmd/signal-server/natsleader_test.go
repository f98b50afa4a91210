//go:build unix

package main

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/skip"
)

// The NATS node that leads the bucket is killed, ten times. Each time the others elect another leader, and newcomers are let
// into each room.
func TestNATSLeaderKilled(t *testing.T) {
	skip.VeryLong(t) // most of it are elections of NATS
	const rounds = 10
	f := newFleet(t)
	conn, err := nats.Connect("nats://"+strings.Join(f.addresses[:], ",nats://"), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	c := newManyRooms(t, f, 6)
	for range rounds {
		led := f.leader(js)
		began := time.Now()
		f.nodes[led].kill()
		var lost bool // leases, as no other leader was elected in time
		require.True(t, eventually(t.Context(), func() bool {
			lost = lost || !f.isReady()
			now := f.leads(js)
			return lost || now >= 0 && now != led
		}))
		c.newcomers(t, -1)
		took := time.Since(began)
		t.Logf("leases lost: %v; newcomers in all rooms %v after the leader of the bucket was killed", lost, took.Round(time.Millisecond))
		require.Less(t, took, 20*time.Second, "nats-server elects within 4 to 9 s")
		f.startNode(led)
		f.ready()
		c.whole(t)
		c.settle(t)
		require.Empty(t, c.wrong())
		f.replicated(js)
	}
}

// isReady reports whether all servers are.
func (f *fleet) isReady() bool {
	for _, d := range f.servers {
		res, err := plainClient.Get("http://" + d.address() + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		if res.StatusCode != 200 {
			return false
		}
	}
	return true
}

// leader waits for a leader of the bucket, and returns which node it is.
func (f *fleet) leader(js jetstream.JetStream) (node int) {
	f.t.Helper()
	require.True(f.t, eventually(f.t.Context(), func() bool {
		node = f.leads(js)
		return node >= 0
	}))
	return node
}

// leads returns which node leads the bucket, or -1.
func (f *fleet) leads(js jetstream.JetStream) int {
	info, err := streamInfo(f.t, js)
	if err != nil || info.Cluster == nil {
		return -1
	}
	node, err := strconv.Atoi(strings.TrimPrefix(info.Cluster.Leader, "n"))
	if err != nil {
		return -1
	}
	return node
}

// replicated waits until the bucket is on all nodes.
func (f *fleet) replicated(js jetstream.JetStream) {
	f.t.Helper()
	require.True(f.t, eventually(f.t.Context(), func() bool {
		info, err := streamInfo(f.t, js)
		if err != nil || info.Cluster == nil || len(info.Cluster.Replicas) != 2 {
			return false
		}
		for _, r := range info.Cluster.Replicas {
			if !r.Current || r.Offline {
				return false
			}
		}
		return true
	}))
}

func streamInfo(t *testing.T, js jetstream.JetStream) (*jetstream.StreamInfo, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	stream, err := js.Stream(ctx, "KV_rtcpeer_default")
	if err != nil {
		return nil, err
	}
	return stream.CachedInfo(), nil
}
