//go:build !js

package webrtc_test

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// The modes on a real UDP socket that loses or reorders what is written to it.
func TestModesUnderLoss(t *testing.T) {
	t.Parallel()
	faults := transporttest.Faults{Loss: true}
	transporttest.RunLossy(t, faults, pairOver(func() *impairment { return &impairment{loss: 0.2, rand: seeded()} }))
}

func TestModesUnderReordering(t *testing.T) {
	t.Parallel()
	faults := transporttest.Faults{Reorder: true}
	transporttest.RunLossy(t, faults, pairOver(func() *impairment { return &impairment{delay: 10 * time.Millisecond, rand: seeded()} }))
}

func seeded() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func pairOver(faults func() *impairment) transporttest.NewPair {
	return func(t *testing.T) (a, b transport.Transport) {
		return overSocket(t, faults(), webrtc.Config{}), overSocket(t, faults(), webrtc.Config{})
	}
}

// overSocket returns a transport whose only socket, on loopback, is impaired.
func overSocket(t *testing.T, faults *impairment, config webrtc.Config) transport.Transport {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	faults.UDPConn = conn
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: faults})
	config.Loopback, config.IPv4Only = true, true
	config.SettingEngine = func(e *pion.SettingEngine) { e.SetICEUDPMux(mux) }
	tr := newTransport(t, config)
	t.Cleanup(func() { mux.Close(); faults.pending.Wait() })
	return tr
}

// impairment is a UDP socket that loses a share of its packets, or all while it is dead, and delays each
// by a random time, so that some overtake others.
type impairment struct {
	*net.UDPConn
	loss  float64
	delay time.Duration // most

	pending sync.WaitGroup // packets that are delayed
	dead    atomic.Bool

	mu   sync.Mutex // guards the field below
	rand *rand.Rand
}

func (c *impairment) WriteTo(p []byte, addr net.Addr) (int, error) {
	c.mu.Lock()
	lost, delay := c.dead.Load() || c.rand.Float64() < c.loss, time.Duration(c.rand.Float64()*float64(c.delay))
	c.mu.Unlock()
	switch {
	case lost:
		return len(p), nil
	case delay == 0:
		return c.UDPConn.WriteTo(p, addr)
	}
	copied := append([]byte(nil), p...)
	c.pending.Add(1)
	time.AfterFunc(delay, func() {
		defer c.pending.Done()
		_, _ = c.UDPConn.WriteTo(copied, addr)
	})
	return len(p), nil
}
