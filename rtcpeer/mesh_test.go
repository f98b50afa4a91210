//go:build unix

package rtcpeer_test

import (
	"context"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// Meshes of many nodes in one process, over WebRTC and a real signaling server.

// A mesh becomes complete, stays complete while nobody sends, and then carries what each sends to all.
func TestMeshInOneProcess(t *testing.T) {
	const size, idle = 12, 5 * time.Second
	m := joinMesh(t, size)
	m.watch(t, idle)
	for _, n := range m.nodes {
		require.NoError(t, n.Send(t.Context(), rtcpeer.Packet{Peer: rtcpeer.Broadcast, Mode: rtcpeer.Reliable, Data: []byte("all")}))
	}
	for _, n := range m.nodes {
		n.until(t, func() bool { return n.packets == size-1 })
		require.Zero(t, n.disconnected, "node %d", n.ID())
		require.Len(t, n.Peers(), size-1)
	}
}

// BenchmarkMesh reports the CPU that a process takes to make the links of a mesh, and to keep them while nobody sends.
// Each figure is of a link: of both its ends. An operation is nothing.
func BenchmarkMesh(b *testing.B) {
	const settle, watched = 10 * time.Second, 20 * time.Second
	m := joinMesh(b, 40)
	links := float64(len(m.nodes) * (len(m.nodes) - 1) / 2)
	<-time.After(settle) // what the making has left
	before := processTime(b)
	<-time.After(watched)
	b.ReportMetric(float64((processTime(b)-before).Microseconds())/links/watched.Seconds(), "µs/s-to-keep")
	b.ReportMetric(float64(m.used.Microseconds())/links, "µs-to-make")
	for b.Loop() {
	}
}

type mesh struct {
	nodes []*meshNode
	used  time.Duration // of CPU, until the mesh was complete
}

// A meshNode is a node, and what its program has heard.
type meshNode struct {
	*rtcpeer.Node
	connected, disconnected, packets int
}

// joinMesh joins size nodes to a room, and waits until each is connected with each other.
func joinMesh(t testing.TB, size int) *mesh {
	used := processTime(t)
	url := signalServer(t) + "/mesh"
	m := &mesh{}
	t.Cleanup(func() {
		var closing sync.WaitGroup
		for _, n := range m.nodes {
			closing.Go(func() { n.Close() })
		}
		closing.Wait()
	})
	for range size {
		// With IPv4 alone each end of a link has one socket. Systems limit them.
		tr, err := webrtc.New(webrtc.Config{IPv4Only: true})
		require.NoError(t, err)
		t.Cleanup(func() { tr.Close() })
		n, err := rtcpeer.Join(t.Context(), url, rtcpeer.Config{Transport: tr})
		require.NoError(t, err)
		m.nodes = append(m.nodes, &meshNode{Node: n})
	}
	for _, n := range m.nodes {
		n.until(t, func() bool { return n.connected == size-1 })
	}
	m.used = processTime(t) - used
	return m
}

// until takes what the node's program hears until done.
func (n *meshNode) until(t testing.TB, done func() bool) {
	for !done() {
		ev, err := n.Receive(t.Context())
		require.NoError(t, err)
		n.hear(ev)
	}
}

func (n *meshNode) hear(ev rtcpeer.Event) {
	switch ev.Kind {
	case rtcpeer.PeerConnected:
		n.connected++
	case rtcpeer.PeerDisconnected:
		n.connected--
		n.disconnected++
	case rtcpeer.PacketReceived:
		n.packets++
	}
}

// watch takes what all nodes hear for a time.
func (m *mesh) watch(t testing.TB, d time.Duration) {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var watching sync.WaitGroup
	for _, n := range m.nodes {
		watching.Go(func() {
			for ev, err := range n.Events(ctx) {
				if err != nil {
					return // the time is over
				}
				n.hear(ev)
			}
		})
	}
	watching.Wait()
}

// processTime returns the CPU time that this process has used.
func processTime(t testing.TB) time.Duration {
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
