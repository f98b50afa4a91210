//go:build !js

package webrtc_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"

	piontransport "github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// Each path has sockets of its own; those of the old one send nothing any more.
func TestMoving(t *testing.T) {
	transporttest.RunMoving(t, func(t *testing.T) (a, b transport.Transport, sever func()) {
		netA, netB := newMortalNet(t), newMortalNet(t)
		return newTransport(t, netA.config()), newTransport(t, netB.config()), func() {
			netA.kill()
			netB.kill()
		}
	})
}

// mortalNet is the system's network, whose UDP sockets a test can silence.
type mortalNet struct {
	*stdnet.Net

	mu    sync.Mutex // guards the field below
	conns []*mortalConn
}

func newMortalNet(t *testing.T) *mortalNet {
	t.Helper()
	n, err := stdnet.NewNet()
	require.NoError(t, err)
	return &mortalNet{Net: n}
}

func (n *mortalNet) config() webrtc.Config {
	return webrtc.Config{Loopback: true, SettingEngine: func(e *pion.SettingEngine) { e.SetNet(n) }}
}

func (n *mortalNet) ListenUDP(network string, local *net.UDPAddr) (piontransport.UDPConn, error) {
	conn, err := n.Net.ListenUDP(network, local)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	mortal := &mortalConn{UDPConn: conn}
	n.conns = append(n.conns, mortal)
	return mortal, nil
}

// kill silences the sockets that there are.
func (n *mortalNet) kill() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		c.dead.Store(true)
	}
}

type mortalConn struct {
	piontransport.UDPConn
	dead atomic.Bool
}

func (c *mortalConn) WriteTo(p []byte, to net.Addr) (int, error) {
	if c.dead.Load() {
		return len(p), nil
	}
	return c.UDPConn.WriteTo(p, to)
}
