package main

import (
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/cluster/natsnode"
	"example.org/rtcpeer/testdata/skip"
)

// Three servers that share their rooms are behind nginx, or behind Caddy, with the examples of deploy. One is killed and one
// is stopped: links do not notice, and a newcomer finds everybody.
func TestManyServersBehindProxies(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	for name, start := range proxiesHere {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, err := natsnode.Start(natsnode.Config{Name: "n", Listen: "127.0.0.1:0"})
			require.NoError(t, err)
			t.Cleanup(n.Close)
			var servers []*daemon
			var addresses []string
			for i := range 3 {
				d := launchDaemon(t, "--nats="+n.URL(), "--server-name=s"+strconv.Itoa(i), "--resume-key=0123456789abcdef", "--trusted-proxy=127.0.0.1", "--drain-delay=10s") // much more than Caddy takes to notice
				servers, addresses = append(servers, d), append(addresses, d.address())
			}
			for _, d := range servers {
				awaitFigure(t, pageOf(&d.program)+"metrics", "cluster_away", 0)
			}
			address, trust := start(t, addresses...)
			p := newParty("lobby")
			t.Cleanup(func() { closeAll([]*party{p}) })
			for range 3 {
				p.enterBy(t, "wss://"+address, trust)
			}
			p.meet(t)
			p.talk(t, "at first")
			servers[0].kill()
			p.talk(t, "when a server was killed")
			p.enterBy(t, "wss://"+address, trust)
			p.meet(t)
			require.NoError(t, servers[1].cmd.Process.Signal(syscall.SIGTERM))
			p.talk(t, "when another is stopped")
			p.enterBy(t, "wss://"+address, trust)
			p.meet(t)
			for range servers[1].log { // until its end
			}
			p.talk(t, "in the end")
			for _, node := range p.nodes {
				require.Equal(t, len(p.nodes)-1, node.Stats().Total.Links)
			}
		})
	}
}
