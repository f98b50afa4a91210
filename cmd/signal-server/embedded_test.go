//go:build nats_embedded

package main

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Three programs with a NATS node in each, and nothing else. One of them is killed, and comes back.
func TestEmbeddedNodes(t *testing.T) {
	f := &fleet{t: t}
	var peers []string
	for i := range f.servers {
		f.listens[i], f.routes[i] = freeAddress(t), freeAddress(t)
		peers = append(peers, "nats://"+f.routes[i])
	}
	launch := func(i int) {
		f.servers[i] = launchDaemon(t, "--listen="+f.listens[i], "--nats-embedded="+f.routes[i], "--nats-peers="+strings.Join(peers, ","),
			"--nats-secret=sixteen-bytes-at-least", "--server-name=s"+strconv.Itoa(i), "--resume-key=0123456789abcdef", "--max-per-address=0")
	}
	for i := range f.servers {
		launch(i)
	}
	f.ready()
	c := newManyRooms(t, f, 10)
	c.relay(t)
	f.servers[0].kill()
	t.Logf("newcomers in all rooms %v after kill -9", c.newcomers(t, 0))
	launch(0)
	f.ready()
	c.whole(t)
	c.settle(t)
	require.Empty(t, c.wrong())
	c.relay(t)
}
