package rtcpeer_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
)

// What tests of links that outlive their paths share: nodes whose programs write down all that they receive.

// A world is a room whose members are on one memory network, in fake time.
type world struct {
	t       *testing.T
	network *memory.Network
	room    *room
	hosts   map[rtcpeer.PeerID]*memory.Transport
	nodes   map[rtcpeer.PeerID]*rtcpeer.Node
	diaries map[rtcpeer.PeerID]*diary
	signals map[signaling.SignalType]int // sent so far; guarded by room.mu
	wrap    func(transport.Transport) transport.Transport
}

func newWorld(t *testing.T, topology rtcpeer.Topology, options memory.Options) *world {
	w := &world{
		t: t, network: memory.NewNetwork(options), room: newRoom(topology),
		hosts:   make(map[rtcpeer.PeerID]*memory.Transport),
		nodes:   make(map[rtcpeer.PeerID]*rtcpeer.Node),
		diaries: make(map[rtcpeer.PeerID]*diary),
		signals: make(map[signaling.SignalType]int),
		wrap:    func(tr transport.Transport) transport.Transport { return tr },
	}
	w.room.lose = w.count
	return w
}

// count is a room.lose that loses nothing.
func (w *world) count(_, _ rtcpeer.PeerID, s signaling.SignalData) bool {
	w.signals[s.Type]++
	return false
}

func (w *world) sent(kind signaling.SignalType) int {
	w.room.mu.Lock()
	defer w.room.mu.Unlock()
	return w.signals[kind]
}

// join adds members, and waits until all that are to be linked are connected.
func (w *world) join(config rtcpeer.Config, ids ...rtcpeer.PeerID) *world {
	w.t.Helper()
	for _, id := range ids {
		w.enter(id, config)
	}
	after(5 * time.Second) // more than enough for any Delay of these tests
	for id, n := range w.nodes {
		others := slices.DeleteFunc(slices.Sorted(maps.Keys(w.nodes)), func(other rtcpeer.PeerID) bool { return other == id })
		require.Equal(w.t, others, n.Peers(), "node %d", id)
	}
	return w
}

// enter adds a member and waits for nothing.
func (w *world) enter(id rtcpeer.PeerID, config rtcpeer.Config) *rtcpeer.Node {
	w.t.Helper()
	if w.hosts[id] == nil {
		w.hosts[id] = w.network.Transport()
	}
	w.nodes[id] = w.room.join(w.t, id, w.wrap(w.hosts[id]), config)
	w.diaries[id] = keepDiary(w.nodes[id])
	return w.nodes[id]
}

func (w *world) closeNode(id rtcpeer.PeerID) error { return closeNode(w.t, w.nodes[id]) }

func (w *world) partition(a, b rtcpeer.PeerID) { w.network.Partition(w.hosts[a], w.hosts[b]) }
func (w *world) heal(a, b rtcpeer.PeerID)      { w.network.Heal(w.hosts[a], w.hosts[b]) }

// isolate parts a member from all others, or joins it with them again.
func (w *world) isolate(id rtcpeer.PeerID, parted bool) {
	for other := range w.hosts {
		switch {
		case other == id:
		case parted:
			w.partition(id, other)
		default:
			w.heal(id, other)
		}
	}
}

// kill ends a member as the end of its process would: nothing passes between it and anybody, and nobody is told.
func (w *world) kill(id rtcpeer.PeerID) {
	w.hosts[id].Kill()
	w.room.cut(w.room.sessionOf(id))
}

// giveUp has the server take the place of a member away.
func (w *world) giveUp(id rtcpeer.PeerID, reason signaling.LeftReason) {
	w.room.mu.Lock()
	defer w.room.mu.Unlock()
	w.room.remove(w.room.members[id], reason)
}

// link returns the figures of a link at one end.
func (w *world) link(at, with rtcpeer.PeerID) rtcpeer.LinkStats {
	w.t.Helper()
	l, ok := w.nodes[at].Stats().Links[with]
	require.True(w.t, ok, "node %d has no link with %d: %s", at, with, w.diaries[at].story(with))
	return l
}

// A diary is all that a node's program has received.
type diary struct {
	mu      sync.Mutex // guards the fields below
	events  []rtcpeer.Event
	at      []time.Time
	ended   error // what Receive said in the end
	endedAt time.Time
}

// keepDiary receives everything until the node ends.
func keepDiary(n *rtcpeer.Node) *diary {
	d := &diary{}
	go func() {
		for {
			ev, err := n.Receive(context.Background())
			d.mu.Lock()
			if err != nil {
				d.ended, d.endedAt = err, time.Now()
				d.mu.Unlock()
				return
			}
			d.events, d.at = append(d.events, ev), append(d.at, time.Now())
			d.mu.Unlock()
		}
	}()
	return d
}

// all returns what there is so far.
func (d *diary) all() ([]rtcpeer.Event, []time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.events), slices.Clone(d.at)
}

func (d *diary) end() (time.Time, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.endedAt, d.ended
}

// story tells what became of a peer, without its packets: "connected interrupted resumed".
func (d *diary) story(id rtcpeer.PeerID) string {
	var words []string
	events, _ := d.all()
	for _, ev := range events {
		switch {
		case ev.Peer != id || ev.Kind == rtcpeer.PacketReceived:
		case ev.Kind == rtcpeer.PeerDisconnected:
			words = append(words, fmt.Sprintf("disconnected(%v)", ev.Reason))
		default:
			words = append(words, ev.Kind.String())
		}
	}
	return strings.Join(words, " ")
}

// when returns when the last event of a kind came of a peer.
func (d *diary) when(kind rtcpeer.EventKind, id rtcpeer.PeerID) (at time.Time) {
	events, times := d.all()
	for i, ev := range events {
		if ev.Kind == kind && ev.Peer == id {
			at = times[i]
		}
	}
	return at
}

// packets returns what came of a peer on a channel and, on channel 0, in a mode.
func (d *diary) packets(id rtcpeer.PeerID, channel int, mode rtcpeer.Mode) (data []string) {
	events, _ := d.all()
	for _, ev := range events {
		if p := ev.Packet; ev.Kind == rtcpeer.PacketReceived && p.Peer == id && p.Channel == channel && p.Mode == mode {
			data = append(data, string(p.Data))
		}
	}
	return data
}

// check wants what every program may rely on: of each peer connected and disconnected in turns, everything else
// between the two, and after interrupted either resumed or disconnected.
func (d *diary) check(t *testing.T) {
	t.Helper()
	type state struct{ connected, interrupted bool }
	peers := make(map[rtcpeer.PeerID]state)
	events, _ := d.all()
	for i, ev := range events {
		p := peers[ev.Peer]
		switch ev.Kind {
		case rtcpeer.PeerConnected:
			require.False(t, p.connected, "event %d: %d is connected twice", i, ev.Peer)
			p = state{connected: true}
		case rtcpeer.PeerDisconnected:
			require.True(t, p.connected, "event %d: %d is disconnected and was not connected", i, ev.Peer)
			p = state{}
		case rtcpeer.PeerInterrupted:
			require.True(t, p.connected && !p.interrupted, "event %d: %d is interrupted: %+v", i, ev.Peer, p)
			p.interrupted = true
		case rtcpeer.PeerResumed:
			require.True(t, p.interrupted, "event %d: %d is resumed: %+v", i, ev.Peer, p)
			p.interrupted = false
		case rtcpeer.PacketReceived:
			require.True(t, p.connected, "event %d: a packet of %d, which is not connected", i, ev.Peer)
		}
		peers[ev.Peer] = p
	}
}

// A stream is numbered packets from one member to another, each interval one.
type stream struct {
	w        *world
	from, to rtcpeer.PeerID
	channel  int
	mode     rtcpeer.Mode
	size     int // of a packet, at least
	sent     int
	stop     chan struct{}
	stopped  chan struct{}
}

func (w *world) stream(from, to rtcpeer.PeerID, channel int, mode rtcpeer.Mode, interval time.Duration, size int) *stream {
	s := &stream{w: w, from: from, to: to, channel: channel, mode: mode, size: size, stop: make(chan struct{}), stopped: make(chan struct{})}
	node := w.nodes[from]
	go func() {
		defer close(s.stopped)
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-s.stop:
				return
			case <-s.w.t.Context().Done():
				return
			}
			p := rtcpeer.Packet{Peer: to, Channel: channel, Mode: mode, Data: fmt.Appendf(nil, "%0*d", size, s.sent)}
			if err := node.Send(w.t.Context(), p); w.t.Context().Err() != nil || !assert.NoError(w.t, err, "%d sends packet %d to %d", from, s.sent, to) {
				return
			}
			s.sent++
		}
	}()
	return s
}

// end stops sending.
func (s *stream) end() {
	close(s.stop)
	<-s.stopped
}

// want wants everything that was sent, once and in order; in the unreliable modes what is missing may miss.
func (s *stream) want() {
	s.w.t.Helper()
	got := s.w.diaries[s.to].packets(s.from, s.channel, s.mode)
	last := -1
	for i, data := range got {
		n, err := strconv.Atoi(data)
		require.NoError(s.w.t, err)
		require.Len(s.w.t, data, max(s.size, len(fmt.Sprint(n))))
		switch s.mode {
		case rtcpeer.Reliable:
			require.Equal(s.w.t, i, n, "%d to %d on channel %d: packet %d is next", s.from, s.to, s.channel, i)
		case rtcpeer.UnreliableOrdered:
			require.Greater(s.w.t, n, last, "%d to %d on channel %d goes back", s.from, s.to, s.channel)
		}
		last = n
	}
	if s.mode == rtcpeer.Reliable {
		require.Len(s.w.t, got, s.sent, "%d to %d on channel %d", s.from, s.to, s.channel)
	}
}

// endAll ends streams, and wants what they have sent two seconds later.
func endAll(streams []*stream) {
	for _, s := range streams {
		s.end()
	}
	after(2 * time.Second)
	for _, s := range streams {
		s.want()
	}
}

// lasting runs a test in a mesh and in a star, in fake time.
func lasting(t *testing.T, test func(t *testing.T, topology rtcpeer.Topology)) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		t.Run(string(topology), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) { test(t, topology) })
		})
	}
}

// A path that comes and goes, faster than a repair takes, loses nothing.
func TestFlappingPath(t *testing.T) {
	for _, each := range []time.Duration{700 * time.Millisecond, 2 * time.Second, 5 * time.Second} {
		t.Run(each.String(), func(t *testing.T) {
			lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
				w := newWorld(t, topology, memory.Options{Delay: 30 * time.Millisecond})
				w.room.delay = func(_, _ rtcpeer.PeerID) time.Duration { return 50 * time.Millisecond }
				w.join(rtcpeer.Config{}, 1, 5)
				before := w.sent(signaling.Offer)
				var streams []*stream
				for _, mode := range []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.UnreliableOrdered} {
					streams = append(streams, w.stream(1, 5, 0, mode, 20*time.Millisecond, 100), w.stream(5, 1, 0, mode, 20*time.Millisecond, 100))
				}
				flaps := 0
				for range int(time.Minute / (2 * each)) {
					flaps++
					w.partition(1, 5)
					after(each)
					w.heal(1, 5)
					after(each)
				}
				after(5 * time.Second)
				for _, s := range streams {
					s.end()
				}
				after(time.Second)
				for _, s := range streams {
					s.want()
				}
				for id, d := range w.diaries {
					d.check(t)
					require.NotContains(t, d.story(6-id), "disconnected")
					require.LessOrEqual(t, w.link(id, 6-id).Paths, flaps+1)
				}
				require.LessOrEqual(t, w.sent(signaling.Offer)-before, 2*flaps, "offers")
				require.LessOrEqual(t, w.sent(signaling.Repair), 2*flaps, "requests")
				require.LessOrEqual(t, w.sent(signaling.Candidate), 6*flaps+2, "candidates")
			})
		})
	}
}

// An answer is ignored if its path was dropped meanwhile, because the old path works again.
func TestAnswerThatComesTooLate(t *testing.T) {
	lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
		w := newWorld(t, topology, memory.Options{Delay: 20 * time.Millisecond})
		w.room.delay = func(from, _ rtcpeer.PeerID) time.Duration {
			if from == 1 {
				return 3 * time.Second
			}
			return 0
		}
		w.room.lose = func(_, _ rtcpeer.PeerID, s signaling.SignalData) bool { return s.Type == signaling.Repair }
		w.join(rtcpeer.Config{}, 1, 5)
		after(5 * time.Second)
		w.partition(1, 5)
		after(2 * time.Second)
		w.heal(1, 5)
		after(10 * time.Second)
		s := w.stream(5, 1, 0, rtcpeer.Reliable, 10*time.Millisecond, 1)
		after(time.Second)
		s.end()
		after(time.Second)
		s.want()
		require.Equal(t, "connected interrupted resumed", w.diaries[1].story(5))
		require.Equal(t, "connected interrupted resumed", w.diaries[5].story(1))
		require.Equal(t, 1, w.link(1, 5).Paths)
	})
}
