package rtcpeer_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	signalingmemory "example.org/rtcpeer/signaling/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// Stars that outlive their hosts. The server of these tests elects the member with the smallest id.

// migrating runs a test in a room that migrates, in fake time, with a host and guests that are connected.
func migrating(t *testing.T, config rtcpeer.Config, test func(t *testing.T, w *world), ids ...rtcpeer.PeerID) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Star, memory.Options{Delay: 20 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.02})
		w.room.term = 1
		w.room.delay = func(_, _ rtcpeer.PeerID) time.Duration { return 30 * time.Millisecond }
		test(t, w.join(config, ids...))
	})
}

// wantHost wants all given members to be of one room with a host.
func (w *world) wantHost(host rtcpeer.PeerID, term int, ids ...rtcpeer.PeerID) {
	w.t.Helper()
	for _, id := range ids {
		n := w.nodes[id]
		require.Equal(w.t, host, n.Host(), "node %d", id)
		require.Equal(w.t, term, n.Term(), "node %d", id)
		require.Equal(w.t, rtcpeer.ConnectionConnected, n.Status(), "node %d", id)
		require.Len(w.t, n.Peers(), len(ids)-1, "node %d", id)
		links := n.Stats().Links
		if id == host {
			require.Len(w.t, links, len(ids)-1, "the host is linked with each")
		} else {
			require.Len(w.t, links, 1, "node %d", id)
			require.Contains(w.t, links, host, "node %d", id)
		}
	}
	for _, from := range ids { // each reaches each, and Server is the present host
		said := "from " + strconv.Itoa(int(from)) + " in term " + strconv.Itoa(term)
		require.NoError(w.t, w.nodes[from].Send(w.t.Context(), rtcpeer.Packet{Data: []byte(said)}))
		if from != host {
			require.NoError(w.t, w.nodes[from].Send(w.t.Context(), rtcpeer.Packet{Peer: rtcpeer.Server, Data: []byte(said + ", host")}))
			require.NoError(w.t, w.nodes[from].Send(w.t.Context(), rtcpeer.Packet{Peer: -rtcpeer.Server, Data: []byte(said + ", guests")}))
		}
	}
	after(5 * time.Second)
	for _, to := range ids {
		for _, from := range ids {
			if from == to {
				continue
			}
			said := "from " + strconv.Itoa(int(from)) + " in term " + strconv.Itoa(term)
			want := []string{said}
			switch {
			case to == host:
				want = append(want, said+", host")
			case from != host:
				want = append(want, said+", guests")
			}
			got := w.diaries[to].packets(from, 0, rtcpeer.Reliable)
			require.Equal(w.t, want, got[max(0, len(got)-len(want)):], "%d to %d", from, to)
		}
	}
	for _, id := range ids {
		w.diaries[id].check(w.t)
	}
}

// change returns what a program was told of the last change of the host.
func (w *world) change(id rtcpeer.PeerID) (c *rtcpeer.HostChange) {
	w.t.Helper()
	events, _ := w.diaries[id].all()
	for _, ev := range events {
		if ev.Kind == rtcpeer.HostChanged {
			c = ev.Host
			require.Equal(w.t, c.New, ev.Peer)
		}
	}
	require.NotNil(w.t, c, "node %d was told of no change", id)
	return c
}

func TestHostCloses(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		began := time.Now()
		require.NoError(t, w.closeNode(1))
		for _, id := range []rtcpeer.PeerID{5, 7, 9} {
			for w.nodes[id].Status() != rtcpeer.ConnectionConnected || w.nodes[id].Host() != 5 {
				after(10 * time.Millisecond)
			}
		}
		require.Less(t, time.Since(began), 3*time.Second)
		after(time.Second)
		w.wantHost(5, 2, 5, 7, 9)
		for _, id := range []rtcpeer.PeerID{5, 7, 9} {
			require.Equal(t, "connected disconnected(by peer)", w.diaries[id].story(1))
			require.Equal(t, &rtcpeer.HostChange{Old: 1, New: 5, Term: 2}, w.change(id), "nothing was sent that could be missed")
		}
		require.Equal(t, "connected host changed", w.diaries[7].story(5))
		require.Equal(t, "connected", w.diaries[7].story(9))
		require.Equal(t, "connected", w.diaries[5].story(9))

		w.enter(1000, rtcpeer.Config{}) // the old host comes back, with a new id
		after(5 * time.Second)
		w.wantHost(5, 2, 5, 7, 9, 1000)
		require.Equal(t, "connected", w.diaries[9].story(1000))
	}, 1, 5, 7, 9)
}

// Members that refuse new links follow the next host, and it keeps them.
func TestMembersThatRefuseFollowTheNextHost(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		for _, n := range w.nodes {
			n.SetRefuse(true)
		}
		require.NoError(t, w.closeNode(1))
		after(5 * time.Second)
		w.wantHost(5, 2, 5, 7, 9)
		for _, id := range []rtcpeer.PeerID{7, 9} {
			require.Equal(t, "connected", w.diaries[5].story(id))
			require.Equal(t, "connected host changed", w.diaries[id].story(5))
		}
	}, 1, 5, 7, 9)
}

// The host is taken out of the room, as the operator of the server may do. The guests follow the next one, also if the old
// one's word that it was kicked overtakes the server's of the next.
func TestHostIsKicked(t *testing.T) {
	for _, lag := range []time.Duration{0, time.Second} {
		t.Run(fmt.Sprintf("server %v", lag), func(t *testing.T) {
			migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
				w.room.mu.Lock()
				w.room.lag = lag
				w.room.expel(w.room.members[1])
				w.room.mu.Unlock()
				after(15 * time.Second)
				_, why := w.diaries[1].end()
				require.ErrorIs(t, why, &signaling.Error{Code: signaling.CodeKicked})
				w.wantHost(5, 2, 5, 7, 9)
				for _, id := range []rtcpeer.PeerID{5, 7, 9} {
					require.Regexp(t, `^connected disconnected\((kicked|host gone)\)$`, w.diaries[id].story(1))
				}
				require.Equal(t, "connected", w.diaries[7].story(9))
			}, 1, 5, 7, 9)
		})
	}
}

// So does a guest that hears this from the old host while it is away from the server for long.
func TestHostIsKickedWhileAGuestIsAwayFromTheServer(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		away := w.room.sessionOf(9)
		w.room.cut(away)
		w.room.notice(away)
		after(time.Second)
		w.room.mu.Lock()
		w.room.expel(w.room.members[1])
		w.room.mu.Unlock()
		after(10 * time.Second)
		require.Equal(t, "connected disconnected(kicked)", w.diaries[9].story(1))
		require.Equal(t, rtcpeer.PeerID(1), w.nodes[9].Host())
		w.room.restore(away)
		after(5 * time.Second)
		w.wantHost(5, 2, 5, 7, 9)
		require.Equal(t, "connected", w.diaries[9].story(7))
	}, 1, 5, 7, 9)
}

// A guest is kicked while it is away from the server, which tells it when it is back.
func TestGuestIsKickedWhileItIsAwayFromTheServer(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		away := w.room.sessionOf(9)
		w.room.cut(away)
		w.room.notice(away)
		after(time.Second)
		require.NoError(t, w.nodes[1].Kick(t.Context(), 9, "be nice"))
		after(10 * time.Second)
		require.Equal(t, "connected disconnected(kicked)", w.diaries[9].story(1))
		w.room.restore(away)
		after(5 * time.Second)
		_, why := w.diaries[9].end()
		require.ErrorIs(t, why, &signaling.Error{Code: signaling.CodeResumeRefused})
		require.Equal(t, "connected disconnected(host gone)", w.diaries[9].story(7))
		w.wantHost(1, 1, 1, 5, 7)
	}, 1, 5, 7, 9)
}

// A room whose members prove that they know a secret goes on with the next host, which asks for it as the first did.
func TestNextHostAsksForTheSecret(t *testing.T) {
	migrating(t, rtcpeer.Config{Auth: secret}, func(t *testing.T, w *world) {
		require.NoError(t, w.closeNode(1))
		after(10 * time.Second)
		w.wantHost(5, 2, 5, 7, 9)
		require.Equal(t, "connected", w.diaries[7].story(9))
		w.enter(11, rtcpeer.Config{Auth: rtcpeer.SharedSecret([]byte("guess"))})
		after(10 * time.Second)
		_, why := w.diaries[11].end()
		require.ErrorIs(t, why, rtcpeer.ErrUnauthorized)
		w.enter(13, rtcpeer.Config{Auth: secret})
		after(5 * time.Second)
		w.wantHost(5, 2, 5, 7, 9, 13)
	}, 1, 5, 7, 9)
}

// The host leaves while it authenticates a newcomer, which follows the next one.
func TestHostLeavesWhileItAuthenticates(t *testing.T) {
	slow := rtcpeer.Config{Auth: func(ctx context.Context, peer *rtcpeer.PendingPeer) error {
		if peer.ID() == 9 {
			<-ctx.Done()
		}
		return secret(ctx, peer)
	}}
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Star, memory.Options{Delay: 20 * time.Millisecond})
		w.room.term = 1
		w.enter(1, slow)
		w.join(rtcpeer.Config{Auth: secret}, 5)
		w.enter(9, rtcpeer.Config{Auth: secret})
		after(time.Second)
		require.NoError(t, w.closeNode(1))
		after(5 * time.Second)
		w.wantHost(5, 2, 5, 9)
		require.Equal(t, "", w.diaries[9].story(1))
	})
}

// A host dies while all send to all. What comes, comes once and in order; whoever may have missed something is named.
func TestHostDiesUnderLoad(t *testing.T) {
	config := rtcpeer.Config{Channels: []rtcpeer.Mode{rtcpeer.Reliable}}
	migrating(t, config, func(t *testing.T, w *world) {
		ids := []rtcpeer.PeerID{5, 7, 9, 11}
		var streams []*stream
		for _, from := range ids {
			for _, to := range ids {
				if from != to {
					streams = append(streams, w.stream(from, to, 1, rtcpeer.Reliable, 16*time.Millisecond, 100))
				}
			}
		}
		after(3 * time.Second)
		w.kill(1)
		after(10 * time.Second)
		w.room.depose()
		began := time.Now()
		for _, id := range ids {
			for w.nodes[id].Status() != rtcpeer.ConnectionConnected || w.nodes[id].Host() != 5 || id != 5 && len(w.nodes[id].Stats().Links) == 0 {
				after(10 * time.Millisecond)
			}
		}
		require.Less(t, time.Since(began), 2*time.Second, "all are linked to the new host")
		after(3 * time.Second)
		for _, s := range streams {
			s.end()
		}
		after(10 * time.Second)
		for _, s := range streams {
			last, lost := -1, 0
			for _, data := range w.diaries[s.to].packets(s.from, 1, rtcpeer.Reliable) {
				n, err := strconv.Atoi(data)
				require.NoError(t, err)
				require.Greater(t, n, last, "%d to %d: in order, and once", s.from, s.to)
				lost += n - last - 1
				last = n
			}
			require.Equal(t, s.sent-1, last, "%d to %d: the last one arrives", s.from, s.to)
			require.Positive(t, lost, "%d to %d: the host had some", s.from, s.to)
			require.Contains(t, w.change(s.from).Missed, s.to)
		}
		w.wantHost(5, 2, ids...)
		for _, at := range ids {
			for _, id := range ids {
				if id != at && id != 5 {
					require.Equal(t, "connected", w.diaries[at].story(id), "%d of %d", at, id)
				}
			}
		}
	}, 1, 5, 7, 9, 11)
}

// A room of 16 plays at 60 Hz over lines that lose packets. Its host dies, and so does the next one.
func TestHostsOfSixteenDie(t *testing.T) {
	ids := []rtcpeer.PeerID{1}
	for i := range rtcpeer.PeerID(15) {
		ids = append(ids, 5+i)
	}
	const frame = time.Second / 60
	config := rtcpeer.Config{Channels: []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.UnreliableOrdered}}
	migrating(t, config, func(t *testing.T, w *world) {
		guests := ids[3:] // of the last host
		var reliable []*stream
		for i, from := range guests {
			reliable = append(reliable, w.stream(from, guests[(i+1)%len(guests)], 1, rtcpeer.Reliable, frame, 20))
			places := w.stream(from, rtcpeer.Broadcast, 2, rtcpeer.UnreliableOrdered, frame, 20)
			defer places.end()
		}
		for i, next := range ids[1:3] {
			after(time.Second)
			w.kill(ids[i])
			after(3 * time.Second)
			w.room.depose()
			began := time.Now()
			for _, id := range ids[i+1:] {
				for n := w.nodes[id]; n.Host() != next || n.Status() != rtcpeer.ConnectionConnected || len(n.Stats().Links) == 0; {
					after(frame)
				}
			}
			require.Less(t, time.Since(began), 2*time.Second, "all are linked to host %d", next)
		}
		after(time.Second)
		for _, s := range reliable {
			s.end()
		}
		after(5 * time.Second)
		for _, s := range reliable {
			last, lost := -1, false
			for _, data := range w.diaries[s.to].packets(s.from, 1, rtcpeer.Reliable) {
				n, err := strconv.Atoi(data)
				require.NoError(t, err)
				require.Greater(t, n, last, "%d to %d: in order, and once", s.from, s.to)
				lost, last = lost || n > last+1, n
			}
			require.Equal(t, s.sent-1, last, "%d to %d: the last one arrives", s.from, s.to)
			require.Greater(t, last, 100, "%d to %d", s.from, s.to)
			require.Greater(t, len(w.diaries[s.to].packets(s.from, 2, rtcpeer.UnreliableOrdered)), 100, "%d to %d", s.from, s.to)
			if lost {
				require.Contains(t, w.change(s.from).Missed, s.to)
			}
		}
		for _, at := range guests {
			w.diaries[at].check(t)
			for _, id := range guests {
				if id != at {
					require.Equal(t, "connected", w.diaries[at].story(id), "%d of %d", at, id)
				}
			}
		}
	}, ids...)
}

// While the links to the next host are being made, Send waits, TrySend returns an error for a reliable packet, and unreliable
// packets are dropped.
func TestSendingBetweenTwoHosts(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		delay := w.room.delay
		w.room.delay = func(from, to rtcpeer.PeerID) time.Duration { return 5 * time.Second } // links take their time
		require.NoError(t, w.closeNode(1))
		after(2 * time.Second)
		require.Equal(t, []rtcpeer.PeerID{7, 9}, w.nodes[5].Peers())
		require.Equal(t, []rtcpeer.PeerID{5, 9}, w.nodes[7].Peers())
		require.ErrorIs(t, w.nodes[7].TrySend(rtcpeer.Packet{Peer: 9, Data: []byte("x")}), rtcpeer.ErrBufferFull)
		require.ErrorIs(t, w.nodes[7].TrySend(rtcpeer.Packet{Peer: rtcpeer.Server, Data: []byte("x")}), rtcpeer.ErrBufferFull)
		require.ErrorIs(t, w.nodes[7].TrySend(rtcpeer.Packet{Data: []byte("x")}), rtcpeer.ErrBufferFull)
		require.NoError(t, w.nodes[7].TrySend(rtcpeer.Packet{Peer: 9, Mode: rtcpeer.Unreliable, Data: []byte("x")}))
		require.ErrorIs(t, w.nodes[7].TrySend(rtcpeer.Packet{Peer: 1234, Data: []byte("x")}), rtcpeer.ErrUnknownPeer)
		require.ErrorIs(t, w.nodes[5].TrySend(rtcpeer.Packet{Peer: 9, Data: []byte("x")}), rtcpeer.ErrBufferFull)
		var full *rtcpeer.BroadcastError
		require.ErrorAs(t, w.nodes[5].TrySend(rtcpeer.Packet{Data: []byte("x")}), &full)
		require.ElementsMatch(t, []rtcpeer.PeerID{7, 9}, full.Peers)
		require.NoError(t, w.nodes[5].TrySend(rtcpeer.Packet{Mode: rtcpeer.Unreliable, Data: []byte("x")}))
		require.Equal(t, uint64(1), w.nodes[7].Stats().Dropped["interrupted"])

		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, w.nodes[7].Send(short, rtcpeer.Packet{Peer: 9, Data: []byte("x")}), context.DeadlineExceeded)
		for from, to := range map[rtcpeer.PeerID]rtcpeer.PeerID{5: 9, 7: 9, 9: 7} {
			require.NoError(t, w.nodes[from].Send(t.Context(), rtcpeer.Packet{Peer: to, Data: fmt.Append(nil, "waited for ", to)}))
		}
		after(10 * time.Second)
		require.Equal(t, []string{"waited for 9"}, w.diaries[9].packets(5, 0, rtcpeer.Reliable))
		require.Equal(t, []string{"waited for 9"}, w.diaries[9].packets(7, 0, rtcpeer.Reliable))
		require.Equal(t, []string{"waited for 7"}, w.diaries[7].packets(9, 0, rtcpeer.Reliable))
		w.room.delay = delay
		w.wantHost(5, 2, 5, 7, 9)
	}, 1, 5, 7, 9)
}

// A packet for all but one member does not reach that member, even if the new host is linked with it only later.
func TestExcludedMemberIsLinkedLate(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		delay := w.room.delay
		w.room.delay = func(from, to rtcpeer.PeerID) time.Duration {
			if from == 9 || to == 9 {
				return 2 * time.Second // the next host is linked with 9 long after 7
			}
			return delay(from, to)
		}
		require.NoError(t, w.closeNode(1))
		after(time.Second)
		require.Contains(t, w.nodes[5].Stats().Links, rtcpeer.PeerID(7))
		require.NotContains(t, w.nodes[5].Stats().Links, rtcpeer.PeerID(9))
		for _, mode := range []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.Unreliable} {
			require.NoError(t, w.nodes[5].TrySend(rtcpeer.Packet{Peer: -9, Mode: mode, Data: []byte("all but 9")}), "9 is no target, so it lacks nothing")
			require.NoError(t, w.nodes[7].Send(t.Context(), rtcpeer.Packet{Peer: -9, Mode: mode, Data: []byte("all but 9")}))
		}
		require.NoError(t, w.nodes[7].Send(t.Context(), rtcpeer.Packet{Data: []byte("all")}))
		after(10 * time.Second)
		require.Empty(t, w.diaries[9].packets(5, 0, rtcpeer.Reliable), "9 was excluded")
		require.Equal(t, []string{"all"}, w.diaries[9].packets(7, 0, rtcpeer.Reliable), "9 was excluded from the others")
		require.Equal(t, []string{"all but 9", "all"}, w.diaries[5].packets(7, 0, rtcpeer.Reliable))
		require.Equal(t, []string{"all but 9"}, w.diaries[7].packets(5, 0, rtcpeer.Reliable))
		require.Zero(t, w.nodes[5].Stats().Dropped["interrupted"])
		w.room.delay = delay
		w.wantHost(5, 2, 5, 7, 9)
	}, 1, 5, 7, 9)
}

// What waits since before the change goes on, also at the member that becomes the host.
func TestSendThatWaitsForAnotherHost(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		w.kill(1)
		after(40 * time.Second)
		require.Equal(t, "connected interrupted disconnected(lost)", w.diaries[5].story(1))
		require.Equal(t, rtcpeer.ConnectionConnecting, w.nodes[5].Status())
		sent := make(chan error)
		for _, from := range []rtcpeer.PeerID{5, 7} {
			for _, to := range []rtcpeer.PeerID{9, 0} {
				go func() {
					sent <- w.nodes[from].Send(t.Context(), rtcpeer.Packet{Peer: to, Data: fmt.Append(nil, "to ", to)})
				}()
			}
		}
		go func() {
			sent <- w.nodes[9].Send(t.Context(), rtcpeer.Packet{Peer: rtcpeer.Server, Data: []byte("to the host")})
		}()
		after(time.Second)
		w.room.depose()
		var full []rtcpeer.PeerID
		for range 5 {
			if err := <-sent; err != nil { // a broadcast of a host never waits
				partly, ok := errors.AsType[*rtcpeer.BroadcastError](err)
				require.True(t, ok, err)
				full = append(full, partly.Peers...)
			}
		}
		require.ElementsMatch(t, []rtcpeer.PeerID{7, 9}, full)
		after(5 * time.Second)
		require.Equal(t, []string{"to 9"}, w.diaries[9].packets(5, 0, rtcpeer.Reliable))
		require.ElementsMatch(t, []string{"to 9", "to 0"}, w.diaries[9].packets(7, 0, rtcpeer.Reliable))
		require.Equal(t, []string{"to 0"}, w.diaries[5].packets(7, 0, rtcpeer.Reliable))
		require.Equal(t, []string{"to the host"}, w.diaries[5].packets(9, 0, rtcpeer.Reliable))
		w.wantHost(5, 2, 5, 7, 9)
	}, 1, 5, 7, 9)
}

// The elected one dies at once, and so does the next.
func TestTwoHostsInARow(t *testing.T) {
	for name, between := range map[string]time.Duration{"at once": 0, "while links are made": 70 * time.Millisecond, "later": 20 * time.Second} {
		t.Run(name, func(t *testing.T) {
			migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
				for _, host := range []rtcpeer.PeerID{1, 5, 7} {
					w.kill(host)
					w.room.depose()
					after(between)
				}
				after(20 * time.Second)
				w.wantHost(9, 4, 9, 11, 13)
				for _, id := range []rtcpeer.PeerID{9, 11, 13} {
					require.Contains(t, w.diaries[id].story(5), "disconnected", "node %d", id)
					require.Contains(t, w.diaries[id].story(7), "disconnected", "node %d", id)
				}
				require.Equal(t, "connected", w.diaries[11].story(13))
				require.Equal(t, "connected host changed", w.diaries[11].story(9))
			}, 1, 5, 7, 9, 11, 13)
		})
	}
}

// The host has lost its connection to the server, but not its links to the guests. When the server names another host, the
// guests follow that one.
func TestHostWithoutItsServerIsReplaced(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		s := w.room.sessionOf(1)
		w.room.cut(s)
		w.room.notice(s)
		after(10 * time.Second)
		w.room.depose()
		after(5 * time.Second)
		w.wantHost(5, 2, 5, 7, 9)
		require.Empty(t, w.nodes[1].Peers())
		require.Equal(t, "connected disconnected(by peer)", w.diaries[1].story(7))
		w.room.restore(s)
		after(time.Second)
		_, why := w.diaries[1].end()
		require.ErrorIs(t, why, rtcpeer.ErrHostReplaced)
	}, 1, 5, 7, 9)
}

// A guest dies while there is no host, and another guest cannot be linked with the new host at first.
func TestGuestsThatCannotFollow(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		w.partition(5, 11)
		w.kill(1)
		after(10 * time.Second)
		w.kill(9)
		w.giveUp(9, signaling.LeftLost) // the old host would have been told
		w.room.depose()
		after(40 * time.Second)
		require.Equal(t, "connected disconnected(host gone)", w.diaries[7].story(9))
		require.Equal(t, "connected disconnected(host gone)", w.diaries[5].story(9))
		require.Equal(t, []rtcpeer.PeerID{5}, w.nodes[7].Peers())
		require.Contains(t, w.diaries[7].story(11), "connected disconnected(lost)")
		require.Contains(t, w.diaries[5].story(11), "connected disconnected(lost)")
		require.Equal(t, "connected host changed disconnected(lost) failed", w.diaries[11].story(5), "each of the two has lost the other")
		w.heal(5, 11)
		after(60 * time.Second)
		w.wantHost(5, 2, 5, 7, 11)
	}, 1, 5, 7, 9, 11)
}

// The host leaves while its connection to the server is dead and neither end has noticed. Its guests tell the server that they
// have lost the host.
func TestHostLeavesWithDeadServerConnection(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		w.room.hosts.timeout = 10 * time.Second
		w.room.cut(w.room.sessionOf(1))
		require.NoError(t, w.closeNode(1))
		after(3 * time.Second)
		w.wantHost(5, 2, 5, 7, 9)
	}, 1, 5, 7, 9)
}

// The host leaves, and the server that would name another one cannot be reached: guests wait for it.
func TestHostLeavesWhileItsServerIsAway(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		var sessions []*session
		for _, id := range []rtcpeer.PeerID{1, 5, 7} {
			sessions = append(sessions, w.room.sessionOf(id))
			w.room.cut(sessions[len(sessions)-1])
		}
		require.NoError(t, w.closeNode(1))
		after(25 * time.Second)
		for _, id := range []rtcpeer.PeerID{5, 7} {
			require.Equal(t, rtcpeer.ConnectionConnecting, w.nodes[id].Status())
			require.Equal(t, "connected", w.diaries[id].story(12-id))
		}
		for _, s := range sessions[1:] {
			w.room.notice(s)
			w.room.restore(s)
		}
		w.room.depose()
		after(5 * time.Second)
		w.wantHost(5, 2, 5, 7)
	}, 1, 5, 7)
}

// A member dies, and so do two hosts before they could tell. The third has never heard of that member, and tells the
// guest that has.
func TestMemberThatOnlyAGuestRemembers(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		w.kill(9)
		require.NoError(t, w.closeNode(1))
		after(3 * time.Second)
		w.enter(11, rtcpeer.Config{})
		after(3 * time.Second)
		w.room.mu.Lock()
		w.room.hosts.heir = 11
		w.room.mu.Unlock()
		require.NoError(t, w.closeNode(5))
		after(3 * time.Second)
		require.Equal(t, rtcpeer.PeerID(11), w.nodes[7].Host())
		require.Equal(t, "connected", w.diaries[7].story(9))
		require.Empty(t, w.diaries[11].story(9))
		after(30 * time.Second)
		require.Equal(t, "connected disconnected(lost)", w.diaries[7].story(9))
	}, 1, 5, 7, 9)
}

// A member is gone before the next host is linked with another one, which the previous host had told of it.
func TestGuestThatIsLinkedLateHearsWhoIsGone(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		w.room.delay = func(from, to rtcpeer.PeerID) time.Duration {
			if from == 7 || to == 7 {
				return 2 * time.Second
			}
			return 30 * time.Millisecond
		}
		w.kill(9)
		require.NoError(t, w.closeNode(1))
		w.giveUp(9, signaling.LeftKicked)
		after(time.Second)
		require.NotContains(t, w.nodes[5].Stats().Links, rtcpeer.PeerID(7))
		require.Equal(t, "connected", w.diaries[7].story(9))
		after(8 * time.Second)
		require.Contains(t, w.nodes[5].Stats().Links, rtcpeer.PeerID(7))
		require.Equal(t, "connected disconnected(lost)", w.diaries[7].story(9))
	}, 1, 5, 7, 9)
}

// A member that the new host was linked with dies. Games hear of it once, although the server tells the host later, too,
// and a game that comes later does not hear of it.
func TestGuestThatHasMovedDies(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		require.NoError(t, w.closeNode(1))
		after(5 * time.Second)
		game := sitBare(t, w.room, 11, 5, w.network.Transport())
		require.ElementsMatch(t, []string{"070107000000", "070109000000"}, []string{game.skip(0), game.skip(0)})
		w.kill(7)
		game.want(0, "070207000000")
		after(5 * time.Second)
		w.giveUp(7, signaling.LeftLost)
		after(time.Second)
		late := sitBare(t, w.room, 13, 5, w.network.Transport())
		late.want(0, "070109000000")
		late.want(0, "07010b000000")
		game.want(0, "07010d000000")
		require.NoError(t, w.nodes[5].Send(t.Context(), rtcpeer.Packet{Data: []byte("hi")}))
		late.want(0, "036869")
		game.want(0, "036869")
	}, 1, 5, 7, 9)
}

// Guests lose the host one after the other, and each finds it again: it stays.
func TestHostThatIsFoundAgainStays(t *testing.T) {
	migrating(t, rtcpeer.Config{LostAfter: 4 * time.Second}, func(t *testing.T, w *world) {
		w.room.hosts.timeout = time.Minute
		for _, id := range []rtcpeer.PeerID{5, 7, 9} {
			w.partition(1, id)
			after(8 * time.Second)
			require.Contains(t, w.diaries[id].story(1), "disconnected(lost)")
			w.heal(1, id)
			after(8 * time.Second)
		}
		w.wantHost(1, 1, 1, 5, 7, 9)
	}, 1, 5, 7, 9)
}

// A guest that was away from the server hears of the new host when it is back.
func TestChangeOfTheHostWhileAwayFromTheServer(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		s := w.room.sessionOf(9)
		w.room.cut(s)
		w.room.notice(s)
		w.kill(1)
		after(10 * time.Second)
		w.room.depose()
		after(5 * time.Second)
		require.Equal(t, rtcpeer.PeerID(1), w.nodes[9].Host())
		w.room.restore(s)
		after(5 * time.Second)
		w.wantHost(5, 2, 5, 7, 9)
		require.Equal(t, "connected", w.diaries[9].story(7))
		require.Equal(t, "connected", w.diaries[7].story(9))
	}, 1, 5, 7, 9)
}

// Nobody can be the host: the room ends, and each program is told why, after its peers are disconnected.
func TestRoomEndsAsNobodyCanBeHost(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		w.kill(1)
		after(40 * time.Second) // the links are lost, and the server has not said anything yet
		require.Equal(t, "connected", w.diaries[5].story(7))
		require.Contains(t, w.diaries[5].story(1), "disconnected(lost)")
		w.room.end(&signaling.Error{Code: signaling.CodeHostLeft, Text: "nobody there can take its place"})
		after(time.Second)
		for _, id := range []rtcpeer.PeerID{5, 7} {
			_, why := w.diaries[id].end()
			require.ErrorIs(t, why, rtcpeer.ErrHostGone)
			require.ErrorContains(t, why, "nobody there can take its place")
			require.Equal(t, "connected disconnected(host gone)", w.diaries[id].story(12-id))
			w.diaries[id].check(t)
		}
	}, 1, 5, 7)
}

// The host disconnects one guest, which waits in vain for another host.
func TestHostDisconnectsOneGuest(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		require.NoError(t, w.nodes[1].Disconnect(7))
		after(10 * time.Second)
		_, why := w.diaries[7].end()
		require.ErrorIs(t, why, rtcpeer.ErrHostGone)
		require.Equal(t, "connected disconnected(host gone)", w.diaries[7].story(5))
		require.Equal(t, "connected disconnected(by peer)", w.diaries[5].story(7))
	}, 1, 5, 7)
}

// The host disconnects one guest, and is then started again. The guest has a link with it again, and does not wait for
// another host.
func TestHostDisconnectsOneGuestAndComesBack(t *testing.T) {
	for _, away := range []time.Duration{time.Second, 4 * time.Second} {
		t.Run(away.String(), func(t *testing.T) {
			migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
				require.NoError(t, w.nodes[1].DisconnectWith(7, 1, "restart"))
				after(200 * time.Millisecond)
				require.Equal(t, []string{`by peer: code 1, "restart"`}, w.diaries[7].partings(1))
				w.kill(1)
				after(away)
				w.hosts[1] = w.network.Transport()
				w.enter(1, rtcpeer.Config{})
				after(20 * time.Second)
				w.wantHost(1, 1, 1, 5, 7)
				require.Equal(t, "connected disconnected(by peer) connected", w.diaries[7].story(1))
			}, 1, 5, 7)
		})
	}
}

// A packet waits for a link with the next host, which was a guest before. When the program has been told that this peer is
// gone, Send says so, too.
func TestSendToANextHostThatCannotBeLinked(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		w.partition(5, 9)
		w.kill(1)
		after(10 * time.Second)
		w.room.depose()
		after(time.Second)
		require.Equal(t, rtcpeer.PeerID(5), w.nodes[9].Host())
		sent := make(chan error, 2)
		go func() { sent <- w.nodes[9].Send(t.Context(), rtcpeer.Packet{Peer: 5, Data: []byte("x")}) }()
		after(time.Second)
		require.Empty(t, sent, "it waits")
		after(30 * time.Second)
		require.Equal(t, "connected host changed disconnected(lost) failed", w.diaries[9].story(5))
		require.Len(t, sent, 1, "it hangs")
		require.ErrorIs(t, <-sent, rtcpeer.ErrUnknownPeer)

		go func() { sent <- w.nodes[9].Send(t.Context(), rtcpeer.Packet{Peer: 7, Data: []byte("y")}) }()
		after(time.Second)
		require.Empty(t, sent, "7 is still connected")
		w.heal(5, 9)
		after(time.Minute)
		require.NoError(t, <-sent)
		require.Equal(t, []string{"y"}, w.diaries[7].packets(9, 0, rtcpeer.Reliable))
		w.wantHost(5, 2, 5, 7, 9)
	}, 1, 5, 7, 9)
}

// A node that closes between two hosts closes at once.
func TestCloseBetweenTwoHosts(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		w.kill(1)
		w.room.depose()
		for _, id := range []rtcpeer.PeerID{5, 7} {
			began := time.Now()
			require.NoError(t, w.closeNode(id))
			require.Less(t, time.Since(began), time.Second)
		}
	}, 1, 5, 7)
}

// A node that cannot become the host says so, and a room of such ends with its host.
func TestNeverHost(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		server := signalingmemory.NewServer()
		defer server.Close()
		network := memory.NewNetwork(memory.Options{})
		var nodes []*rtcpeer.Node
		for range 3 {
			config := rtcpeer.Config{Topology: rtcpeer.Star, NeverHost: true, NewRoom: rtcpeer.NewRoom{Migrates: true}, Transport: network.Transport()}
			join := rtcpeer.JoinMessage(config)
			join.Room = "game"
			require.NotContains(t, join.Features, signaling.FeatureHost)
			client, err := server.Join(t.Context(), join)
			require.NoError(t, err)
			node, err := rtcpeer.New(t.Context(), client, config)
			require.NoError(t, err)
			defer func() { closeNode(t, node) }()
			nodes = append(nodes, node)
		}
		time.Sleep(5 * time.Second)
		require.NoError(t, nodes[0].Close())
		for _, n := range nodes[1:] {
			for {
				if _, err := n.Receive(t.Context()); err != nil {
					require.ErrorIs(t, err, rtcpeer.ErrHostGone)
					require.ErrorContains(t, err, "nobody there can take its place")
					break
				}
			}
		}
	})
}
