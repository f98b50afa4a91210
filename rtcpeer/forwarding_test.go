package rtcpeer_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/forwarded"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
)

// Links that go through the signaling server.

// Forward has the server forward frames until the session is closed.
func (s *session) Forward(next func() []byte) {
	go func() {
		for {
			select {
			case <-s.ready:
			case <-s.done:
				return
			}
			for frame := next(); frame != nil; frame = next() {
				id, data, err := signaling.DecodeForward(frame)
				if err == nil {
					s.room.forward(s, id, append([]byte(nil), data...))
				}
			}
		}
	}()
}

func (s *session) ForwardReady() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// forward brings a binary frame to a member.
func (r *room) forward(s *session, id rtcpeer.PeerID, data []byte) {
	r.mu.Lock()
	to := r.members[id]
	passes := r.relays && to != nil && r.acquainted(s, to) && s.line.state == lineUp && to.line.state == lineUp &&
		s.member.Can(signaling.FeatureRelayLinks) && to.member.Can(signaling.FeatureRelayLinks)
	tap := r.tap
	r.mu.Unlock()
	if tap != nil {
		tap(s.member.ID, id, data)
	}
	if !passes {
		return
	}
	select {
	case to.inbox <- signaling.Forwarded{From: s.member.ID, Data: data}:
	case <-to.done:
	case <-s.done:
	}
}

var withRelayLinks = rtcpeer.Config{RelayLinks: true}

// newForwardingWorld has a server that forwards, and hosts 1 and 5 that reach each other only if parted is false.
func newForwardingWorld(t *testing.T, topology rtcpeer.Topology, parted bool) *world {
	w := newWorld(t, topology, memory.Options{Delay: 20 * time.Millisecond})
	w.room.relays = true
	w.hosts[1], w.hosts[5] = w.network.Transport(), w.network.Transport()
	if parted {
		w.partition(1, 5)
	}
	return w
}

func TestLinkThroughTheServer(t *testing.T) {
	lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
		w := newForwardingWorld(t, topology, true)
		start := time.Now()
		w.join(withRelayLinks, 1, 5)
		for _, id := range []rtcpeer.PeerID{1, 5} {
			require.InDelta(t, 4, w.diaries[id].when(rtcpeer.PeerConnected, 6-id).Sub(start).Seconds(), 0.5)
			l := w.link(id, 6-id)
			require.Equal(t, []string{transport.Signaling, transport.Signaling}, []string{l.Local, l.Remote})
		}
		streams := []*stream{
			w.stream(1, 5, 0, rtcpeer.Reliable, 7*time.Millisecond, 3000), w.stream(5, 1, 0, rtcpeer.Reliable, 11*time.Millisecond, 16<<10),
			w.stream(1, 5, 0, rtcpeer.Unreliable, 16*time.Millisecond, 100), w.stream(5, 1, 0, rtcpeer.UnreliableOrdered, 16*time.Millisecond, 100),
		}
		after(20 * time.Second) // two searches for a better path, in vain
		require.Equal(t, transport.Signaling, w.link(1, 5).Local)
		w.heal(1, 5)
		after(30 * time.Second)
		require.Equal(t, "host", w.link(1, 5).Local, "it has moved to the direct path")
		require.Equal(t, "host", w.link(5, 1).Local)
		endAll(streams)
		for id, d := range w.diaries {
			d.check(t)
			require.Equal(t, "connected", d.story(6-id))
		}
	})
}

// A link that loses its direct path goes on through the server.
func TestRepairThroughTheServer(t *testing.T) {
	lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
		w := newForwardingWorld(t, topology, false).join(withRelayLinks, 1, 5)
		require.Equal(t, "host", w.link(1, 5).Local)
		s := w.stream(1, 5, 0, rtcpeer.Reliable, 31*time.Millisecond, 1000)
		after(time.Second)
		w.partition(1, 5)
		after(10 * time.Second)
		require.Equal(t, transport.Signaling, w.link(1, 5).Local)
		w.heal(1, 5)
		after(20 * time.Second)
		require.Equal(t, "host", w.link(1, 5).Local)
		s.end()
		after(time.Second)
		s.want()
		for id, d := range w.diaries {
			d.check(t)
			require.Equal(t, "connected interrupted resumed", d.story(6-id))
		}
	})
}

// The connection to the server is lost, and with it the path. When it is back, the link is.
func TestLinkThroughTheServerOutlivesItsConnection(t *testing.T) {
	for _, who := range []rtcpeer.PeerID{1, 5} {
		lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
			w := newForwardingWorld(t, topology, true).join(withRelayLinks, 1, 5)
			streams := []*stream{
				w.stream(1, 5, 0, rtcpeer.Reliable, 31*time.Millisecond, 1000), w.stream(5, 1, 0, rtcpeer.Reliable, 37*time.Millisecond, 1000),
			}
			for range 3 {
				after(3 * time.Second)
				session := w.room.sessionOf(who)
				w.room.cut(session)
				after(700 * time.Millisecond)
				w.room.notice(session)
				after(3 * time.Second)
				require.True(t, w.link(who, 6-who).Interrupted)
				w.room.restore(session)
				after(3 * time.Second)
				require.False(t, w.link(who, 6-who).Interrupted)
			}
			endAll(streams)
			for id, d := range w.diaries {
				d.check(t)
				require.Equal(t, "connected"+strings.Repeat(" interrupted resumed", 3), d.story(6-id))
			}
		})
	}
}

// All three have to want it: the two ends and the server.
func TestLinkThroughTheServerIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		server bool
		ends   [2]rtcpeer.Config
	}{
		"by the server":        {false, [2]rtcpeer.Config{withRelayLinks, withRelayLinks}},
		"by the offering end":  {true, [2]rtcpeer.Config{withRelayLinks, {}}},
		"by the answering end": {true, [2]rtcpeer.Config{{}, withRelayLinks}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newForwardingWorld(t, rtcpeer.Mesh, true)
				w.room.relays = c.server
				w.enter(1, c.ends[0])
				w.enter(5, c.ends[1])
				after(time.Minute)
				for id, d := range w.diaries {
					require.Equal(t, "failed", d.story(6-id))
				}
			})
		})
	}
}

// A transport that knows at once that it has no path need not wait for the time of an attempt to be over.
type hopelessTransport struct{ transport.Transport }

type hopelessPath struct {
	transport.Path
	events chan transport.Event
}

func (h hopelessTransport) NewPath(c transport.PathConfig) (transport.Path, error) {
	p, err := h.Transport.NewPath(c)
	return &hopelessPath{p, make(chan transport.Event, 1)}, err
}

func (h *hopelessPath) hopeless() {
	h.events <- transport.Event{Kind: transport.EventClosed, Err: &transport.PathError{Stage: transport.StagePath, Detail: "no relay"}}
}

func (h *hopelessPath) Offer() (string, error) { h.hopeless(); return h.Path.Offer() }

func (h *hopelessPath) Answer(offer string) (string, error) {
	h.hopeless()
	return h.Path.Answer(offer)
}

func (h *hopelessPath) Events() <-chan transport.Event { return h.events }

func TestLinkThroughTheServerAtOnce(t *testing.T) {
	for _, who := range []rtcpeer.PeerID{1, 5} {
		bubble.Test(t, func(t *testing.T) {
			r := newRoom(rtcpeer.Mesh)
			r.relays = true
			network := memory.NewNetwork(memory.Options{Delay: 20 * time.Millisecond})
			start := time.Now()
			nodes := make(map[rtcpeer.PeerID]*rtcpeer.Node)
			for _, id := range []rtcpeer.PeerID{1, 5} {
				var tr transport.Transport = network.Transport()
				if id == who {
					tr = hopelessTransport{tr}
				}
				nodes[id] = r.join(t, id, tr, withRelayLinks)
			}
			wantEvent(t, nodes[1], rtcpeer.PeerConnected, 5)
			wantEvent(t, nodes[5], rtcpeer.PeerConnected, 1)
			require.Less(t, time.Since(start), time.Second)
		})
	}
}

// The same when a link is repaired. Neither end waits for the time of an attempt; an end that only answers asks the other
// one for the next offer, which may take a second.
func TestRepairThroughTheServerAtOnce(t *testing.T) {
	for _, who := range []rtcpeer.PeerID{1, 5} {
		bubble.Test(t, func(t *testing.T) {
			w := newForwardingWorld(t, rtcpeer.Mesh, false)
			var hopeless atomic.Bool
			w.wrap = func(tr transport.Transport) transport.Transport {
				if tr == w.hosts[who] {
					return laterHopeless{tr, &hopeless}
				}
				return tr
			}
			w.join(withRelayLinks, 1, 5)
			require.Equal(t, "host", w.link(1, 5).Local)
			hopeless.Store(true)
			w.partition(1, 5)
			after(20 * time.Second)
			require.Equal(t, transport.Signaling, w.link(1, 5).Local)
			d := w.diaries[1]
			require.Equal(t, "connected interrupted resumed", d.story(5))
			require.Less(t, d.when(rtcpeer.PeerResumed, 5).Sub(d.when(rtcpeer.PeerInterrupted, 5)), 2*time.Second)
		})
	}
}

// A laterHopeless transport has no path from some moment on.
type laterHopeless struct {
	transport.Transport
	now *atomic.Bool
}

func (h laterHopeless) NewPath(c transport.PathConfig) (transport.Path, error) {
	if h.now.Load() {
		return hopelessTransport{h.Transport}.NewPath(c)
	}
	return h.Transport.NewPath(c)
}

// attackThroughTheServer is attack on a link that goes through the server, which loses the connections of member 5 once.
func attackThroughTheServer(t *testing.T, do func(t *testing.T, w *world, link string)) {
	bubble.Test(t, func(t *testing.T) {
		w := newForwardingWorld(t, rtcpeer.Mesh, true)
		link := w.linkID()
		w.join(withRelayLinks, 1, 5)
		streams := []*stream{w.stream(1, 5, 0, rtcpeer.Reliable, 50*time.Millisecond, 1), w.stream(5, 1, 0, rtcpeer.Reliable, 50*time.Millisecond, 1)}
		after(time.Second)
		w.room.mu.Lock()
		id := *link
		w.room.mu.Unlock()
		do(t, w, id)
		w.honest()
		session := w.room.sessionOf(5)
		w.room.cut(session)
		w.room.notice(session)
		after(time.Second)
		w.room.restore(session)
		after(15 * time.Second)
		endAll(streams)
		for id, d := range w.diaries {
			d.check(t)
			require.NotContains(t, d.story(6-id), "disconnected")
			require.False(t, w.link(id, 6-id).Interrupted)
		}
	})
}

// hostileMux is what the server has for paths of its own with a victim, in the place of another member. It sees all
// frames of the victim.
func (w *world) hostileMux(as, victim rtcpeer.PeerID) *forwarded.Mux {
	ready := make(chan struct{}, 1)
	mux := forwarded.NewMux(func() {
		select {
		case ready <- struct{}{}:
		default:
		}
	})
	go func() {
		for {
			select {
			case <-ready:
			case <-w.t.Context().Done():
				return
			}
			for f := mux.Next(); f != nil; f = mux.Next() {
				_, data, err := signaling.DecodeForward(f)
				if session := w.room.sessionOf(victim); err == nil && session != nil {
					session.inbox <- signaling.Forwarded{From: as, Data: append([]byte(nil), data...)}
				}
			}
		}
	}()
	w.room.mu.Lock()
	defer w.room.mu.Unlock()
	before := w.room.tap
	w.room.tap = func(from, to rtcpeer.PeerID, data []byte) {
		if before != nil {
			before(from, to, data)
		}
		if from == victim {
			mux.Receive(uint32(from), append([]byte(nil), data...))
		}
	}
	return mux
}

// An answering end whose path works is offered another one by somebody else, who knows the id of the link.
func TestImpostorOffersThroughTheServer(t *testing.T) {
	for _, lie := range lies {
		t.Run(lie.name, func(t *testing.T) {
			attackThroughTheServer(t, func(t *testing.T, w *world, link string) {
				i := w.impostor(5, 1, func(p transport.Path) {
					b := make([]byte, 100)
					n, _ := p.Lane(rogueControl).Read(b) // the proof of 1
					for _, frame := range lie.say(p, b[:n]) {
						_ = p.Lane(rogueControl).Write(frame)
					}
				})
				i.offer(signaling.SignalData{Type: signaling.Offer, Attempt: 9, Link: link, Repair: true})
				after(4 * time.Second)
				require.Equal(t, lie.refused, w.link(1, 5).PathsRefused == 1, "%d refused", w.link(1, 5).PathsRefused)
				require.Equal(t, 1, w.link(1, 5).Paths)
				require.Equal(t, "connected", w.diaries[1].story(5), "nobody notices")
			})
		})
	}
}

// The server stands between the two, with keys of its own towards each, and passes on whatever they say.
func TestManInTheMiddleThroughTheServer(t *testing.T) {
	attackThroughTheServer(t, func(t *testing.T, w *world, link string) {
		towards1, towards5 := make(chan transport.Path, 10), make(chan transport.Path, 10)
		w.impostor(1, 5, func(p transport.Path) { towards5 <- p })
		second := w.impostor(5, 1, func(p transport.Path) { towards1 <- p })
		w.intercept(func(from, to rtcpeer.PeerID, s signaling.SignalData) bool {
			if from == 5 && s.Type == signaling.Offer && forwarded.IsDescription(s.SDP) {
				s.SDP = ""
				second.offer(s) // the same offer, of the path that leads here
			}
			return false
		})
		go func() {
			a, b := <-towards1, <-towards5
			for i := range rogueLanes.Lanes {
				go pass(a.Lane(i), b.Lane(i))
				go pass(b.Lane(i), a.Lane(i))
			}
		}()
		session := w.room.sessionOf(5)
		w.room.cut(session)
		w.room.notice(session)
		after(time.Second)
		w.room.restore(session)
		after(4 * time.Second)
		require.NotZero(t, w.link(5, 1).PathsRefused, "by the offering end, which has to be convinced first")
		require.Equal(t, 1, w.link(5, 1).Paths)
		require.Equal(t, 1, w.link(1, 5).Paths)
	})
}
