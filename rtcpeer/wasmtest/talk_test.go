package wasmtest

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.org/rtcpeer/rtcpeer"
)

// In a browser the runtime keeps a goroutine for the page's events.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("runtime.handleEvent"))
}

const (
	limit    = 16 << 10 // Config.MaxPacket
	patience = 30 * time.Second
)

var (
	modes = []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.UnreliableOrdered, rtcpeer.Unreliable}
	sizes = []int{1, 1 << 10, limit}
)

// talk is what each member of a room does, in a page or not: it meets the others, sends each a packet
// of every size in every mode and on a channel, and has received the same of each when it returns. It
// returns who has said that it has everything.
func talk(t *testing.T, node *rtcpeer.Node, others int) (done map[rtcpeer.PeerID]bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	done = make(map[rtcpeer.PeerID]bool)
	met, want := 0, make(map[string]bool)
	for met < others || len(want) > 0 {
		ev, err := node.Receive(ctx)
		require.NoError(t, err, "met %d of %d, waiting for %v", met, others, want)
		switch {
		case ev.Kind == rtcpeer.PeerConnected:
			met++
			t.Logf("%d met %d after %v", node.ID(), ev.Peer, time.Since(began))
			for _, p := range packets(ev.Peer) {
				p.Peer = ev.Peer
				want[name(p)] = true
			}
			sendAll(t, ctx, node, ev.Peer)
		case string(ev.Packet.Data) == "done":
			done[ev.Peer] = true
		default:
			require.Equal(t, rtcpeer.PacketReceived, ev.Kind, "%+v", ev)
			require.True(t, want[name(ev.Packet)], "unexpected %s", name(ev.Packet))
			require.Equal(t, pattern(ev.Peer, len(ev.Packet.Data)), ev.Packet.Data)
			delete(want, name(ev.Packet))
		}
	}
	for id, link := range node.Stats().Links {
		t.Logf("link of %d to %d made in %v", node.ID(), id, link.ConnectTime)
	}
	return done
}

func sendAll(t *testing.T, ctx context.Context, node *rtcpeer.Node, to rtcpeer.PeerID) {
	t.Helper()
	for _, p := range packets(node.ID()) {
		p.Peer = to
		require.NoError(t, node.Send(ctx, p))
	}
	tooLarge := rtcpeer.Packet{Peer: to, Data: make([]byte, limit+1)}
	require.ErrorIs(t, node.Send(ctx, tooLarge), rtcpeer.ErrPacketTooLarge)
}

// packets are those that each member sends to each. The last of each size is on channel 1, whose
// order with the others is free.
func packets(from rtcpeer.PeerID) []rtcpeer.Packet {
	var list []rtcpeer.Packet
	for _, size := range sizes {
		for _, mode := range modes {
			list = append(list, rtcpeer.Packet{Mode: mode, Data: pattern(from, size)})
		}
		list = append(list, rtcpeer.Packet{Channel: 1, Data: pattern(from, size)})
	}
	return list
}

func name(p rtcpeer.Packet) string {
	return fmt.Sprintf("%d bytes of %d on %d, %v", len(p.Data), p.Peer, p.Channel, p.Mode)
}

func pattern(from rtcpeer.PeerID, size int) []byte {
	return bytes.Repeat([]byte{byte(from) | 1}, size)
}

// settle waits until everybody has everything: who leaves before takes others' packets with it.
func settle(t *testing.T, node *rtcpeer.Node, others int, done map[rtcpeer.PeerID]bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, node.Send(ctx, rtcpeer.Packet{Data: []byte("done")}))
	for len(done) < others {
		ev, err := node.Receive(ctx)
		require.NoError(t, err)
		if ev.Kind == rtcpeer.PeerDisconnected && done[ev.Peer] {
			continue // it was told by all, and has left
		}
		require.Equal(t, "done", string(ev.Packet.Data), "%+v", ev)
		done[ev.Peer] = true
	}
}

// part ends the meeting: who leaves closes, and the others see it.
func part(t *testing.T, node *rtcpeer.Node, leaves bool) {
	t.Helper()
	if leaves {
		closed(t, node)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	ev, err := node.Receive(ctx)
	require.NoError(t, err)
	require.Equal(t, rtcpeer.PeerDisconnected, ev.Kind, "%+v", ev)
	require.Equal(t, rtcpeer.ByPeer, ev.Reason)
}

func closed(t *testing.T, node *rtcpeer.Node) {
	t.Helper()
	began := time.Now()
	require.NoError(t, node.Close())
	require.Less(t, time.Since(began), 3*time.Second, "Close")
	t.Logf("closed in %v", time.Since(began))
}

func config(topology rtcpeer.Topology) rtcpeer.Config {
	return rtcpeer.Config{Topology: topology, Channels: []rtcpeer.Mode{rtcpeer.Reliable}}
}

func join(t *testing.T, url string, topology rtcpeer.Topology) *rtcpeer.Node {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	node, err := rtcpeer.Join(ctx, url, config(topology))
	require.NoError(t, err)
	t.Cleanup(func() { node.Close() })
	return node
}
