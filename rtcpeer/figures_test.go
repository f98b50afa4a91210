package rtcpeer_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
	"example.org/rtcpeer/testdata/skip"
)

// What Stats tells of links that last, and of the signaling server, and what Config.LostAfter does.

func TestStatsOfALink(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 10 * time.Millisecond})
		w.join(rtcpeer.Config{}, 1, 5)
		for range 20 { // an idle link
			for id := range w.nodes {
				l := w.link(id, 6-id)
				require.True(t, l.Repairable)
				require.False(t, l.Interrupted)
				require.Equal(t, 1, l.Paths)
				require.Less(t, l.LastHeard, 1600*time.Millisecond)
				require.Zero(t, l.PathsRefused)
			}
			after(333 * time.Millisecond)
		}
		require.NoError(t, w.nodes[1].Send(t.Context(), rtcpeer.Packet{Peer: 5, Data: []byte("hello")}))
		after(2 * time.Second)
		require.Zero(t, w.link(1, 5).Lanes[0].Buffered, "a beat told that it was taken")

		w.partition(1, 5)
		after(time.Second)
		require.NoError(t, w.nodes[1].Send(t.Context(), rtcpeer.Packet{Peer: 5, Data: []byte("wait for me")}))
		require.Equal(t, 11, w.link(1, 5).Lanes[0].Buffered)
		require.Zero(t, w.link(1, 5).Lanes[0].Resent)
		after(5 * time.Second)
		require.True(t, w.link(1, 5).Interrupted)
		require.InDelta(t, 6.25, w.link(1, 5).LastHeard.Seconds(), 0.9)
		w.network.Forget(w.hosts[1], w.hosts[5])
		w.heal(1, 5)
		after(8 * time.Second)
		for id := range w.nodes {
			l := w.link(id, 6-id)
			require.False(t, l.Interrupted)
			require.Equal(t, 2, l.Paths)
			require.Less(t, l.LastHeard, 1600*time.Millisecond)
		}
		sent, received := w.link(1, 5).Lanes[0], w.link(5, 1).Lanes[0]
		require.EqualValues(t, 1, sent.Resent)
		require.EqualValues(t, 2, sent.Sent, "sent again is not sent twice")
		require.EqualValues(t, 2, received.Received)
		require.Zero(t, sent.Buffered)
		require.Equal(t, uint64(16), sent.SentBytes)
		require.Equal(t, uint64(16), received.ReceivedBytes)
	})
}

// What is received over two paths at once counts once.
func TestStatsOverManyPaths(t *testing.T) {
	lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
		w := newWorld(t, topology, memory.Options{Delay: 40 * time.Millisecond})
		w.join(rtcpeer.Config{}, 1, 5)
		streams := []*stream{w.stream(1, 5, 0, rtcpeer.Reliable, 5*time.Millisecond, 1), w.stream(5, 1, 0, rtcpeer.Reliable, 5*time.Millisecond, 1)}
		for range 20 { // paths that work are left for others: the address has changed, and nobody answers in time
			w.hosts[1], w.hosts[5] = w.hosts[5], w.hosts[1]
			w.network.Move(w.hosts[1])
			after(1500 * time.Millisecond)
		}
		for _, s := range streams {
			s.end()
		}
		after(3 * time.Second)
		for _, s := range streams {
			s.want()
			sent, received := w.link(s.from, s.to).Lanes[0], w.link(s.to, s.from).Lanes[0]
			require.EqualValues(t, s.sent, sent.Sent)
			require.EqualValues(t, s.sent, received.Received)
			require.Equal(t, sent.SentBytes, received.ReceivedBytes)
		}
	})
}

func TestStatsOfSignaling(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Mesh, memory.Options{})
		w.join(rtcpeer.Config{}, 1, 5)
		s := w.nodes[1].Stats()
		require.True(t, s.Signaling)
		require.NoError(t, s.SignalingLost)
		require.Equal(t, 5*time.Second, s.SignalingSince)
		why := errors.New("no route to host")
		for range 3 { // told again and again, it was lost once
			w.room.tell(1, signaling.Disconnected{Err: why})
			after(time.Second)
		}
		s = w.nodes[1].Stats()
		require.True(t, s.Signaling, "it tries to come back")
		require.ErrorIs(t, s.SignalingLost, why)
		require.Equal(t, 3*time.Second, s.SignalingSince)
		require.Zero(t, s.Resumed)
		w.room.restore(w.room.sessionOf(1))
		after(2 * time.Second)
		s = w.nodes[1].Stats()
		require.NoError(t, s.SignalingLost)
		require.Equal(t, 2*time.Second, s.SignalingSince)
		require.Equal(t, 1, s.Resumed)
		events, _ := w.diaries[1].all()
		require.Len(t, events, 3)
		require.Equal(t, rtcpeer.SignalingLost, events[1].Kind)
		require.ErrorIs(t, events[1].Err, why)
		require.Equal(t, rtcpeer.SignalingResumed, events[2].Kind)
		w.room.end(&signaling.Error{Code: signaling.CodeRoomClosed})
		after(time.Second)
		s = w.nodes[1].Stats()
		require.False(t, s.Signaling)
		require.ErrorIs(t, s.SignalingErr, &signaling.Error{Code: signaling.CodeRoomClosed})
		require.Equal(t, s.SignalingErr, s.SignalingLost)
		require.Equal(t, "connected", w.diaries[1].story(5), "links go on")
	})
}

// An idle link is not lost however small LostAfter is, and one that is silent is never lost if it is negative.
func TestLostAfter(t *testing.T) {
	tests := []struct {
		lostAfter time.Duration
		want      time.Duration // until it is lost; 0: never
	}{
		{time.Nanosecond, 1500 * time.Millisecond},
		{3 * time.Second, 3 * time.Second},
		{0, 30 * time.Second},
		{-1, 0},
		{500 * time.Millisecond, 1500 * time.Millisecond},
		{time.Second, 1500 * time.Millisecond},
		{2 * time.Minute, 2 * time.Minute},
		{-time.Hour, 0},
	}
	tests = tests[:skip.Shorter(4, len(tests))]
	for _, tt := range tests {
		t.Run(tt.lostAfter.String(), func(t *testing.T) {
			lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
				w := newWorld(t, topology, memory.Options{Delay: 100 * time.Millisecond})
				w.join(rtcpeer.Config{LostAfter: tt.lostAfter}, 1, 5)
				after(time.Minute)
				require.Equal(t, "connected", w.diaries[1].story(5))
				require.Equal(t, "connected", w.diaries[5].story(1))
				w.partition(1, 5)
				start := time.Now()
				after(time.Hour)
				for id, d := range w.diaries {
					d.check(t)
					if tt.want == 0 {
						require.Equal(t, "connected interrupted", d.story(6-id))
						continue
					}
					require.Regexp(t, `^connected (interrupted )?disconnected\(lost\)`, d.story(6-id))
					require.InDelta(t, tt.want.Seconds(), d.when(rtcpeer.PeerDisconnected, 6-id).Sub(start).Seconds(), 1.1)
				}
				w.heal(1, 5)
				after(40 * time.Second)
				for id, d := range w.diaries {
					d.check(t)
					require.Equal(t, []rtcpeer.PeerID{6 - id}, w.nodes[id].Peers(), d.story(6-id))
				}
			})
		})
	}
}

// A program that never receives does not grow without bound, however often its links come and go.
func TestNeverReceives(t *testing.T) {
	for _, lostAfter := range []time.Duration{0, time.Millisecond} {
		t.Run(fmt.Sprint(lostAfter), func(t *testing.T) {
			lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
				w := newWorld(t, topology, memory.Options{Delay: 10 * time.Millisecond})
				w.enter(1, rtcpeer.Config{LostAfter: lostAfter})
				w.hosts[5] = w.network.Transport()
				deaf := w.room.join(t, 5, w.hosts[5], rtcpeer.Config{LostAfter: lostAfter})
				after(5 * time.Second)
				for range skip.Shorter(300, 3000) {
					w.partition(1, 5)
					after(2100 * time.Millisecond)
					w.heal(1, 5)
					after(900 * time.Millisecond)
				}
				after(time.Minute)
				require.LessOrEqual(t, deaf.Stats().Waiting, rtcpeer.MaxControl+8)
				require.Greater(t, strings.Count(w.diaries[1].story(5), "connected"), 0)
				w.diaries[1].check(t)

				d := keepDiary(deaf) // it receives at last
				after(time.Minute)
				d.check(t)
				require.Equal(t, []rtcpeer.PeerID{1}, deaf.Peers())
				require.Equal(t, []rtcpeer.PeerID{5}, w.nodes[1].Peers())
				require.NoError(t, deaf.Send(t.Context(), rtcpeer.Packet{Peer: 1, Data: []byte("here I am")}))
				after(time.Second)
				require.Contains(t, w.diaries[1].packets(5, 0, rtcpeer.Reliable), "here I am")
			})
		})
	}
}
