package rtcpeer_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// A closer is a transport whose paths can be closed from outside, as a browser closes those of a tab.
type closer struct {
	transport.Transport

	mu    sync.Mutex
	paths []transport.Path
}

func (c *closer) NewPath(config transport.PathConfig) (transport.Path, error) {
	p, err := c.Transport.NewPath(config)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paths = append(c.paths, p)
	return p, err
}

func (c *closer) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.paths {
		p.Close()
	}
}

// A path that the other end closes without a word is that of a program that is gone: the peer is
// disconnected at once and not after LostAfter. If the program is there after all, the two get a new link.
func TestPathClosedWithoutABye(t *testing.T) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		for _, gone := range []rtcpeer.PeerID{1, 5} {
			t.Run(fmt.Sprintf("%s/%d", topology, gone), func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					network := memory.NewNetwork(memory.Options{Delay: 10 * time.Millisecond})
					tab := &closer{Transport: network.Transport()}
					r := newRoom(topology)
					transports := map[rtcpeer.PeerID]transport.Transport{1: network.Transport(), 5: network.Transport()}
					transports[gone] = tab
					nodes := map[rtcpeer.PeerID]*rtcpeer.Node{
						1: r.join(t, 1, transports[1], rtcpeer.Config{}), 5: r.join(t, 5, transports[5], rtcpeer.Config{}),
					}
					other, vanished := nodes[6-gone], nodes[gone]
					wantEvent(t, other, rtcpeer.PeerConnected, gone)
					wantEvent(t, vanished, rtcpeer.PeerConnected, other.ID())
					start := time.Now()
					tab.closeAll()
					wantDisconnected(t, other, gone, rtcpeer.ByPeer)
					require.Less(t, time.Since(start), time.Second)
					wantEvent(t, other, rtcpeer.PeerConnected, gone)
					require.Less(t, time.Since(start), 5*time.Second)
				})
			})
		}
	}
}
