package rtcpeer_test

import (
	"context"
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
)

// What programs see of an interruption, and what becomes of what they send.

// A repair with channels of all modes and packets of all sizes: reliable ones arrive once and in order, ordered ones never go
// back, and unreliable ones that were sent in the interruption are dropped, and counted.
func TestChannelsOverRepairs(t *testing.T) {
	lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
		channels := []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.UnreliableOrdered, rtcpeer.Unreliable, rtcpeer.Reliable}
		w := newWorld(t, topology, memory.Options{Delay: 15 * time.Millisecond, Jitter: 10 * time.Millisecond, Loss: 0.02})
		w.room.delay = func(_, _ rtcpeer.PeerID) time.Duration { return 40 * time.Millisecond }
		w.join(rtcpeer.Config{Channels: channels, SendBuffer: 4 << 20}, 1, 5)
		var streams []*stream
		for _, from := range []rtcpeer.PeerID{1, 5} {
			for channel, mode := range append([]rtcpeer.Mode{rtcpeer.UnreliableOrdered}, channels...) {
				streams = append(streams, w.stream(from, 6-from, channel, mode, time.Duration(31+channel)*time.Millisecond, 1+channel*4000))
			}
		}
		for range 4 {
			after(1300 * time.Millisecond)
			w.network.Forget(w.hosts[1], w.hosts[5])
			after(3700 * time.Millisecond)
		}
		for _, s := range streams {
			s.end()
		}
		after(5 * time.Second)
		for _, s := range streams {
			s.want()
			if s.mode != rtcpeer.Reliable {
				require.Greater(t, len(w.diaries[s.to].packets(s.from, s.channel, s.mode)), s.sent/2, "most arrive")
			}
		}
		for id, d := range w.diaries {
			d.check(t)
			require.Equal(t, "connected"+strings.Repeat(" interrupted resumed", 4), d.story(6-id))
			stats := w.nodes[id].Stats()
			require.Positive(t, stats.Dropped["interrupted"])
			require.Equal(t, 5, w.link(id, 6-id).Paths)
			for _, l := range w.link(id, 6-id).Lanes {
				require.Equal(t, l.Mode == rtcpeer.Reliable && l.Sent > 0, l.Resent > 0, "channel %d %v: %d resent", l.Channel, l.Mode, l.Resent)
				require.Zero(t, l.Buffered, "channel %d %v", l.Channel, l.Mode)
			}
		}
	})
}

// The program at the other end receives nothing before and during three repairs, and then receives again. Everything that
// waited, in the transports of the old paths and at the sender, arrives once and in order.
func TestReaderStopsDuringRepair(t *testing.T) {
	for _, reader := range []rtcpeer.PeerID{1, 5} {
		t.Run(fmt.Sprint(reader), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				network := memory.NewNetwork(memory.Options{Delay: 10 * time.Millisecond})
				r := newRoom(rtcpeer.Mesh)
				hosts := map[rtcpeer.PeerID]*memory.Transport{1: network.Transport(), 5: network.Transport()}
				config := rtcpeer.Config{ReceiveBuffer: 32 << 10, SendBuffer: 256 << 10}
				nodes := map[rtcpeer.PeerID]*rtcpeer.Node{1: r.join(t, 1, hosts[1], config), 5: r.join(t, 5, hosts[5], config)}
				wantEvent(t, nodes[1], rtcpeer.PeerConnected, 5)
				wantEvent(t, nodes[5], rtcpeer.PeerConnected, 1)
				sent, stop := make(chan int, 1), make(chan struct{})
				go func() {
					n := 0
					defer func() { sent <- n }()
					for {
						select {
						case <-stop:
							return
						default:
						}
						ctx, cancel := context.WithTimeout(t.Context(), time.Second)
						err := nodes[6-reader].Send(ctx, rtcpeer.Packet{Peer: reader, Data: fmt.Appendf(nil, "%01000d", n)})
						cancel()
						if err == nil {
							n++
						} else if !errors.Is(err, context.DeadlineExceeded) {
							t.Error(err)
							return
						}
					}
				}()
				after(3 * time.Second)
				for range 3 {
					network.Forget(hosts[1], hosts[5])
					after(4 * time.Second)
				}
				require.Equal(t, 4, nodes[reader].Stats().Links[6-reader].Paths)
				require.LessOrEqual(t, nodes[reader].Stats().Waiting, 40, "what waits for a program that does not receive is bounded")
				received := 0
				receive := func() {
					for {
						ev, err := nodes[reader].TryReceive()
						if err != nil {
							return
						}
						if ev.Kind == rtcpeer.PacketReceived {
							require.Equal(t, fmt.Sprintf("%01000d", received), string(ev.Packet.Data))
							received++
						}
					}
				}
				for i := range 400 {
					receive()
					after(10 * time.Millisecond)
					if i == 200 {
						close(stop)
					}
				}
				n := <-sent
				require.Greater(t, n, 1000)
				for range 100 {
					receive()
					after(10 * time.Millisecond)
				}
				require.Equal(t, n, received)
			})
		})
	}
}

// The program at the other end does not receive, and then the link is lost. What Flush has reported as taken is received
// all the same, including the packet for which there was no room.
func TestTakenPacketsOutliveTheLink(t *testing.T) {
	for _, reader := range []rtcpeer.PeerID{1, 5} {
		t.Run(fmt.Sprint(reader), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				network := memory.NewNetwork(memory.Options{Delay: 10 * time.Millisecond})
				r := newRoom(rtcpeer.Mesh)
				hosts := map[rtcpeer.PeerID]*memory.Transport{1: network.Transport(), 5: network.Transport()}
				config := rtcpeer.Config{ReceiveBuffer: 32 << 10, LostAfter: 10 * time.Second}
				nodes := map[rtcpeer.PeerID]*rtcpeer.Node{1: r.join(t, 1, hosts[1], config), 5: r.join(t, 5, hosts[5], config)}
				wantEvent(t, nodes[1], rtcpeer.PeerConnected, 5)
				wantEvent(t, nodes[5], rtcpeer.PeerConnected, 1)
				flushed := 0
				for {
					ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
					require.NoError(t, nodes[6-reader].Send(ctx, rtcpeer.Packet{Peer: reader, Data: fmt.Appendf(nil, "%01000d", flushed)}))
					err := nodes[6-reader].Flush(ctx)
					cancel()
					if err != nil {
						break
					}
					flushed++
				}
				require.Greater(t, flushed, 20)
				network.Partition(hosts[1], hosts[5])
				after(15 * time.Second)
				received := 0
				for ev := next(t, nodes[reader]); ev.Kind != rtcpeer.PeerDisconnected; ev = next(t, nodes[reader]) {
					if ev.Kind == rtcpeer.PacketReceived {
						require.Equal(t, fmt.Sprintf("%01000d", received), string(ev.Packet.Data))
						received++
					}
				}
				require.Equal(t, flushed, received)
			})
		})
	}
}

// A guest of a star sends 1 MiB to another one, flushes and leaves. The other one takes its time, and still gets all of
// it, on a channel that is not that of the announcement that the sender is gone.
func TestLastPacketsOfAGuestThatLeaves(t *testing.T) {
	for name, reads := range map[string]struct{ after, each time.Duration }{
		"late": {after: 3 * time.Second}, "slowly": {each: 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				nodes := group(t, rtcpeer.Star, inMemory(), rtcpeer.Config{Channels: []rtcpeer.Mode{rtcpeer.Reliable}}, 1, 5, 9)
				uploads, err := nodes[9].ChannelQueue(1)
				require.NoError(t, err)
				const packets = 64
				for i := range packets {
					data := append([]byte{byte(i)}, make([]byte, 16<<10-1)...)
					require.NoError(t, nodes[5].Send(t.Context(), rtcpeer.Packet{Peer: 9, Channel: 1, Data: data}))
				}
				require.NoError(t, nodes[5].Flush(t.Context()))
				require.NoError(t, nodes[5].Close())
				after(reads.after)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				told := false
				for i := range packets {
					if !told && reads.each > 0 {
						after(reads.each)
						_, none := nodes[9].TryReceive()
						told = none == nil // what is in the queue is enough from here on
					}
					p, err := uploads.Receive(ctx)
					require.NoError(t, err, "packet %d", i)
					require.Equal(t, byte(i), p.Data[0])
				}
				if reads.each > 0 {
					require.True(t, told, "before everything was received")
				} else {
					wantDisconnected(t, nodes[9], 5, rtcpeer.ByPeer)
				}
				require.Zero(t, nodes[9].Stats().Dropped["peer_gone"])
			})
		})
	}
}

// A guest that is back is announced after its departure, which waited for a guest that takes nothing. Later departures
// that nobody takes are announced after Config.SlowAfter.
func TestGuestIsBackBeforeItsDepartureWasTold(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		newTransport, config := inMemory(), rtcpeer.Config{Channels: []rtcpeer.Mode{rtcpeer.Reliable}}
		r := newRoom(rtcpeer.Star)
		nodes := r.group(t, newTransport, config, 1, 5, 9)
		uploads, err := nodes[9].ChannelQueue(1)
		require.NoError(t, err)
		for range 64 {
			require.NoError(t, nodes[5].Send(t.Context(), rtcpeer.Packet{Peer: 9, Channel: 1, Data: make([]byte, 16<<10)}))
		}
		require.NoError(t, nodes[5].Close())
		after(time.Second)
		wantNoEvent(t, nodes[9])
		back := r.join(t, 5, newTransport(), config)
		wantDisconnected(t, nodes[9], 5, rtcpeer.ByPeer)
		wantEvent(t, nodes[9], rtcpeer.PeerConnected, 5)
		start := time.Now()
		require.NoError(t, back.Close())
		wantDisconnected(t, nodes[9], 5, rtcpeer.ByPeer)
		require.InDelta(t, 5, time.Since(start).Seconds(), 0.2)
		_, err = uploads.TryReceive()
		require.NoError(t, err)
	})
}

// A broadcast names those for whom there was no room in ascending order, whoever of them connected first.
func TestBroadcastErrorIsInOrder(t *testing.T) {
	lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
		w := newWorld(t, topology, memory.Options{Delay: 10 * time.Millisecond})
		for _, id := range []rtcpeer.PeerID{1, 9, 5} {
			w.enter(id, rtcpeer.Config{SendBuffer: 64 << 10, LostAfter: 10 * time.Second})
			after(time.Second)
		}
		w.isolate(1, true)
		after(3 * time.Second)
		packet := rtcpeer.Packet{Data: make([]byte, 10_000)}
		for range 6 {
			require.NoError(t, w.nodes[1].TrySend(packet))
		}
		var full *rtcpeer.BroadcastError
		require.ErrorAs(t, w.nodes[1].TrySend(packet), &full)
		require.Equal(t, []rtcpeer.PeerID{5, 9}, full.Peers)
	})
}

// While a link is interrupted its reliable lanes take what SendBuffer allows. Then Send waits, until the link is back, its
// context is done or the peer is disconnected, and TrySend says so.
func TestSendingInAnInterruption(t *testing.T) {
	lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
		w := newWorld(t, topology, memory.Options{Delay: 10 * time.Millisecond})
		w.join(rtcpeer.Config{SendBuffer: 64 << 10, LostAfter: 10 * time.Second}, 1, 5)
		w.partition(1, 5)
		after(3 * time.Second)
		for _, from := range []rtcpeer.PeerID{1, 5} {
			n := w.nodes[from]
			to := 6 - from
			require.True(t, w.link(from, to).Interrupted)
			packet := func(i int) rtcpeer.Packet { return rtcpeer.Packet{Peer: to, Data: fmt.Appendf(nil, "%010000d", i)} }
			for i := range 6 {
				require.NoError(t, n.TrySend(packet(i)))
			}
			require.ErrorIs(t, n.TrySend(packet(6)), rtcpeer.ErrBufferFull)
			require.InDelta(t, 60000, w.link(from, to).Lanes[0].Buffered, 10)
			if topology == rtcpeer.Mesh || from == rtcpeer.Server { // a guest's broadcast is a packet to the host
				var full *rtcpeer.BroadcastError
				require.ErrorAs(t, n.Send(t.Context(), rtcpeer.Packet{Data: packet(6).Data}), &full)
				require.Equal(t, []rtcpeer.PeerID{to}, full.Peers)
			}
			cause := errors.New("no patience")
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(cause) })
			start := time.Now()
			require.ErrorIs(t, n.Send(ctx, packet(6)), cause)
			require.Equal(t, time.Second, time.Since(start))
			for _, mode := range []rtcpeer.Mode{rtcpeer.Unreliable, rtcpeer.UnreliableOrdered} {
				before := n.Stats().Dropped["interrupted"]
				require.NoError(t, n.Send(t.Context(), rtcpeer.Packet{Peer: to, Mode: mode, Data: []byte("x")}))
				require.Equal(t, before+1, n.Stats().Dropped["interrupted"])
			}
		}
		waiting := make(chan error, 2)
		for _, from := range []rtcpeer.PeerID{1, 5} {
			go func() {
				waiting <- w.nodes[from].Send(t.Context(), rtcpeer.Packet{Peer: 6 - from, Data: fmt.Appendf(nil, "%010000d", 6)})
			}()
		}
		after(time.Second)
		require.Empty(t, waiting, "there is no room yet")
		w.heal(1, 5)
		after(time.Second)
		require.NoError(t, <-waiting)
		require.NoError(t, <-waiting)
		after(time.Second)
		for id, d := range w.diaries {
			got := d.packets(6-id, 0, rtcpeer.Reliable)
			require.Len(t, got, 7)
			for i, data := range got {
				require.Equal(t, fmt.Sprintf("%010000d", i), data)
			}
			require.Zero(t, w.link(id, 6-id).Lanes[0].Buffered)
			require.False(t, w.link(id, 6-id).Interrupted)
		}

		w.partition(1, 5) // and now for good
		for from := range w.nodes {
			go func() {
				var err error
				for err == nil {
					err = w.nodes[from].Send(t.Context(), rtcpeer.Packet{Peer: 6 - from, Data: make([]byte, 10000)})
				}
				waiting <- err
			}()
		}
		after(15 * time.Second)
		require.ErrorIs(t, <-waiting, rtcpeer.ErrUnknownPeer)
		require.ErrorIs(t, <-waiting, rtcpeer.ErrUnknownPeer)
		for id, d := range w.diaries {
			require.Equal(t, "connected interrupted resumed interrupted disconnected(lost)", d.story(6-id))
		}
	})
}

// The other end dies in the middle of a repair. It is lost after LostAfter, also if the server says earlier that its place is
// lost or its grant has expired. A member that has left by itself, or was kicked, is gone as soon as the server says so.
func TestPeerDiesDuringRepair(t *testing.T) {
	tests := []struct {
		name      string
		left      signaling.LeftReason // the server says so after five seconds; empty: never
		lostAfter time.Duration
		want      string
		after     time.Duration // of the death, and at most two seconds later
	}{
		{"the server keeps the place", "", 0, "lost", 29 * time.Second},
		{"the server gives the place up", signaling.LeftLost, 0, "lost", 29 * time.Second},
		{"lost soon", "", 10 * time.Second, "lost", 9 * time.Second},
		{"it has left", signaling.LeftByItself, 0, "by peer", 5 * time.Second},
		{"it has left, and nobody is ever lost", signaling.LeftByItself, -1, "by peer", 5 * time.Second},
		{"it was kicked", signaling.LeftKicked, 0, "kicked", 5 * time.Second},
		{"its time is over", signaling.LeftExpired, 0, "lost", 29 * time.Second},
	}
	for _, tt := range tests {
		for _, victim := range []rtcpeer.PeerID{1, 5} {
			t.Run(fmt.Sprintf("%s %d", tt.name, victim), func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 10 * time.Millisecond})
					w.join(rtcpeer.Config{LostAfter: tt.lostAfter}, 1, 5)
					s := w.stream(victim, 6-victim, 0, rtcpeer.Reliable, 10*time.Millisecond, 1)
					w.network.Forget(w.hosts[1], w.hosts[5])
					after(1560 * time.Millisecond) // the next path is on its way
					s.end()
					w.kill(victim)
					start := time.Now()
					if tt.left != "" {
						time.AfterFunc(5*time.Second, func() {
							w.room.mu.Lock()
							defer w.room.mu.Unlock()
							w.room.remove(w.room.members[victim], tt.left)
						})
					}
					after(2 * time.Minute)
					d := w.diaries[6-victim]
					d.check(t)
					require.Regexp(t, `^connected interrupted (resumed interrupted )?disconnected\(`+tt.want+`\)$`, d.story(victim))
					took := d.when(rtcpeer.PeerDisconnected, victim).Sub(start)
					require.GreaterOrEqual(t, took, tt.after-1500*time.Millisecond)
					require.LessOrEqual(t, took, tt.after+2500*time.Millisecond)
				})
			})
		}
	}
}
