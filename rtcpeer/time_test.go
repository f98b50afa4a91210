package rtcpeer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
)

// What takes time, in fake time.

func TestLostSignalsAreMadeUpFor(t *testing.T) {
	for _, lost := range []signaling.SignalType{signaling.Offer, signaling.Answer, signaling.Candidate} {
		t.Run(string(lost), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				network := memory.NewNetwork(memory.Options{Delay: 20 * time.Millisecond})
				r := newRoom(rtcpeer.Mesh)
				r.lose = func(_, _ rtcpeer.PeerID, s signaling.SignalData) bool { return s.Type == lost && s.Attempt == 1 }
				start := time.Now()
				a := r.join(t, 1, network.Transport(), rtcpeer.Config{})
				b := r.join(t, 5, network.Transport(), rtcpeer.Config{})
				require.Equal(t, rtcpeer.PeerConnected, next(t, a).Kind)
				require.Equal(t, rtcpeer.PeerConnected, next(t, b).Kind)
				require.Greater(t, time.Since(start), 7*time.Second, "the second attempt made it")
				require.Less(t, time.Since(start), 8*time.Second)
			})
		})
	}
}

func TestDeadlineTellsTheCause(t *testing.T) {
	tests := []struct {
		name  string
		lose  signaling.SignalType
		stage transport.Stage
	}{
		{"nobody answers", signaling.Offer, transport.StageSignaling},
		{"no candidate comes through", signaling.Candidate, transport.StagePath},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				network := memory.NewNetwork(memory.Options{})
				r := newRoom(rtcpeer.Star)
				r.bare = true // else it is tried again
				r.lose = func(_, _ rtcpeer.PeerID, s signaling.SignalData) bool { return s.Type == tt.lose }
				host := r.join(t, 1, network.Transport(), rtcpeer.Config{ConnectTimeout: 12 * time.Second})
				guest := r.join(t, 5, network.Transport(), rtcpeer.Config{ConnectTimeout: 12 * time.Second})
				require.Equal(t, rtcpeer.ConnectionConnecting, guest.Status())
				for _, n := range []*rtcpeer.Node{guest, host} {
					ev := next(t, n)
					require.Equal(t, rtcpeer.PeerFailed, ev.Kind)
					failure, ok := errors.AsType[*rtcpeer.PeerError](ev.Err)
					require.True(t, ok)
					require.Equal(t, "connect", failure.Op)
					deadline, ok := errors.AsType[*rtcpeer.DeadlineError](ev.Err)
					require.True(t, ok, "%v", ev.Err)
					require.Equal(t, tt.stage, deadline.Stage, "%v", ev.Err)
					require.True(t, deadline.Timeout())
					t.Log(ev.Err)
				}
				_, err := guest.Receive(t.Context())
				require.ErrorAs(t, err, new(*rtcpeer.DeadlineError), "a star without its host is over")
				require.Equal(t, rtcpeer.ConnectionDisconnected, guest.Status())
				require.Equal(t, rtcpeer.ConnectionConnected, host.Status(), "the host goes on")
			})
		})
	}
}

// A peer that dies says nothing; its packets that had arrived come first, and then the end: after ten seconds,
// or, where links can be repaired, an interruption of LostAfter.
func TestKilledPeerIsLost(t *testing.T) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		for _, bare := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/bare=%v", topology, bare), func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					network := memory.NewNetwork(memory.Options{})
					victim := network.Transport()
					r := newRoom(topology)
					r.bare = bare
					a := r.join(t, 1, network.Transport(), rtcpeer.Config{LostAfter: 20 * time.Second})
					b := r.join(t, 5, victim, rtcpeer.Config{LostAfter: 20 * time.Second})
					require.Equal(t, rtcpeer.PeerConnected, next(t, a).Kind)
					require.Equal(t, rtcpeer.PeerConnected, next(t, b).Kind) // or its broadcast is for nobody
					require.NoError(t, b.Send(t.Context(), rtcpeer.Packet{Data: []byte("last words")}))
					synctest.Wait()
					start := time.Now()
					victim.Kill()
					wantPacket(t, a, 5, 0, rtcpeer.Reliable, "last words")
					if !bare {
						wantEvent(t, a, rtcpeer.PeerInterrupted, 5)
						require.LessOrEqual(t, time.Since(start), 2*time.Second)
					}
					wantDisconnected(t, a, 5, rtcpeer.Lost)
					require.LessOrEqual(t, time.Since(start), 21*time.Second)
					require.Empty(t, a.Peers())
				})
			})
		}
	}
}

func TestPartitionEndsBothSides(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		ta, tb, tc := network.Transport(), network.Transport(), network.Transport()
		r := newRoom(rtcpeer.Mesh)
		r.bare = true
		a, b, c := r.join(t, 1, ta, rtcpeer.Config{}), r.join(t, 5, tb, rtcpeer.Config{}), r.join(t, 7, tc, rtcpeer.Config{})
		for _, n := range []*rtcpeer.Node{a, b, c} {
			next(t, n)
			next(t, n)
		}
		network.Partition(ta, tb)
		wantDisconnected(t, a, 5, rtcpeer.Lost)
		wantDisconnected(t, b, 1, rtcpeer.Lost)
		require.Equal(t, []rtcpeer.PeerID{7}, a.Peers())
		require.Equal(t, []rtcpeer.PeerID{1, 5}, c.Peers(), "c has both")
	})
}

// A short partition is no end, whether links can be repaired or not.
func TestShortOutageIsNoEnd(t *testing.T) {
	for _, bare := range []bool{true, false} {
		t.Run(fmt.Sprintf("bare=%v", bare), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				network := memory.NewNetwork(memory.Options{})
				ta, tb := network.Transport(), network.Transport()
				r := newRoom(rtcpeer.Mesh)
				r.bare = bare
				a, b := r.join(t, 1, ta, rtcpeer.Config{}), r.join(t, 5, tb, rtcpeer.Config{})
				next(t, a)
				next(t, b)
				network.Partition(ta, tb)
				require.NoError(t, a.Send(t.Context(), rtcpeer.Packet{Data: []byte("patience")}))
				after(3 * time.Second)
				network.Heal(ta, tb)
				if bare {
					wantPacket(t, b, 1, 0, rtcpeer.Reliable, "patience")
					return
				}
				wantEvent(t, b, rtcpeer.PeerInterrupted, 1)
				require.ElementsMatch(t, []rtcpeer.EventKind{rtcpeer.PacketReceived, rtcpeer.PeerResumed},
					[]rtcpeer.EventKind{next(t, b).Kind, next(t, b).Kind})
			})
		})
	}
}

// after lets fake time pass.
func after(d time.Duration) { <-time.After(d) }

// Close waits for what Send accepted, but no longer than Linger.
func TestLinger(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{Delay: 100 * time.Millisecond})
		ta, tb := network.Transport(), network.Transport()
		r := newRoom(rtcpeer.Mesh)
		a, b := r.join(t, 1, ta, rtcpeer.Config{}), r.join(t, 5, tb, rtcpeer.Config{})
		next(t, a)
		next(t, b)
		require.NoError(t, a.Send(t.Context(), rtcpeer.Packet{Data: []byte("goodbye")}))
		start := time.Now()
		require.NoError(t, a.Close())
		require.LessOrEqual(t, time.Since(start), 300*time.Millisecond)
		wantPacket(t, b, 1, 0, rtcpeer.Reliable, "goodbye")
		wantDisconnected(t, b, 1, rtcpeer.ByPeer)
		require.NoError(t, b.Close())

		c, d := r.join(t, 7, ta, rtcpeer.Config{}), r.join(t, 9, tb, rtcpeer.Config{})
		next(t, c)
		next(t, d)
		network.Partition(ta, tb)
		require.NoError(t, c.Send(t.Context(), rtcpeer.Packet{Peer: 9, Data: []byte("nobody hears")}))
		start = time.Now()
		require.EqualError(t, c.Close(), "rtcpeer: not delivered: 12 bytes for peer 9: node closed: use of closed network connection")
		require.Equal(t, 500*time.Millisecond, time.Since(start))
	})
}

// A peer that leaves has its packets received, however slowly the program here receives them.
func TestSlowProgramGetsAllOfAPeerThatLeft(t *testing.T) {
	for _, bare := range []bool{true, false} {
		t.Run(fmt.Sprintf("bare=%v", bare), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				network := memory.NewNetwork(memory.Options{Delay: 10 * time.Millisecond})
				r := newRoom(rtcpeer.Mesh)
				r.bare = bare
				a, b := r.join(t, 1, network.Transport(), rtcpeer.Config{}), r.join(t, 5, network.Transport(), rtcpeer.Config{})
				require.Equal(t, rtcpeer.PeerConnected, next(t, a).Kind)
				require.Equal(t, rtcpeer.PeerConnected, next(t, b).Kind)
				const packets = 40 // of 16 KiB: more than the inbox takes, and less than SendBuffer
				for i := range packets {
					require.NoError(t, a.Send(t.Context(), rtcpeer.Packet{Data: append(make([]byte, 16<<10-1), byte(i))}))
				}
				require.NoError(t, a.Close())
				after(time.Minute)
				for i := range packets {
					ev := next(t, b)
					require.Equal(t, rtcpeer.PacketReceived, ev.Kind, "packet %d: %v", i, ev.Reason)
					require.Equal(t, byte(i), ev.Packet.Data[len(ev.Packet.Data)-1])
				}
				wantDisconnected(t, b, 1, rtcpeer.ByPeer)
			})
		})
	}
}

// pairWithSession connects 1, whose Signaler the test has, and 5.
func pairWithSession(t *testing.T) (*session, *rtcpeer.Node, *rtcpeer.Node) {
	t.Helper()
	network := memory.NewNetwork(memory.Options{})
	r := newRoom(rtcpeer.Mesh)
	s := r.enter(1, nil)
	a, err := rtcpeer.New(t.Context(), s, rtcpeer.Config{Transport: network.Transport()})
	require.NoError(t, err)
	t.Cleanup(func() { a.Close() })
	b := r.join(t, 5, network.Transport(), rtcpeer.Config{})
	next(t, a)
	next(t, b)
	return s, a, b
}

// A signaler that ends for good ends no link; a node without links has then nothing to wait for.
func TestSignalingEnds(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		session, a, b := pairWithSession(t)
		session.Close()
		after(time.Minute)
		require.Error(t, a.Stats().SignalingErr)
		require.NoError(t, a.Send(t.Context(), rtcpeer.Packet{Peer: 5, Data: []byte("still here")}))
		wantPacket(t, b, 1, 0, rtcpeer.Reliable, "still here")
		require.NoError(t, b.Close())
		wantDisconnected(t, a, 5, rtcpeer.ByPeer)
		_, err := a.Receive(t.Context())
		require.ErrorContains(t, err, "signaling")
		require.Equal(t, rtcpeer.ConnectionDisconnected, a.Status())
	})
}

// The Welcome after a redial has the present state of the room: the node makes links with members that came meanwhile, and
// keeps those with members that are not in it.
func TestWelcomeAfterRedial(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		session, a, _ := pairWithSession(t)
		session.inbox <- signaling.Welcome{ID: 1, Room: "test", Topology: rtcpeer.Mesh, Host: 1, Resumed: true, Sealed: true}
		synctest.Wait()
		require.True(t, a.Sealed())
		require.Equal(t, []rtcpeer.PeerID{5}, a.Peers(), "who left the server has not left its links")
		c := session.room.enter(7, nil) // present, silent
		defer c.Close()
		session.inbox <- signaling.Welcome{ID: 1, Room: "test", Topology: rtcpeer.Mesh, Host: 1, Resumed: true,
			Members: []signaling.Member{{ID: 5}, {ID: 7}}}
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		ev, err := a.Receive(ctx)
		require.NoError(t, err)
		require.Equal(t, rtcpeer.PeerFailed, ev.Kind, "a link with 7 was tried")
		require.Equal(t, rtcpeer.PeerID(7), ev.Peer)
	})
}

// A member that was away for so long that the others took it for gone comes back under its id, and has a
// link with each of them again, whoever of the two offers. Nobody is offered a link that it has ended itself.
func TestBackAfterALongAbsence(t *testing.T) {
	for _, away := range []rtcpeer.PeerID{3, 5, 7} {
		t.Run(fmt.Sprint(away), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				network := memory.NewNetwork(memory.Options{})
				r := newRoom(rtcpeer.Mesh)
				r.bare = true
				nodes, transports := make(map[rtcpeer.PeerID]*rtcpeer.Node), make(map[rtcpeer.PeerID]*memory.Transport)
				for _, id := range []rtcpeer.PeerID{3, 5, 7} {
					transports[id] = network.Transport()
					nodes[id] = r.join(t, id, transports[id], rtcpeer.Config{})
				}
				for _, n := range nodes {
					require.Equal(t, rtcpeer.PeerConnected, next(t, n).Kind)
					require.Equal(t, rtcpeer.PeerConnected, next(t, n).Kind)
				}
				gone := nodes[away]
				others := slices.DeleteFunc([]rtcpeer.PeerID{3, 5, 7}, func(id rtcpeer.PeerID) bool { return id == away })
				for _, id := range others {
					network.Partition(transports[away], transports[id])
					r.tell(id, signaling.Left{ID: away, Reason: signaling.LeftLost})
				}
				for _, id := range others {
					wantDisconnected(t, nodes[id], away, rtcpeer.Lost)
					require.Equal(t, rtcpeer.PeerDisconnected, next(t, gone).Kind)
				}
				back := signaling.Welcome{ID: away, Room: "test", Topology: rtcpeer.Mesh, Host: 1, Resumed: true}
				for _, id := range others {
					network.Heal(transports[away], transports[id])
					back.Members = append(back.Members, signaling.Member{ID: id})
					r.tell(id, signaling.Joined{Member: signaling.Member{ID: away}})
				}
				r.tell(away, back)
				for _, id := range others {
					require.Equal(t, rtcpeer.PeerConnected, next(t, nodes[id]).Kind)
					require.Equal(t, rtcpeer.PeerConnected, next(t, gone).Kind)
				}
				require.NoError(t, gone.Disconnect(others[0]))
				wantDisconnected(t, nodes[others[0]], away, rtcpeer.ByPeer)
				require.Equal(t, rtcpeer.PeerDisconnected, next(t, gone).Kind)
				r.tell(away, back)
				synctest.Wait()
				require.Equal(t, others[1:], gone.Peers())
			})
		})
	}
}

// An end that gives an open link up and offers anew gets a new one: connected, disconnected,
// connected. It is what happens when the last packets of a handshake come too late at one end.
func TestOfferForAnOpenLink(t *testing.T) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		t.Run(string(topology), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				network := memory.NewNetwork(memory.Options{})
				r := newRoom(topology)
				session := r.enter(5, nil)
				n := r.join(t, 1, network.Transport(), rtcpeer.Config{})
				for attempt := 1; attempt <= 2; attempt++ {
					link, err := network.Transport().NewPath(godotLanes)
					require.NoError(t, err)
					defer link.Close()
					negotiateBare(t, session, link, 1, attempt)
					if attempt == 2 {
						wantDisconnected(t, n, 5, rtcpeer.Lost)
					}
					require.Equal(t, rtcpeer.PeerConnected, next(t, n).Kind)
				}
				session.Close()
			})
		})
	}
}

// A handshake that advances slowly is not begun again.
func TestSlowHandshakeIsOneAttempt(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{Delay: 4 * time.Second})
		r := newRoom(rtcpeer.Mesh)
		attempts := 0
		r.lose = func(_, _ rtcpeer.PeerID, s signaling.SignalData) bool {
			attempts = max(attempts, s.Attempt)
			return false
		}
		a := r.join(t, 1, network.Transport(), rtcpeer.Config{ConnectTimeout: time.Minute})
		b := r.join(t, 5, network.Transport(), rtcpeer.Config{ConnectTimeout: time.Minute})
		require.Equal(t, []rtcpeer.PeerID{5}, waitMembers(a))
		require.Equal(t, rtcpeer.PeerConnected, next(t, a).Kind)
		require.Equal(t, rtcpeer.PeerConnected, next(t, b).Kind)
		require.Equal(t, 1, attempts)
	})
}

func waitMembers(n *rtcpeer.Node) []rtcpeer.PeerID {
	synctest.Wait()
	return n.Members()
}

// One end's time for the connecting is over in the moment in which the other one has the link. Both have it then: a link
// that one end has connected does not end because the other has not heard the last word yet.
func TestConnectTimeoutWhileTheOtherEndConnects(t *testing.T) {
	for _, impatient := range []rtcpeer.PeerID{1, 5} {
		for timeout := 200 * time.Millisecond; timeout < 700*time.Millisecond; timeout += 7 * time.Millisecond {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 60 * time.Millisecond})
				w.room.delay = func(_, _ rtcpeer.PeerID) time.Duration { return 40 * time.Millisecond }
				for _, id := range []rtcpeer.PeerID{1, 5} {
					config := rtcpeer.Config{}
					if id == impatient {
						config.ConnectTimeout = timeout
					}
					w.enter(id, config)
				}
				after(time.Minute)
				for id, d := range w.diaries {
					d.check(t)
					require.NotContains(t, d.story(6-id), "disconnected", "%v: %d", timeout, id)
					require.Equal(t, []rtcpeer.PeerID{6 - id}, w.nodes[id].Peers())
				}
			})
			if t.Failed() {
				return
			}
		}
	}
}
