// Package pairtest connects two nodes over a network in memory, for tests in fake time.
package pairtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	signalmemory "example.org/rtcpeer/signaling/memory"
)

// A Pair is two nodes, the first of which is the host. The network between them can be cut.
type Pair struct {
	network    *memory.Network
	transports [2]*memory.Transport
	Nodes      [2]*rtcpeer.Node
}

// New returns two nodes with config in a room of the given topology. They are closed at the end of the test.
func New(t *testing.T, topology rtcpeer.Topology, config rtcpeer.Config) *Pair {
	t.Helper()
	p := &Pair{network: memory.NewNetwork(memory.Options{Delay: 10 * time.Millisecond})}
	server := signalmemory.NewServer()
	t.Cleanup(server.Close)
	config.Topology = topology
	for i := range p.Nodes {
		join := rtcpeer.JoinMessage(config)
		join.Room = "test"
		signaler, err := server.Join(t.Context(), join)
		require.NoError(t, err)
		p.transports[i] = p.network.Transport()
		config.Transport = p.transports[i]
		p.Nodes[i], err = rtcpeer.New(t.Context(), signaler, config)
		require.NoError(t, err)
		t.Cleanup(func() { p.Nodes[i].Close() })
	}
	return p
}

// Cut drops all packets between the nodes.
func (p *Pair) Cut() { p.network.Partition(p.transports[0], p.transports[1]) }

// Heal ends a Cut.
func (p *Pair) Heal() { p.network.Heal(p.transports[0], p.transports[1]) }
