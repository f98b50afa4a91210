//go:build unix

package rtcpeer_test

import (
	"context"
	"strconv"
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
	t.Parallel()
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
// Each of these figures is of a link: of both its ends. It also reports how long the mesh took to become complete, and
// how often an end was interrupted until the end. An operation is nothing. A mesh of 110 needs 12,000 open files, and has
// more paths than two CPUs check.
func BenchmarkMesh(b *testing.B) {
	const settle, watched = 10 * time.Second, 20 * time.Second
	for _, size := range []int{40, 110} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			m := joinMesh(b, size)
			links := float64(size * (size - 1) / 2)
			m.watch(b, settle) // what the making has left
			before := processTime(b)
			m.watch(b, watched)
			kept := processTime(b) - before
			interruptions := 0
			for _, n := range m.nodes {
				require.Zero(b, n.disconnected, "node %d", n.ID())
				interruptions += n.interrupted
			}
			for b.Loop() {
			}
			b.ReportMetric(float64(kept.Microseconds())/links/watched.Seconds(), "µs/s-to-keep")
			b.ReportMetric(float64(m.used.Microseconds())/links, "µs-to-make")
			b.ReportMetric(m.took.Seconds(), "s-to-complete")
			b.ReportMetric(float64(interruptions), "interruptions")
		})
	}
}

type mesh struct {
	nodes []*meshNode
	used  time.Duration // of CPU, until the mesh was complete
	took  time.Duration // likewise
}

// A meshNode is a node, and what its program has heard.
type meshNode struct {
	*rtcpeer.Node
	connected, disconnected, interrupted, packets int
}

// joinMesh joins size nodes to a room, and waits until each is connected with each other.
func joinMesh(t testing.TB, size int) *mesh {
	used, began := processTime(t), time.Now()
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
	m.used, m.took = processTime(t)-used, time.Since(began)
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
	case rtcpeer.PeerInterrupted:
		n.interrupted++
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
