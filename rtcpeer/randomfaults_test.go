package rtcpeer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
	"example.org/rtcpeer/testdata/skip"
)

// Whatever happens to network and signaling, in whatever order: once both work again everybody is connected
// with everybody, no program was told what cannot be, and within each connection all reliable packets came once
// and in order.
func TestRandomFaults(t *testing.T) {
	for seed := range skip.Shorter(uint64(2), 15) {
		for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
			for _, checked := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%d/checked=%v", topology, seed, checked), func(t *testing.T) {
					bubble.Test(t, func(t *testing.T) { randomFaults(t, topology, seed, checked) })
				})
			}
		}
	}
}

// randomFaults is one run. If checked is true, the ends of each path check their route.
func randomFaults(t *testing.T, topology rtcpeer.Topology, seed uint64, checked bool) {
	random := rand.New(rand.NewPCG(seed, 0))
	ids := []rtcpeer.PeerID{1, 5, 7}
	w := newWorld(t, topology, memory.Options{Delay: time.Duration(random.IntN(100)) * time.Millisecond, Seed: seed})
	if checked {
		w.withChecks()
	}
	lostAfter := []time.Duration{30 * time.Second, -1, 3 * time.Second, time.Millisecond}[random.IntN(4)]
	w.join(rtcpeer.Config{LostAfter: lostAfter}, ids...)
	streams := make(map[[2]rtcpeer.PeerID]*attempts)
	for _, from := range ids {
		for _, to := range ids {
			if from != to {
				streams[[2]rtcpeer.PeerID{from, to}] = w.attempts(from, to)
			}
		}
	}
	for range 40 {
		a, b := ids[random.IntN(3)], ids[random.IntN(3)]
		if a == b {
			b = ids[(int(a)/2+1)%3] // of 1, 5 and 7 the next one
		}
		switch random.IntN(10) {
		case 0, 1:
			w.partition(a, b)
		case 2:
			w.network.PartitionOneWay(w.hosts[a], w.hosts[b])
		case 3, 4:
			w.heal(a, b)
		case 5:
			w.network.Move(w.hosts[a])
		case 6:
			w.network.Forget(w.hosts[a], w.hosts[b])
		case 7:
			w.network.RelayOnly(w.hosts[a], w.hosts[b], random.IntN(2) == 0)
		case 8:
			w.network.BreakRelays()
		case 9:
			w.unreliableSignals(random)
		}
		after(time.Duration(random.IntN(4000)) * time.Millisecond)
	}
	for _, a := range ids {
		w.isolate(a, false)
	}
	w.reliableSignals()
	after(time.Minute)
	for pair, s := range streams {
		s.end()
		after(time.Second)
		s.want(t, pair)
	}
	for _, a := range ids {
		w.diaries[a].check(t)
		require.Len(t, w.nodes[a].Peers(), 2, "%d: %v", a, lostAfter)
		for _, b := range ids {
			require.NotContains(t, w.diaries[a].story(b), "misbehaved")
			if topology == rtcpeer.Mesh || a == rtcpeer.Server || b == rtcpeer.Server {
				require.NotContains(t, w.diaries[a].story(b), "by ", "%d of %d", a, b)
			}
			if lostAfter == -1 && topology == rtcpeer.Mesh {
				require.NotContains(t, w.diaries[a].story(b), "disconnected", "%d of %d", a, b)
			}
		}
	}
}

// unreliableSignals has the server lose some signals, or delay them.
func (w *world) unreliableSignals(random *rand.Rand) {
	w.room.mu.Lock()
	defer w.room.mu.Unlock()
	lossy, longest := random.IntN(2) == 0, random.IntN(5000)
	chance := rand.New(rand.NewPCG(random.Uint64(), 0))
	w.room.lose = func(_, _ rtcpeer.PeerID, _ signaling.SignalData) bool { return lossy && chance.IntN(2) == 0 }
	w.room.delay = func(_, _ rtcpeer.PeerID) time.Duration {
		return time.Duration(chance.IntN(longest+1)) * time.Millisecond
	}
}

func (w *world) reliableSignals() {
	w.room.mu.Lock()
	defer w.room.mu.Unlock()
	w.room.lose = w.count
	w.room.delay = func(_, _ rtcpeer.PeerID) time.Duration { return 0 }
}

// attempts is a stream whose sender goes on while there is no connection.
type attempts struct {
	w       *world
	sent    int // numbers the packets that were accepted
	stop    chan struct{}
	stopped chan struct{}
}

func (w *world) attempts(from, to rtcpeer.PeerID) *attempts {
	s := &attempts{w: w, stop: make(chan struct{}), stopped: make(chan struct{})}
	node := w.nodes[from]
	go func() {
		defer close(s.stopped)
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-s.stop:
				return
			case <-s.w.t.Context().Done():
				return
			}
			if node.Send(context.Background(), rtcpeer.Packet{Peer: to, Data: fmt.Append(nil, s.sent)}) == nil {
				s.sent++
			}
		}
	}()
	return s
}

func (s *attempts) end() {
	close(s.stop)
	<-s.stopped
}

// want wants no gap in a connection, and in those of a star neither in the one with the host.
func (s *attempts) want(t *testing.T, pair [2]rtcpeer.PeerID) {
	t.Helper()
	events, _ := s.w.diaries[pair[1]].all()
	next, fresh := 0, true
	for _, ev := range events {
		switch {
		case ev.Kind == rtcpeer.PeerConnected && (ev.Peer == pair[0] || ev.Peer == rtcpeer.Server):
			fresh = true
		case ev.Kind == rtcpeer.PeerDisconnected && (ev.Peer == pair[0] || ev.Peer == rtcpeer.Server):
			fresh = true
		case ev.Kind == rtcpeer.PacketReceived && ev.Peer == pair[0]:
			n, err := strconv.Atoi(string(ev.Packet.Data))
			require.NoError(t, err)
			if fresh {
				require.GreaterOrEqual(t, n, next, "%v goes back", pair)
			} else {
				require.Equal(t, next, n, "%v has a gap, or a packet twice", pair)
			}
			next, fresh = n+1, false
		}
	}
	require.Equal(t, s.sent, next, "%v: the last packet", pair)
}
