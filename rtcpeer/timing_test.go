package rtcpeer_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// requireTimes checks what a node knows of the way to a peer and of its clock.
func (w *world) requireTimes(at, of rtcpeer.PeerID, rtt, offset, within time.Duration) {
	w.t.Helper()
	gotRTT, ok := w.nodes[at].RTT(of)
	require.True(w.t, ok, "round trip of %d at %d", of, at)
	require.InDelta(w.t, rtt.Seconds(), gotRTT.Seconds(), within.Seconds(), "round trip of %d at %d", of, at)
	gotOffset, ok := w.nodes[at].Offset(of)
	require.True(w.t, ok, "offset of %d at %d", of, at)
	require.InDelta(w.t, offset.Seconds(), gotOffset.Seconds(), within.Seconds(), "offset of %d at %d", of, at)
}

// Both ends of each link know the truth, also of peers behind a host: with the delay both ways, and clocks apart by
// seconds.
func TestTimesOfPeers(t *testing.T) {
	const delay, exact = 40 * time.Millisecond, 10 * time.Microsecond
	ahead := map[rtcpeer.PeerID]time.Duration{1: 0, 3: 90 * time.Second, 5: -2 * time.Second}
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		t.Run(string(topology), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, topology, memory.Options{Delay: delay})
				for id, d := range ahead {
					w.enter(id, rtcpeer.Config{}).SetClock(d)
				}
				_, ok := w.nodes[1].RTT(5)
				require.False(t, ok, "not connected yet")
				_, ok = w.nodes[1].Offset(5)
				require.False(t, ok, "not connected yet")
				after(20 * time.Second)
				for at := range ahead {
					for of := range ahead {
						rtt := 2 * delay
						if at != 1 && of != 1 && topology == rtcpeer.Star {
							rtt *= 2
						}
						if at != of {
							w.requireTimes(at, of, rtt, ahead[of]-ahead[at], exact)
							require.WithinDuration(t, w.nodes[of].Now(), w.nodes[at].Now().Add(ahead[of]-ahead[at]), 0)
						}
					}
				}
				_, ok = w.nodes[5].RTT(77)
				require.False(t, ok)
				_, ok = w.nodes[5].Offset(5)
				require.False(t, ok, "of itself")
				require.NoError(t, w.closeNode(3))
				after(time.Second)
				for _, at := range []rtcpeer.PeerID{1, 5} {
					_, ok = w.nodes[at].RTT(3)
					require.False(t, ok, "it has left")
				}
			})
		})
	}
}

// The times are there half a second and three round trips after the link.
func TestTimesAreThereSoon(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		const delay = 100 * time.Millisecond
		w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: delay})
		for _, id := range []rtcpeer.PeerID{1, 5} {
			w.enter(id, rtcpeer.Config{})
		}
		for len(w.nodes[1].Peers()) == 0 || len(w.nodes[5].Peers()) == 0 {
			after(10 * time.Millisecond)
		}
		after(500*time.Millisecond + 6*delay)
		w.requireTimes(1, 5, 2*delay, 0, 10*time.Microsecond)
		w.requireTimes(5, 1, 2*delay, 0, 10*time.Microsecond)
	})
}

// While one way is full of what it carries, a beat on it waits: the round trip says so, and the offset is that of the
// seconds before.
func TestOffsetUnderLoad(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		const delay, ahead, rate = 20 * time.Millisecond, 3 * time.Second, 1 << 20
		w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: delay, Rate: rate})
		w.enter(1, rtcpeer.Config{})
		w.enter(5, rtcpeer.Config{}).SetClock(ahead)
		after(10 * time.Second)
		w.requireTimes(1, 5, 2*delay, ahead, time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		var sender sync.WaitGroup
		defer sender.Wait()
		defer cancel()
		sender.Go(func() {
			for w.nodes[5].Send(ctx, rtcpeer.Packet{Mode: rtcpeer.Reliable, Peer: 1, Data: make([]byte, 16<<10)}) == nil {
			}
		})
		after(20 * time.Second)
		for _, id := range []rtcpeer.PeerID{1, 5} {
			rtt, ok := w.nodes[id].RTT(6 - id)
			require.True(t, ok)
			require.Greater(t, rtt, 3*delay, "it carries much")
			offset, ok := w.nodes[id].Offset(6 - id)
			require.True(t, ok)
			require.InDelta(t, ahead.Seconds(), offset.Abs().Seconds(), 0.003)
		}
	})
}

// A clock that is set, or stood still while its machine was asleep, is noticed with the next measurement.
func TestOffsetOfAClockThatIsSet(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Star, memory.Options{Delay: 20 * time.Millisecond}).join(rtcpeer.Config{}, 1, 3, 5)
		after(20 * time.Second)
		w.nodes[5].SetClock(-time.Hour)
		after(20 * time.Second)
		w.requireTimes(1, 5, 40*time.Millisecond, -time.Hour, time.Millisecond)
		w.requireTimes(3, 5, 80*time.Millisecond, -time.Hour, time.Millisecond)
		w.requireTimes(5, 1, 40*time.Millisecond, time.Hour, time.Millisecond)
		w.requireTimes(5, 3, 80*time.Millisecond, time.Hour, time.Millisecond)
	})
}

// A path with another delay is measured at once.
func TestTimesOfAnotherPath(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 20 * time.Millisecond}).join(rtcpeer.Config{}, 1, 5)
		after(5 * time.Second)
		w.network.Adjust(func(o *memory.Options) { o.Delay = 100 * time.Millisecond })
		w.network.Move(w.hosts[5])
		after(10 * time.Second)
		require.Equal(t, 2, w.link(5, 1).Paths)
		w.requireTimes(1, 5, 200*time.Millisecond, 0, time.Millisecond)
		w.requireTimes(5, 1, 200*time.Millisecond, 0, time.Millisecond)
	})
}

// A member that does not say that it understands times gets none, however often it asks, and the transport's round trip
// is what is known of it.
func TestTimesAreSentOnlyToMembersThatKnowThem(t *testing.T) {
	withRogue(t, func(t *testing.T, w *world, r *rogue, node rtcpeer.PeerID) {
		for range 3 {
			r.say(r.path, rtcpeer.Beat(rtcpeer.BeatAsks, 0))
			after(time.Second)
		}
		for answers := 0; answers < 3; {
			f := r.hearOf(r.path, "beat")
			require.Empty(t, f.Times)
			require.NotZero(t, f.Flags&rtcpeer.BeatTimes, "it says that it understands them")
			if f.Flags&rtcpeer.BeatAnswers != 0 {
				answers++
			}
		}
		_, ok := w.nodes[node].Offset(r.session.member.ID)
		require.False(t, ok)
		rtt, ok := w.nodes[node].RTT(r.session.member.ID)
		require.True(t, ok)
		require.Equal(t, 20*time.Millisecond, rtt)
	})
}

// Nonsense in place of times is passed over, and has no effect on what is known of others.
func TestImpossibleTimesAreIgnored(t *testing.T) {
	const most = 1<<53 - 1
	tests := []struct {
		name  string
		times []uint64
	}{
		{"an answer to nothing", []uint64{5, 0, 0}},
		{"of the far future", []uint64{most, most, 0}},
		{"held for longer than it was away", []uint64{5, 1, most}},
		{"away for years", []uint64{5, 1, 0}},
		{"all of them", []uint64{most, most, most}},
		{"of guests in a mesh", []uint64{5, 0, 0, 7, 5, 5, 0, 5, 5, most, most, most}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			withRogue(t, func(t *testing.T, w *world, r *rogue, node rtcpeer.PeerID) {
				r.say(r.path, rtcpeer.TimedBeat(rtcpeer.BeatTimes|rtcpeer.BeatAsks, 0, tt.times...))
				r.say(r.path, rtcpeer.TimedBeat(rtcpeer.BeatTimes|rtcpeer.BeatAnswers, 0, tt.times...))
				after(time.Second)
				id := r.session.member.ID
				require.Equal(t, "connected", w.diaries[node].story(id))
				_, ok := w.nodes[node].Offset(id)
				require.False(t, ok)
				w.requireTimes(node, 7, 20*time.Millisecond, 0, time.Millisecond)
			})
		})
	}
}

// What a host tells of guests that are not there is not shown.
func TestTimesOfUnknownGuestsAreIgnored(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Star, memory.Options{Delay: 10 * time.Millisecond})
		w.enter(5, rtcpeer.Config{})
		r := newRogue(t, w, 1, 5)
		r.beatAlways(r.path, none)
		r.say(r.path, rtcpeer.TimedBeat(rtcpeer.BeatTimes|rtcpeer.BeatAsks, 0, 5, 0, 0, 9, 5, 5, 5, 5, 5, 1, 5, 5, 0, 5, 5))
		after(time.Second)
		for _, id := range []rtcpeer.PeerID{9, 5} {
			_, ok := w.nodes[5].Offset(id)
			require.False(t, ok, "%d", id)
			_, ok = w.nodes[5].RTT(id)
			require.False(t, ok, "%d", id)
		}
	})
}
