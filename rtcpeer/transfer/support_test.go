package transfer

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
	signalingmemory "example.org/rtcpeer/signaling/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An end is a node with its Files, and the loop of a program that receives.
type end struct {
	*Files
	id        rtcpeer.PeerID
	node      *rtcpeer.Node
	transport transport.Transport
	events    chan rtcpeer.EventKind // that are no packets
	packets   chan rtcpeer.Packet    // of other channels, or of all if raw
	raw       bool                   // the test speaks the protocol itself
	wg        sync.WaitGroup
}

// A world is where ends meet.
type world struct {
	server       *signalingmemory.Server
	network      *memory.Network // nil: WebRTC
	newTransport func() transport.Transport
	config       rtcpeer.Config
}

func newWorld(t testing.TB, newTransport func() transport.Transport) *world {
	server := signalingmemory.NewServer()
	t.Cleanup(server.Close)
	return &world{server: server, newTransport: newTransport}
}

func inMemory(t testing.TB, options memory.Options) *world {
	network := memory.NewNetwork(options)
	w := newWorld(t, func() transport.Transport { return network.Transport() })
	w.network = network
	return w
}

func overWebRTC(t testing.TB) *world {
	return newWorld(t, func() transport.Transport {
		tr, err := webrtc.New(webrtc.Config{MaxMessage: 32 << 10})
		require.NoError(t, err)
		return tr
	})
}

// channel is that of the files.
const channel = 1

func (w *world) join(t testing.TB, config Config) *end {
	t.Helper()
	e := w.joinRaw(t)
	var err error
	e.Files, err = New(e.node, channel, config)
	require.NoError(t, err)
	e.raw = false
	e.listen()
	return e
}

// joinRaw joins an end whose events the test receives itself.
func (w *world) joinRaw(t testing.TB) *end {
	t.Helper()
	tr := w.newTransport()
	config := w.config
	config.Transport, config.Channels = tr, []rtcpeer.Mode{rtcpeer.Reliable}
	join := rtcpeer.JoinMessage(config)
	join.Room = "test"
	client, err := w.server.Join(t.Context(), join)
	require.NoError(t, err)
	node, err := rtcpeer.New(t.Context(), client, config)
	require.NoError(t, err)
	e := &end{id: node.ID(), node: node, transport: tr, events: make(chan rtcpeer.EventKind, 64), packets: make(chan rtcpeer.Packet, 8192), raw: true}
	t.Cleanup(e.close)
	return e
}

// joinLiar joins an end whose frames the test makes.
func (w *world) joinLiar(t testing.TB) *end {
	t.Helper()
	e := w.joinRaw(t)
	e.listen()
	return e
}

func (e *end) listen() {
	e.wg.Go(func() {
		for {
			ev, err := e.node.Receive(context.Background())
			switch {
			case err != nil:
				return
			case !e.raw && e.Handle(ev):
			case ev.Kind == rtcpeer.PacketReceived:
				e.packets <- ev.Packet
			default:
				e.events <- ev.Kind
			}
		}
	})
}

func (e *end) close() {
	if e.Files != nil {
		e.Files.Close()
	}
	e.node.Close()
	e.wg.Wait()
	e.transport.Close()
}

// die is the end of a process: nobody is told.
func (e *end) die() {
	e.transport.(interface{ Kill() }).Kill()
}

func (e *end) await(t testing.TB, kind rtcpeer.EventKind) {
	t.Helper()
	for got := range e.events {
		if got == kind {
			return
		}
	}
}

// say sends a frame of the test's own.
func (e *end) say(t testing.TB, to *end, f frame) {
	t.Helper()
	require.NoError(t, e.node.Send(t.Context(), rtcpeer.Packet{Peer: to.id, Channel: channel, Data: f.append(nil)}))
}

// hear returns the next frame that has come.
func (e *end) hear(t testing.TB) *frame {
	t.Helper()
	p := <-e.packets
	f, err := decode(p.Data)
	require.NoError(t, err)
	return f
}

// connect joins two ends.
func (w *world) connect(t testing.TB, config Config) (a, b *end) {
	t.Helper()
	a, b = w.join(t, config), w.join(t, config)
	a.await(t, rtcpeer.PeerConnected)
	b.await(t, rtcpeer.PeerConnected)
	return a, b
}

func folderOf(t testing.TB, path string) *Folder {
	t.Helper()
	f, err := OpenFolder(path)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// random is n bytes that no two files share.
func random(n int, seed uint64) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

// contents returns the names and contents in a folder.
func contents(t testing.TB, path string) map[string]string {
	t.Helper()
	list, err := os.ReadDir(path)
	require.NoError(t, err)
	m := make(map[string]string)
	for _, entry := range list {
		b, err := os.ReadFile(filepath.Join(path, entry.Name()))
		require.NoError(t, err)
		m[entry.Name()] = string(b)
	}
	return m
}

// requireError wants an *Error of a transfer that wraps want.
func requireError(t testing.TB, err, want error, op string, peer rtcpeer.PeerID) {
	t.Helper()
	require.ErrorIs(t, err, want)
	e, ok := errors.AsType[*Error](err)
	require.True(t, ok, "%T", err)
	require.Equal(t, op, e.Op)
	require.Equal(t, peer, e.Peer)
}
