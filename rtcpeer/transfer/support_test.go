package transfer

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
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
	"example.org/rtcpeer/signaling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A room is a signaling server in memory.
type room struct {
	mu    sync.Mutex
	seats map[rtcpeer.PeerID]*seat
}

// A seat is one member's Signaler.
type seat struct {
	room   *room
	member signaling.Member
	inbox  chan signaling.Message
	done   chan struct{}
	once   sync.Once
}

func (r *room) sit(id rtcpeer.PeerID) *seat {
	s := &seat{
		room: r, inbox: make(chan signaling.Message, 512), done: make(chan struct{}),
		member: signaling.Member{ID: id, Channels: []signaling.Mode{signaling.Reliable}, Features: []string{signaling.FeatureRepair}},
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	welcome := signaling.Welcome{ID: id, Room: "test", Topology: rtcpeer.Mesh, Host: 1, Resume: "-"}
	for _, other := range r.seats {
		welcome.Members = append(welcome.Members, other.member)
		other.inbox <- signaling.Joined{Member: s.member}
	}
	r.seats[id] = s
	s.inbox <- welcome
	return s
}

func (s *seat) Send(_ context.Context, m signaling.Message) error {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	if signal, ok := m.(signaling.Signal); ok && s.room.seats[signal.To] != nil {
		s.room.seats[signal.To].inbox <- signaling.Signal{From: s.member.ID, Data: signal.Data}
	}
	return nil
}

func (s *seat) Receive(ctx context.Context) (signaling.Message, error) {
	select {
	case m := <-s.inbox:
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.done:
		return nil, net.ErrClosed
	}
}

func (s *seat) Close() error {
	s.once.Do(func() {
		close(s.done)
		s.room.mu.Lock()
		defer s.room.mu.Unlock()
		delete(s.room.seats, s.member.ID)
		for _, other := range s.room.seats {
			other.inbox <- signaling.Left{ID: s.member.ID}
		}
	})
	return nil
}

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
	room         *room
	network      *memory.Network // nil: WebRTC
	newTransport func() transport.Transport
	config       rtcpeer.Config
}

func inMemory(options memory.Options) *world {
	network := memory.NewNetwork(options)
	return &world{
		room: &room{seats: make(map[rtcpeer.PeerID]*seat)}, network: network,
		newTransport: func() transport.Transport { return network.Transport() },
	}
}

func overWebRTC(t testing.TB) *world {
	return &world{room: &room{seats: make(map[rtcpeer.PeerID]*seat)}, newTransport: func() transport.Transport {
		tr, err := webrtc.New(webrtc.Config{MaxMessage: 32 << 10})
		require.NoError(t, err)
		return tr
	}}
}

// channel is that of the files.
const channel = 1

func (w *world) join(t testing.TB, id rtcpeer.PeerID, config Config) *end {
	t.Helper()
	e := w.joinRaw(t, id)
	var err error
	e.Files, err = New(e.node, channel, config)
	require.NoError(t, err)
	e.raw = false
	e.listen()
	t.Cleanup(e.close)
	return e
}

func (w *world) joinRaw(t testing.TB, id rtcpeer.PeerID) *end {
	t.Helper()
	tr := w.newTransport()
	config := w.config
	config.Transport, config.Channels = tr, []rtcpeer.Mode{rtcpeer.Reliable}
	node, err := rtcpeer.New(t.Context(), w.room.sit(id), config)
	require.NoError(t, err)
	return &end{id: id, node: node, transport: tr, events: make(chan rtcpeer.EventKind, 64), packets: make(chan rtcpeer.Packet, 8192), raw: true}
}

// joinLiar joins an end whose frames the test makes.
func (w *world) joinLiar(t testing.TB, id rtcpeer.PeerID) *end {
	t.Helper()
	e := w.joinRaw(t, id)
	e.listen()
	t.Cleanup(e.close)
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

// connect joins 1 and 2.
func (w *world) connect(t testing.TB, config Config) (a, b *end) {
	t.Helper()
	a, b = w.join(t, 1, config), w.join(t, 2, config)
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
