package wasmtest

import (
	"bytes"
	"context"
	"errors"
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
// of every size in every mode and on a channel, and returns when all have received all. What may be
// lost is sent again while nothing comes.
func talk(t *testing.T, node *rtcpeer.Node, others int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	met, want, done := 0, make(map[string]bool), make(map[rtcpeer.PeerID]bool)
	for said := false; !said || len(done) < others; {
		if !said && met == others && len(want) == 0 {
			require.NoError(t, node.Send(ctx, rtcpeer.Packet{Data: []byte("done")}))
			said = true
			continue
		}
		ev, err := receive(ctx, node)
		if errors.Is(err, errQuiet) {
			t.Logf("%d: nothing came; waiting for %v, done %v, dropped %v", node.ID(), want, done, node.Stats().Dropped)
			sendAgain(t, ctx, node)
			continue
		}
		require.NoError(t, err, "met %d of %d, waiting for %v, done %v", met, others, want, done)
		switch {
		case ev.Kind == rtcpeer.PeerConnected:
			met++
			t.Logf("%d met %d after %v", node.ID(), ev.Peer, time.Since(began))
			for _, p := range packets(ev.Peer) {
				p.Peer = ev.Peer
				want[name(p)] = true
			}
			sendAll(t, ctx, node, ev.Peer)
		case ev.Kind == rtcpeer.PeerDisconnected:
			require.True(t, done[ev.Peer], "%d left before it had everything", ev.Peer)
		case string(ev.Packet.Data) == "done":
			done[ev.Peer] = true
		default:
			require.Equal(t, pattern(ev.Peer, len(ev.Packet.Data)), ev.Packet.Data)
			require.True(t, want[name(ev.Packet)] || ev.Packet.Mode != rtcpeer.Reliable, "twice: %s", name(ev.Packet))
			delete(want, name(ev.Packet))
		}
	}
	for id, link := range node.Stats().Links {
		t.Logf("link of %d to %d made in %v, %s to %s", node.ID(), id, link.ConnectTime, link.Local, link.Remote)
	}
}

var errQuiet = errors.New("nothing came")

// receive gives up after a moment, with errQuiet.
func receive(ctx context.Context, node *rtcpeer.Node) (rtcpeer.Event, error) {
	moment, cancel := context.WithTimeoutCause(ctx, 300*time.Millisecond, errQuiet)
	defer cancel()
	return node.Receive(moment)
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

func sendAgain(t *testing.T, ctx context.Context, node *rtcpeer.Node) {
	t.Helper()
	for _, p := range packets(node.ID()) {
		if p.Channel == 0 && p.Mode != rtcpeer.Reliable {
			require.NoError(t, node.Send(ctx, p))
		}
	}
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
	for ev.Kind == rtcpeer.PacketReceived { // sent again
		ev, err = node.Receive(ctx)
	}
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
