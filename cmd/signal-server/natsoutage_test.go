package main

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/cluster/natsnode"
	"example.org/rtcpeer/testdata/skip"
)

// NATS is away for longer than a lease: nobody is let in, with a hint when to try again, and no server is ready. Links do
// not notice. When it is back, without what was in the bucket, all is well by itself; and so it is when somebody empties
// the bucket, or deletes it. With RTCPEER_LONG=all, NATS is away for a minute more.
func TestNATSOutageAndEmptiedBucket(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	address := freeAddress(t)
	open := func() *natsnode.Node {
		n, err := natsnode.Start(natsnode.Config{Name: "n", Listen: address})
		require.NoError(t, err)
		t.Cleanup(n.Close)
		return n
	}
	n := open()
	servers := []*program{startOn(t, n.URL(), "one"), startOn(t, n.URL(), "other")}
	p := newParty("lobby")
	defer closeAll([]*party{p})
	p.enter(t, servers[0].url)
	p.enter(t, servers[1].url)
	p.meet(t)
	well := func(after string) {
		t.Helper()
		began := time.Now()
		for _, s := range servers {
			awaitFigure(t, pageOf(s)+"metrics", "cluster_away", 0)
			var w signaling.Welcome
			require.True(t, eventually(t.Context(), func() bool {
				c := call(t, s.url, nil)
				defer c.conn.Close()
				c.send(signaling.Join{Room: "lobby"})
				var joined bool
				if w, joined = c.receive().(signaling.Welcome); joined {
					c.send(signaling.Leave{})
					for _, _, err := c.conn.ReadMessage(); err == nil; _, _, err = c.conn.ReadMessage() { // until it has left
					}
				}
				return len(w.Members) == 2
			}), "%s: %d members", after, len(w.Members))
		}
		t.Log(after, time.Since(began).Round(time.Millisecond))
		p.talk(t, after)
		for _, node := range p.nodes {
			require.Equal(t, 1, node.Stats().Total.Links, after)
		}
	}
	well("at first")

	n.Close()
	for _, s := range servers {
		awaitFigure(t, pageOf(s)+"metrics", "cluster_away", 1)
		status, _ := fetch(t, pageOf(s)+"readyz")
		require.Equal(t, http.StatusServiceUnavailable, status)
		c := call(t, s.url, nil)
		c.send(signaling.Join{Room: "lobby"})
		why := c.receive().(*signaling.Error)
		require.Equal(t, signaling.CodeInternal, why.Code)
		require.Positive(t, why.RetryMillis)
	}
	p.talk(t, "without NATS")
	if skip.Everything() {
		time.Sleep(time.Minute)
		p.talk(t, "after a minute without NATS")
	}
	n = open()
	well("after NATS was away")

	js := operator(t, n)
	emptyBucket(t, js)
	well("after the bucket was emptied")
	deleteBucket(t, js)
	well("after the bucket was deleted")
}

// Somebody joins a room right after the bucket was emptied or deleted, over a server that does not know its owner. It is
// let in where the others are, and has a link to each.
func TestNewcomerAfterTheBucketIsGone(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	n, err := natsnode.Start(natsnode.Config{Name: "n", Listen: "127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(n.Close)
	servers := []*program{startOn(t, n.URL(), "one"), startOn(t, n.URL(), "other"), startOn(t, n.URL(), "third")}
	js := operator(t, n)
	var parties []*party
	t.Cleanup(func() { closeAll(parties) })
	for i := range 6 {
		p := newParty("lobby-" + strconv.Itoa(i))
		parties = append(parties, p)
		p.enter(t, servers[0].url)
		p.enter(t, servers[1].url)
		p.meet(t)
	}
	for i, p := range parties {
		if i%2 == 0 {
			deleteBucket(t, js)
		} else {
			emptyBucket(t, js)
		}
		p.enter(t, servers[2].url)
		p.meet(t)
		p.talk(t, "with a newcomer")
	}
}

// operator returns what somebody has who may do anything.
func operator(t *testing.T, n *natsnode.Node) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect(n.URL())
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	return js
}

func deleteBucket(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	require.NoError(t, js.DeleteKeyValue(t.Context(), "rtcpeer_default"))
}

func emptyBucket(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	stream, err := js.Stream(t.Context(), "KV_rtcpeer_default")
	require.NoError(t, err)
	require.NoError(t, stream.Purge(t.Context()))
}
