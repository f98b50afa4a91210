package rtcpeer_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/atonce"
	"example.org/rtcpeer/testdata/skip"
)

func TestMain(m *testing.M) {
	atonce.Set(skip.Shorter(6, 4))
	goleak.VerifyTestMain(m)
}

// room is a signaling server without sockets: what a program with signaling of its own would write.
type room struct {
	topology rtcpeer.Topology

	mu      sync.Mutex
	members map[rtcpeer.PeerID]*session
	lose    func(from, to rtcpeer.PeerID, data signaling.SignalData) bool // true: the signal is lost
	delay   func(from, to rtcpeer.PeerID) time.Duration                   // nil: signals arrive at once
	late    map[[2]rtcpeer.PeerID]*lateSignals                            // by who sent them to whom
	sealed  bool
	locked  bool
	plain   bool                                       // attempts are not told, as by Godot's protocol
	bare    bool                                       // members list no features: their links end with their first path
	host    rtcpeer.PeerID                             // 0: it is 1
	term    int                                        // of a room that migrates, else 0
	hosts   elections                                  // of a room that migrates
	relays  bool                                       // the server forwards binary frames
	tap     func(from, to rtcpeer.PeerID, data []byte) // of a hostile server: it sees them all; nil: it is honest

	// Fixed before the first member: see line.
	lag   time.Duration // of each message from the server to a member
	grace time.Duration // 0: 30 s
	away  int           // ms for which the host's place is kept, as each welcome says
}

// session is one member's Signaler.
type session struct {
	room   *room
	member signaling.Member
	place  int // numbers the places of the room
	inbox  chan signaling.Message
	done   chan struct{}
	once   sync.Once
	ready  chan struct{} // a token: there are binary frames to be forwarded
	line   line
}

func newRoom(topology rtcpeer.Topology) *room {
	return &room{topology: topology, members: make(map[rtcpeer.PeerID]*session)}
}

// enter takes a place. As on the server, a star's guests are announced to the host alone.
func (r *room) enter(id rtcpeer.PeerID, channels []signaling.Mode) *session {
	return r.enterAs(id, signaling.Member{Channels: channels})
}

// enterAs is enter for a member that is told of itself.
func (r *room) enterAs(id rtcpeer.PeerID, self signaling.Member) *session {
	self.ID, self.OneAttempt = id, r.plain
	s := &session{
		room: r, member: self,
		inbox: make(chan signaling.Message, 512), done: make(chan struct{}), ready: make(chan struct{}, 1),
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.admit(s)
	s.deliver(r.welcome(s))
	return s
}

// admit gives a session its place, and tells the others.
func (r *room) admit(s *session) {
	r.hosts.admit(r, s)
	r.members[s.member.ID] = s
	r.announce(s, signaling.Joined{Member: s.member})
}

// announce tells those who know a session.
func (r *room) announce(s *session, m signaling.Message) {
	for _, other := range r.inOrder() {
		if r.acquainted(s, other) {
			other.deliver(m)
		}
	}
}

// inOrder returns the sessions in the order of their ids.
func (r *room) inOrder() (sessions []*session) {
	for _, id := range slices.Sorted(maps.Keys(r.members)) {
		sessions = append(sessions, r.members[id])
	}
	return sessions
}

func (r *room) welcome(s *session) signaling.Welcome {
	w := signaling.Welcome{ID: s.member.ID, Room: "test", Topology: r.topology, Host: r.hostID(), Term: r.term, Resume: "-", Sealed: r.sealed, Locked: r.locked, RelayLinks: r.relays, HostAwayMillis: r.away}
	for _, other := range r.inOrder() {
		if r.acquainted(s, other) {
			w.Members = append(w.Members, other.member)
		}
	}
	if r.term > 0 {
		w.Guests = r.guests()
	}
	return w
}

func (r *room) hostID() rtcpeer.PeerID { return max(r.host, 1) }

// guests returns the ids of all but the host. r.mu is held.
func (r *room) guests() (ids []rtcpeer.PeerID) {
	for _, s := range r.inOrder() {
		if s.member.ID != r.hostID() {
			ids = append(ids, s.member.ID)
		}
	}
	return ids
}

func (r *room) acquainted(a, b *session) bool {
	return a.member.ID != b.member.ID && (r.topology == rtcpeer.Mesh || a.member.ID == r.hostID() || b.member.ID == r.hostID())
}

// tell has the server say something to a member.
func (r *room) tell(to rtcpeer.PeerID, m signaling.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members[to].deliver(m)
}

func (s *session) Send(_ context.Context, m signaling.Message) error {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	return s.send(m)
}

// said has the server take what a member says.
func (s *session) said(m signaling.Message) error {
	switch m := m.(type) {
	case signaling.Signal:
		data, err := signaling.DecodeSignalData(m.Data)
		if err != nil {
			return err
		}
		to := s.room.members[m.To]
		if to == nil || s.room.lose != nil && s.room.lose(s.member.ID, m.To, data) {
			return nil
		}
		if s.room.plain {
			data.Attempt = 0
			if m.Data, err = data.Encode(); err != nil {
				return err
			}
		}
		s.room.carry(s.member.ID, to, m.Data)
	case signaling.Seal:
		s.room.sealed = true
		for _, other := range s.room.members {
			other.deliver(signaling.Sealed{})
		}
	case signaling.Lock:
		s.room.locked = !m.Open
		for _, other := range s.room.members {
			other.deliver(m)
		}
	case signaling.Kick:
		if other := s.room.members[m.ID]; other != nil {
			s.room.expel(other)
		}
	case signaling.Successor:
		if m.ID == 0 || s.room.members[m.ID] != nil {
			s.room.hosts.heir = m.ID
		}
	case signaling.Metadata:
		s.member.Metadata, m.ID = m.Metadata, s.member.ID
		s.deliver(m)
		s.room.announce(s, m)
	case signaling.HostLost:
		s.room.hosts.reported(s.room, s, m)
	}
	return nil
}

// lateSignals are those of one member to another that have not arrived: as on the server they stay in order.
type lateSignals struct {
	data []json.RawMessage
	last time.Time // when the last of them arrives
}

// carry brings a signal to a member, after r.delay. r.mu is held.
func (r *room) carry(from rtcpeer.PeerID, to *session, data json.RawMessage) {
	if r.delay == nil {
		to.deliver(signaling.Signal{From: from, Data: data})
		return
	}
	pair := [2]rtcpeer.PeerID{from, to.member.ID}
	if r.late == nil {
		r.late = make(map[[2]rtcpeer.PeerID]*lateSignals)
	}
	late := r.late[pair]
	if late == nil {
		late = new(lateSignals)
		r.late[pair] = late
	}
	late.data = append(late.data, data)
	late.last = slices.MaxFunc([]time.Time{late.last, time.Now().Add(r.delay(from, to.member.ID))}, time.Time.Compare)
	time.AfterFunc(time.Until(late.last), func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		first := late.data[0]
		late.data = late.data[1:]
		if now := r.members[pair[1]]; now == to {
			now.deliver(signaling.Signal{From: from, Data: first})
		}
	})
}

func (s *session) Receive(ctx context.Context) (signaling.Message, error) {
	select {
	case m := <-s.inbox:
		if end, ok := m.(roomEnd); ok {
			return nil, end.err
		}
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.done:
		return nil, net.ErrClosed
	}
}

func (s *session) Close() error {
	s.once.Do(func() {
		close(s.done)
		s.room.mu.Lock()
		defer s.room.mu.Unlock()
		s.leave()
	})
	return nil
}

// join makes a node with the given id over a transport.
func (r *room) join(t testing.TB, id rtcpeer.PeerID, tr transport.Transport, config rtcpeer.Config) *rtcpeer.Node {
	t.Helper()
	config.Transport = tr
	self := rtcpeer.Describe(config)
	if r.bare || r.plain {
		self.Features = nil
	}
	n, err := rtcpeer.New(t.Context(), r.enterAs(id, self), config)
	require.NoError(t, err)
	t.Cleanup(func() { closeNode(t, n) })
	return n
}

// closeNode closes a node, to which nothing but undelivered packets may be in the way.
func closeNode(t testing.TB, n *rtcpeer.Node) error {
	t.Helper()
	err := n.Close()
	if _, undelivered := errors.AsType[*rtcpeer.UndeliveredError](err); !undelivered {
		require.NoError(t, err)
	}
	return err
}

// overBoth runs a test on the memory transport and on WebRTC. newTransport makes one for each node.
func overBoth(t *testing.T, test func(t *testing.T, newTransport func() transport.Transport)) {
	t.Run("memory", func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		test(t, func() transport.Transport { return network.Transport() })
	})
	t.Run("webrtc", func(t *testing.T) {
		test(t, func() transport.Transport {
			tr, err := webrtc.New(webrtc.Config{MaxMessage: 32 << 10})
			require.NoError(t, err)
			t.Cleanup(func() { tr.Close() })
			return tr
		})
	})
}

// group joins one node for each id, in that order, and waits until all see each other.
func group(t testing.TB, topology rtcpeer.Topology, newTransport func() transport.Transport, config rtcpeer.Config, ids ...rtcpeer.PeerID) map[rtcpeer.PeerID]*rtcpeer.Node {
	t.Helper()
	return newRoom(topology).group(t, newTransport, config, ids...)
}

// group is group in a room of a test's own.
func (r *room) group(t testing.TB, newTransport func() transport.Transport, config rtcpeer.Config, ids ...rtcpeer.PeerID) map[rtcpeer.PeerID]*rtcpeer.Node {
	t.Helper()
	nodes := make(map[rtcpeer.PeerID]*rtcpeer.Node)
	for _, id := range ids {
		nodes[id] = r.join(t, id, newTransport(), config)
	}
	for _, n := range nodes {
		for range len(ids) - 1 {
			require.Equal(t, rtcpeer.PeerConnected, next(t, n).Kind, "node %d", n.ID())
		}
	}
	return nodes
}

// next returns the node's next event that is not of the signaling server, or fails after a time that no healthy machine needs.
func next(t testing.TB, n rtcpeer.Peer) rtcpeer.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		ev, err := n.Receive(ctx)
		require.NoError(t, err, "node %d waits for an event", n.ID())
		if ev.Kind != rtcpeer.SignalingLost && ev.Kind != rtcpeer.SignalingResumed {
			return ev
		}
	}
}

func wantEvent(t testing.TB, n rtcpeer.Peer, kind rtcpeer.EventKind, id rtcpeer.PeerID) {
	t.Helper()
	ev := next(t, n)
	require.Equal(t, kind, ev.Kind, "node %d: %+v", n.ID(), ev)
	require.Equal(t, id, ev.Peer, "node %d", n.ID())
}

// wantPacket takes the next event, which must be this packet.
func wantPacket(t testing.TB, n rtcpeer.Peer, from rtcpeer.PeerID, channel int, mode rtcpeer.Mode, data string) {
	t.Helper()
	ev := next(t, n)
	require.Equal(t, rtcpeer.PacketReceived, ev.Kind, "node %d: %+v", n.ID(), ev)
	got := ev.Packet
	require.Equal(t, rtcpeer.Packet{Peer: from, Channel: channel, Mode: mode, Data: []byte(data)}, got, "node %d", n.ID())
}

// wantNothingElse sends a marker on the same lane from a peer and wants it next: whatever was sent
// before on that lane has then arrived or will not.
func wantNothingElse(t testing.TB, from, to *rtcpeer.Node, channel int, mode rtcpeer.Mode) {
	t.Helper()
	require.NoError(t, from.Send(t.Context(), rtcpeer.Packet{Peer: to.ID(), Channel: channel, Mode: mode, Data: []byte("marker")}))
	wantPacket(t, to, from.ID(), channel, mode, "marker")
}

func wantDisconnected(t testing.TB, n rtcpeer.Peer, id rtcpeer.PeerID, reason rtcpeer.DisconnectReason) {
	t.Helper()
	ev := next(t, n)
	require.Equal(t, rtcpeer.PeerDisconnected, ev.Kind, "node %d: %+v", n.ID(), ev)
	require.Equal(t, id, ev.Peer, "node %d", n.ID())
	require.Equal(t, reason, ev.Reason, "node %d: %v", n.ID(), ev.Reason)
}
