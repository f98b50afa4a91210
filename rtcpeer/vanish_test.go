package rtcpeer_test

import (
	"context"
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

// A lateControl is a transport whose paths tell the end of their last lane, which is the control lane, after that of the
// others.
type lateControl struct{ transport.Transport }

type lateControlPath struct {
	transport.Path
	control int
}

type lateLane struct{ transport.Lane }

func (c lateControl) NewPath(config transport.PathConfig) (transport.Path, error) {
	p, err := c.Transport.NewPath(config)
	return lateControlPath{p, len(config.Lanes) - 1}, err
}

func (p lateControlPath) Lane(i int) transport.Lane {
	if i == p.control {
		return lateLane{p.Path.Lane(i)}
	}
	return p.Path.Lane(i)
}

func (l lateLane) Read(b []byte) (int, error) {
	n, err := l.Lane.Read(b)
	if err != nil {
		after(50 * time.Millisecond)
	}
	return n, err
}

// The same while the two ends authenticate each other, and one end waits for the other: that is no refusal, also if the
// lane of authentication tells first that the path is closed. They try again, and are linked.
func TestPathClosedDuringAuthentication(t *testing.T) {
	says := func(ctx context.Context, peer *rtcpeer.PendingPeer) error {
		if err := slowAuth("sesame", 0)(ctx, peer); err != nil {
			return fmt.Errorf("what it says: %w", err)
		}
		return nil
	}
	late := func(ctx context.Context, peer *rtcpeer.PendingPeer) error {
		select {
		case <-time.After(2 * time.Second):
			return says(ctx, peer)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		for _, gone := range []rtcpeer.PeerID{1, 5} {
			for name, auth := range map[string]rtcpeer.AuthFunc{"says nothing": late, "does not accept": slowAuth("sesame", 2*time.Second)} {
				t.Run(fmt.Sprintf("%s/%d %s", topology, gone, name), func(t *testing.T) {
					bubble.Test(t, func(t *testing.T) {
						network := memory.NewNetwork(memory.Options{Delay: 10 * time.Millisecond})
						tab := &closer{Transport: network.Transport()}
						transports := map[rtcpeer.PeerID]transport.Transport{gone: tab, 6 - gone: lateControl{network.Transport()}}
						auths := map[rtcpeer.PeerID]rtcpeer.AuthFunc{gone: auth, 6 - gone: says}
						r := newRoom(topology)
						r.delay = func(_, _ rtcpeer.PeerID) time.Duration { return 100 * time.Millisecond }
						nodes := make(map[rtcpeer.PeerID]*rtcpeer.Node)
						for _, id := range []rtcpeer.PeerID{1, 5} {
							nodes[id] = r.join(t, id, transports[id], rtcpeer.Config{Framed: true, Auth: auths[id]})
						}
						after(time.Second)
						tab.closeAll()
						wantEvent(t, nodes[6-gone], rtcpeer.PeerConnected, gone)
						wantEvent(t, nodes[gone], rtcpeer.PeerConnected, 6-gone)
					})
				})
			}
		}
	}
}
