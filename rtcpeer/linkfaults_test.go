package rtcpeer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
)

// The rows of FAULTS.md, section L: what was found broken by use, in a mesh and in a star, for the smallest id, one in the
// middle and the largest.

var faultIDs = []rtcpeer.PeerID{1, 5, 9}

// onFault runs a test for each topology and each member to whom a fault happens. Its room has three members.
func onFault(t *testing.T, config rtcpeer.Config, test func(t *testing.T, w *world, victim rtcpeer.PeerID)) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		for _, victim := range faultIDs {
			t.Run(fmt.Sprintf("%s %d", topology, victim), func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					w := newWorld(t, topology, memory.Options{Delay: 20 * time.Millisecond})
					w.room.delay = func(_, _ rtcpeer.PeerID) time.Duration { return 20 * time.Millisecond }
					w.join(config, faultIDs...)
					test(t, w, victim)
					for _, d := range w.diaries {
						d.check(t)
					}
				})
			})
		}
	}
}

// linked returns the members with whom one has a link, or is to have one.
func (w *world) linked(id rtcpeer.PeerID) []rtcpeer.PeerID {
	return slices.DeleteFunc(slices.Clone(faultIDs), func(other rtcpeer.PeerID) bool {
		return other == id || w.room.topology == rtcpeer.Star && id != rtcpeer.Server && other != rtcpeer.Server
	})
}

// wantLinked wants the links of a member to work, in both directions, from a moment on.
func (w *world) wantLinked(id rtcpeer.PeerID, since time.Time, within time.Duration) {
	w.t.Helper()
	for _, other := range w.linked(id) {
		for _, pair := range [][2]rtcpeer.PeerID{{id, other}, {other, id}} {
			at, with := pair[0], pair[1]
			d, story := w.diaries[at], w.diaries[at].story(with)
			require.Contains(w.t, w.nodes[at].Peers(), with, "%d: %s", at, story)
			require.False(w.t, w.link(at, with).Interrupted, "%d: %s", at, story)
			for _, kind := range []rtcpeer.EventKind{rtcpeer.PeerResumed, rtcpeer.PeerConnected} {
				require.LessOrEqual(w.t, d.when(kind, with).Sub(since), within, "%d: %v late: %s", at, kind, story)
			}
			require.NoError(w.t, w.nodes[at].TrySend(rtcpeer.Packet{Peer: with, Data: []byte("after all")}))
		}
	}
	after(time.Second)
	for _, other := range w.linked(id) {
		require.Contains(w.t, w.diaries[other].packets(id, 0, rtcpeer.Reliable), "after all", "%d of %d", other, id)
		require.Contains(w.t, w.diaries[id].packets(other, 0, rtcpeer.Reliable), "after all", "%d of %d", id, other)
	}
}

// UDP is dropped for 15 s, while signaling works (fault L1). The two ends are linked within a second of the return of the
// path, whether they were lost meanwhile or not.
func TestBlockedForAWhile(t *testing.T) {
	for _, lostAfter := range []time.Duration{0, 10 * time.Second, -1} {
		t.Run(fmt.Sprint(lostAfter), func(t *testing.T) {
			onFault(t, rtcpeer.Config{LostAfter: lostAfter}, func(t *testing.T, w *world, victim rtcpeer.PeerID) {
				w.isolate(victim, true)
				after(15 * time.Second)
				w.isolate(victim, false)
				start := time.Now()
				after(5 * time.Second)
				w.wantLinked(victim, start, time.Second)
				for _, other := range w.linked(victim) {
					want := "connected interrupted resumed"
					if lostAfter == 10*time.Second {
						want = "connected interrupted disconnected(lost) connected"
					}
					require.Equal(t, want, w.diaries[other].story(victim))
					require.Equal(t, want, w.diaries[victim].story(other))
				}
			})
		})
	}
}

// A member sleeps for 14, 25 and 50 s (fault L2). It is linked with all others again, whether it first gets its Welcome or
// learns that its links were lost. (repair_test.go tests that it notices its sleep by itself.)
func TestAsleep(t *testing.T) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		for _, victim := range faultIDs {
			for _, asleep := range []time.Duration{14 * time.Second, 25 * time.Second, 50 * time.Second, 10 * time.Minute} {
				const grace = 40 * time.Second // the server notices the loss after ten seconds
				if topology == rtcpeer.Star && victim == rtcpeer.Server && asleep > grace {
					continue // its room has ended meanwhile
				}
				for _, welcome := range []time.Duration{0, 10 * time.Millisecond, 3 * time.Second} {
					t.Run(fmt.Sprintf("%s %d %v, welcome after %v", topology, victim, asleep, welcome), func(t *testing.T) {
						bubble.Test(t, func(t *testing.T) {
							w := newWorld(t, topology, memory.Options{Delay: 20 * time.Millisecond})
							for _, id := range faultIDs {
								config := rtcpeer.Config{}
								if id == victim {
									config.LostAfter = -1 // who sleeps does not notice
								}
								w.enter(id, config)
							}
							after(3 * time.Second)
							session := w.room.sessionOf(victim)
							w.isolate(victim, true)
							w.room.cut(session)
							after(10 * time.Second)
							w.room.notice(session)
							after(asleep - 10*time.Second)
							w.isolate(victim, false)
							start := time.Now()
							after(welcome)
							w.room.restore(session)
							after(20 * time.Second)
							w.wantLinked(victim, start, welcome+3*time.Second)
							for _, d := range w.diaries {
								d.check(t)
							}
						})
					})
				}
			}
		}
	}
}

// A member gets another address (fault L3). It is noticed at once, and the pause is short, whichever end offers; also if the
// connection to the server is lost with the address, and if nobody is told, as behind a NAT that has forgotten its mapping.
func TestAddressChanges(t *testing.T) {
	t.Run("moved", func(t *testing.T) {
		onFault(t, rtcpeer.Config{}, func(t *testing.T, w *world, victim rtcpeer.PeerID) {
			w.network.Move(w.hosts[victim])
			start := time.Now()
			after(5 * time.Second)
			w.wantLinked(victim, start, 2*time.Second)
			for _, other := range w.linked(victim) {
				require.Equal(t, "connected", w.diaries[victim].story(other), "no interruption that a program would see")
			}
		})
	})
	t.Run("moved, and the server was lost", func(t *testing.T) {
		onFault(t, rtcpeer.Config{}, func(t *testing.T, w *world, victim rtcpeer.PeerID) {
			session := w.room.sessionOf(victim)
			w.room.cut(session)
			w.room.notice(session)
			w.network.Move(w.hosts[victim])
			after(3 * time.Second)
			start := time.Now()
			w.room.restore(session)
			after(5 * time.Second)
			w.wantLinked(victim, start, time.Second)
		})
	})
	t.Run("forgotten", func(t *testing.T) {
		onFault(t, rtcpeer.Config{}, func(t *testing.T, w *world, victim rtcpeer.PeerID) {
			for _, other := range w.linked(victim) {
				w.network.Forget(w.hosts[victim], w.hosts[other])
			}
			start := time.Now()
			after(5 * time.Second)
			w.wantLinked(victim, start, 3*time.Second)
		})
	})
}

// The TURN server over which all links go restarts (fault L4).
func TestRelayRestarts(t *testing.T) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		t.Run(string(topology), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, topology, memory.Options{Delay: 20 * time.Millisecond})
				for _, id := range faultIDs {
					w.hosts[id] = w.network.Transport()
				}
				for _, a := range faultIDs {
					for _, b := range faultIDs {
						w.network.RelayOnly(w.hosts[a], w.hosts[b], true)
					}
				}
				w.join(rtcpeer.Config{}, faultIDs...)
				require.Equal(t, "relay", w.link(1, 5).Local)
				for range 3 { // at another time of the search for a direct path each
					w.network.BreakRelays()
					start := time.Now()
					after(10 * time.Second)
					for _, id := range faultIDs {
						w.wantLinked(id, start, 3*time.Second)
					}
					after(5500 * time.Millisecond)
				}
				for id, d := range w.diaries {
					for _, other := range w.linked(id) {
						require.NotContains(t, d.story(other), "disconnected")
					}
				}
			})
		})
	}
}

// UDP is blocked for the first 25 s after joining, longer than a link may take (fault L5). The program is told, and the two
// ends are linked as soon as that is possible.
func TestBlockedFromTheBeginning(t *testing.T) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		for _, victim := range faultIDs {
			for _, blocked := range []time.Duration{25 * time.Second, 55 * time.Second, 5 * time.Minute} {
				t.Run(fmt.Sprintf("%s %d %v", topology, victim, blocked), func(t *testing.T) {
					bubble.Test(t, func(t *testing.T) {
						w := newWorld(t, topology, memory.Options{Delay: 20 * time.Millisecond})
						for _, id := range faultIDs {
							w.hosts[id] = w.network.Transport()
						}
						w.isolate(victim, true)
						for _, id := range faultIDs {
							w.enter(id, rtcpeer.Config{})
						}
						after(blocked)
						for _, other := range w.linked(victim) {
							require.Equal(t, "failed", w.diaries[victim].story(other), "once")
							require.Equal(t, "failed", w.diaries[other].story(victim))
						}
						if topology == rtcpeer.Star && victim != rtcpeer.Server {
							require.Equal(t, rtcpeer.ConnectionConnecting, w.nodes[victim].Status(), "a guest keeps its place")
						}
						w.isolate(victim, false)
						start := time.Now()
						after(time.Minute)
						within := time.Second
						if blocked > time.Minute {
							within = 35 * time.Second // there are pauses by then
						}
						w.wantLinked(victim, start, within)
						require.Equal(t, rtcpeer.ConnectionConnected, w.nodes[victim].Status())
					})
				})
			}
		}
	}
}

// A guest of a star has no network for 12 s, or for a minute (fault L6). It keeps its place, also in a sealed room, and
// comes back.
func TestGuestWithoutNetwork(t *testing.T) {
	for _, away := range []time.Duration{12 * time.Second, time.Minute} {
		for _, guest := range []rtcpeer.PeerID{5, 9} {
			for _, lostAfter := range []time.Duration{0, 5 * time.Second} {
				t.Run(fmt.Sprintf("%v %d %v", away, guest, lostAfter), func(t *testing.T) {
					bubble.Test(t, func(t *testing.T) {
						w := newWorld(t, rtcpeer.Star, memory.Options{Delay: 20 * time.Millisecond})
						w.join(rtcpeer.Config{LostAfter: lostAfter}, faultIDs...)
						require.NoError(t, w.nodes[1].Seal(t.Context()))
						w.isolate(guest, true)
						session := w.room.sessionOf(guest)
						w.room.cut(session)
						w.room.notice(session)
						after(away)
						lost := away > 30*time.Second || lostAfter == 5*time.Second
						wantStatus := rtcpeer.ConnectionConnected
						if lost {
							wantStatus = rtcpeer.ConnectionConnecting
						}
						require.Equal(t, wantStatus, w.nodes[guest].Status())
						_, ended := w.diaries[guest].end()
						require.NoError(t, ended, "its node goes on")
						w.isolate(guest, false)
						w.room.restore(session)
						start := time.Now()
						after(10 * time.Second)
						w.wantLinked(guest, start, time.Second)
						require.Equal(t, rtcpeer.ConnectionConnected, w.nodes[guest].Status())
						require.Equal(t, faultIDs[:2], w.nodes[9].Peers())
						for _, d := range w.diaries {
							d.check(t)
						}
					})
				})
			}
		}
	}
}

// The host of a star is killed (fault L7). Its guests stay. Another program that comes back with the host's id is linked
// with them again. When the room ends, their nodes end.
func TestHostKilled(t *testing.T) {
	for _, away := range []time.Duration{time.Second, 10 * time.Second, 40 * time.Second, 3 * time.Minute} {
		for _, left := range []bool{false, true} { // the server gives its place up, and its room goes on
			if left && away > time.Minute {
				continue // a guest that has neither link nor host is at its end
			}
			t.Run(fmt.Sprintf("%v left=%v", away, left), func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					w := newWorld(t, rtcpeer.Star, memory.Options{Delay: 20 * time.Millisecond})
					w.join(rtcpeer.Config{}, faultIDs...)
					w.kill(1)
					after(away / 2)
					if left {
						w.giveUp(1, signaling.LeftLost)
					}
					after(away - away/2)
					for _, guest := range []rtcpeer.PeerID{5, 9} {
						_, ended := w.diaries[guest].end()
						require.NoError(t, ended, "guest %d stays", guest)
					}
					w.hosts[1] = w.network.Transport()
					w.enter(1, rtcpeer.Config{})
					start := time.Now()
					after(10 * time.Second)
					w.wantLinked(1, start, 2*time.Second)
					for _, guest := range []rtcpeer.PeerID{5, 9} {
						require.Equal(t, []rtcpeer.PeerID{1, 14 - guest}, w.nodes[guest].Peers(), "and they have each other")
						require.Equal(t, rtcpeer.ConnectionConnected, w.nodes[guest].Status())
						w.diaries[guest].check(t)
					}
				})
			})
		}
	}
}

// The server ends the room of a host that does not come back (fault L7).
func TestRoomEnds(t *testing.T) {
	for _, ends := range []time.Duration{time.Second, 10 * time.Second, 29 * time.Second, 45 * time.Second, 100 * time.Second} {
		t.Run(fmt.Sprint(ends), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Star, memory.Options{Delay: 20 * time.Millisecond})
				w.join(rtcpeer.Config{}, faultIDs...)
				w.kill(1)
				after(ends)
				start := time.Now()
				w.room.end(&signaling.Error{Code: signaling.CodeHostLeft, Text: "the host has left"})
				after(2 * time.Minute)
				for _, guest := range []rtcpeer.PeerID{5, 9} {
					at, ended := w.diaries[guest].end()
					require.Error(t, ended)
					require.ErrorContains(t, ended, "host_left")
					require.LessOrEqual(t, at.Sub(start), max(31*time.Second-ends, 0), "%v", ended)
					require.Equal(t, rtcpeer.ConnectionDisconnected, w.nodes[guest].Status())
					w.diaries[guest].check(t)
				}
			})
		})
	}
}

// A member closes at any moment while it connects (fault L9). The other end keeps nothing of it.
func TestClosedWhileConnecting(t *testing.T) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		for _, leaver := range []rtcpeer.PeerID{1, 5} {
			for _, parted := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %d parted=%v", topology, leaver, parted), func(t *testing.T) {
					for offset := time.Duration(0); offset < 500*time.Millisecond; offset += 7 * time.Millisecond {
						bubble.Test(t, func(t *testing.T) {
							w := newWorld(t, topology, memory.Options{Delay: 40 * time.Millisecond})
							w.room.delay = func(_, _ rtcpeer.PeerID) time.Duration { return 15 * time.Millisecond }
							w.enter(1, rtcpeer.Config{})
							w.enter(5, rtcpeer.Config{})
							after(offset)
							if parted { // its last packets are lost
								w.partition(1, 5)
							}
							require.NoError(t, w.nodes[leaver].Close())
							start := time.Now()
							after(time.Minute)
							d := w.diaries[6-leaver]
							d.check(t)
							require.Contains(t, []string{"", "connected disconnected(by peer)", "connected interrupted disconnected(by peer)"}, d.story(leaver), "offset %v", offset)
							require.Less(t, d.when(rtcpeer.PeerDisconnected, leaver).Sub(start), 3*time.Second, "offset %v", offset)
							require.Empty(t, w.nodes[6-leaver].Peers())
						})
						if t.Failed() {
							return
						}
					}
				})
			}
		}
	}
}
