package rtcpeer_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalclient"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/bubble"
)

func TestListAndPassword(t *testing.T) {
	s := startServer(t, signalserver.Config{})
	host := join(t, s.url("oasis"), rtcpeer.Config{Password: "sesame", NewRoom: rtcpeer.NewRoom{
		Public: true, Metadata: []byte(`{"map":"desert","level":3}`), MaxMembers: 8}})
	join(t, s.url("hidden"), rtcpeer.Config{})
	for _, filter := range []map[string]any{nil, {"map": "desert"}, {"level": 3}} {
		rooms, err := rtcpeer.List(t.Context(), s.url(""), filter, rtcpeer.Config{})
		require.NoError(t, err)
		require.Equal(t, []rtcpeer.PublicRoom{{Room: "oasis", Topology: rtcpeer.Mesh, Members: 1, MaxMembers: 8, Password: true,
			Metadata: []byte(`{"map":"desert","level":3}`)}}, rooms)
	}
	rooms, err := rtcpeer.List(t.Context(), s.url(""), map[string]any{"map": "ice"}, rtcpeer.Config{})
	require.NoError(t, err)
	require.Empty(t, rooms)
	_, err = rtcpeer.List(t.Context(), rtcpeer.GodotScheme+s.url(""), nil, rtcpeer.Config{})
	require.ErrorContains(t, err, "no list")

	_, err = rtcpeer.Join(t.Context(), s.url("oasis"), rtcpeer.Config{Password: "open"})
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeWrongPassword})
	require.False(t, signalclient.Retry(err))
	join(t, s.url("oasis"), rtcpeer.Config{Password: "sesame"})
	require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
}

func TestMatch(t *testing.T) {
	s := startServer(t, signalserver.Config{})
	nodes := make(chan *rtcpeer.Node)
	for range 2 {
		go func() {
			n, err := rtcpeer.Match(t.Context(), s.url("counts-for-nothing"), "duel", 2, rtcpeer.Config{Topology: rtcpeer.Star})
			require.NoError(t, err)
			nodes <- n
		}()
	}
	for range 2 {
		n := <-nodes
		t.Cleanup(func() { n.Close() })
		require.True(t, n.Sealed())
		require.Equal(t, rtcpeer.Star, n.Topology())
		require.Equal(t, rtcpeer.PeerConnected, next(t, n).Kind)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := rtcpeer.Match(ctx, s.url(""), "alone", 2, rtcpeer.Config{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = rtcpeer.Match(t.Context(), s.url(""), "k", 1, rtcpeer.Config{})
	require.ErrorContains(t, err, "match: size 1: want 2 to 64")
}

func TestLock(t *testing.T) {
	t.Parallel()
	s := startServer(t, signalserver.Config{ResumeKey: []byte("0123456789abcdef"), Recovery: -1})
	host := join(t, s.url("r"), rtcpeer.Config{})
	guest := join(t, s.url("r"), rtcpeer.Config{})
	require.ErrorIs(t, guest.SetLocked(t.Context(), true), rtcpeer.ErrNotHost)
	require.NoError(t, host.SetLocked(t.Context(), true))
	require.True(t, host.Locked())
	require.Eventually(t, guest.Locked, 10*time.Second, time.Millisecond)
	_, err := rtcpeer.Join(t.Context(), s.url("r"), rtcpeer.Config{})
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeLocked})

	s.stop() // the host locks it again
	s.start(t)
	require.Eventually(t, func() bool {
		return host.Stats().Resumed == 1 && guest.Stats().Resumed == 1
	}, 30*time.Second, time.Millisecond)
	require.Eventually(t, func() bool {
		n, err := rtcpeer.Join(t.Context(), s.url("r"), rtcpeer.Config{})
		if err == nil {
			n.Close() // it was faster than the host
		}
		return err != nil
	}, 10*time.Second, time.Millisecond)
	require.NoError(t, host.SetLocked(t.Context(), false))
	require.False(t, host.Locked())
	join(t, s.url("r"), rtcpeer.Config{})
}

// calling makes a call of a node that waits for the server, and returns what will have its error within a minute.
func calling(t *testing.T, call func(context.Context) error) <-chan error {
	ended := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ended <- call(ctx)
	}()
	synctest.Wait()
	return ended
}

func sealing(n *rtcpeer.Node) func(context.Context) error { return n.Seal }

func locking(n *rtcpeer.Node, locked bool) func(context.Context) error {
	return func(ctx context.Context) error { return n.SetLocked(ctx, locked) }
}

// What the host asks for over a connection that is dead, which nobody has noticed, is done once it is back.
func TestSealAndLockOutliveTheConnection(t *testing.T) {
	for _, c := range []struct {
		name   string
		locked bool // at first
		call   func(*rtcpeer.Node) func(context.Context) error
		done   func(*rtcpeer.Node) bool
	}{
		{"seal", false, sealing, (*rtcpeer.Node).Sealed},
		{"lock", false, func(n *rtcpeer.Node) func(context.Context) error { return locking(n, true) }, (*rtcpeer.Node).Locked},
		{"open", true, func(n *rtcpeer.Node) func(context.Context) error { return locking(n, false) },
			func(n *rtcpeer.Node) bool { return !n.Locked() }},
	} {
		for _, losses := range []int{1, 2} { // what is sent again may be lost as well
			t.Run(fmt.Sprintf("%s, %d losses", c.name, losses), func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					w := newWorld(t, rtcpeer.Star, memory.Options{}).join(rtcpeer.Config{}, 1, 5)
					host, guest, session := w.nodes[1], w.nodes[5], w.room.sessionOf(1)
					require.NoError(t, host.SetLocked(t.Context(), c.locked))
					w.room.cut(session)
					ended := calling(t, c.call(host))
					for range losses - 1 {
						w.room.mu.Lock()
						session.inbox <- signaling.Disconnected{Err: errLine}
						session.inbox <- w.room.welcome(session) // over a connection that is dead by then
						w.room.mu.Unlock()
						synctest.Wait()
					}
					require.Empty(t, ended)
					w.room.notice(session)
					w.room.restore(session)
					require.NoError(t, <-ended)
					synctest.Wait()
					require.True(t, c.done(host))
					require.True(t, c.done(guest))
				})
			})
		}
	}
}

// The room is opened, and the answer is lost: the host does not take it for a server that has forgotten the lock.
func TestAnswerToALockIsLost(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Star, memory.Options{}).join(rtcpeer.Config{}, 1, 5)
		host, session := w.nodes[1], w.room.sessionOf(1)
		require.NoError(t, host.SetLocked(t.Context(), true))
		w.room.cut(session)
		ended := calling(t, locking(host, false))
		w.room.mu.Lock()
		w.room.locked = false
		w.room.mu.Unlock()
		w.room.notice(session)
		w.room.restore(session)
		require.NoError(t, <-ended)
		synctest.Wait()
		require.False(t, host.Locked())
		w.room.mu.Lock()
		defer w.room.mu.Unlock()
		require.False(t, w.room.locked)
	})
}

// The server restarts, so it has forgotten that the room is locked, and the host opens the room meanwhile: it stays open.
// An administrator who locks it later is heard.
func TestOpenedWhileTheServerRestarts(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Star, memory.Options{}).join(rtcpeer.Config{}, 1, 5)
		host, session := w.nodes[1], w.room.sessionOf(1)
		setLocked := func(locked bool) {
			w.room.mu.Lock()
			defer w.room.mu.Unlock()
			w.room.locked = locked
		}
		isLocked := func() bool {
			w.room.mu.Lock()
			defer w.room.mu.Unlock()
			return w.room.locked
		}
		require.NoError(t, host.SetLocked(t.Context(), true))
		w.room.restart()
		setLocked(false)
		ended := calling(t, locking(host, false))
		w.room.restore(session)
		require.NoError(t, <-ended)
		synctest.Wait()
		require.False(t, isLocked())
		require.False(t, host.Locked())

		setLocked(true)
		w.room.cut(session)
		w.room.notice(session)
		w.room.restore(session)
		synctest.Wait()
		require.True(t, isLocked())
		require.True(t, host.Locked())
	})
}

// Of two calls that lock and open the room at the same time, the last one counts, and both return.
func TestLocksAtTheSameTime(t *testing.T) {
	for _, lost := range []bool{false, true} { // else they wait for the connection
		for _, last := range []bool{false, true} {
			t.Run(fmt.Sprintf("lost %v, locked %v", lost, last), func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					w := newWorld(t, rtcpeer.Star, memory.Options{}).join(rtcpeer.Config{}, 1, 5)
					host, session := w.nodes[1], w.room.sessionOf(1)
					w.room.cut(session)
					if !lost {
						w.room.notice(session)
					}
					first, second := calling(t, locking(host, !last)), calling(t, locking(host, last))
					if lost {
						w.room.notice(session)
					}
					w.room.restore(session)
					require.NoError(t, <-first)
					require.NoError(t, <-second)
					synctest.Wait()
					require.Equal(t, last, host.Locked())
					require.Equal(t, last, w.nodes[5].Locked())
				})
			})
		}
	}
}

// A host whose connection to the server has ended for good keeps its links, and is told that the room is not sealed.
func TestSealWithoutAServer(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Star, memory.Options{}).join(rtcpeer.Config{}, 1, 5)
		host, session := w.nodes[1], w.room.sessionOf(1)
		w.room.cut(session)
		ended := calling(t, host.Seal)
		why := &signaling.Error{Code: signaling.CodeResumeRefused, Text: "the member has left"}
		session.inbox <- roomEnd{err: why}
		require.ErrorIs(t, <-ended, why)
		require.ErrorIs(t, <-calling(t, host.Seal), why, "and who asks later")
		require.Equal(t, []rtcpeer.PeerID{5}, host.Peers())
		require.NoError(t, w.closeNode(1))
		require.ErrorIs(t, host.Seal(t.Context()), rtcpeer.ErrClosed)
		require.ErrorIs(t, host.SetLocked(t.Context(), true), rtcpeer.ErrClosed)
	})
}

// What a node asks for and does not wait for outlives a connection that is dead, too.
func TestRequestsOutliveTheConnection(t *testing.T) {
	for name, c := range map[string]struct {
		ask  func(context.Context, *world) error
		done func(*world) bool
	}{
		"kick": {
			func(ctx context.Context, w *world) error { return w.nodes[1].Kick(ctx, 5, "be nice") },
			func(w *world) bool { return len(w.nodes[1].Members()) == 0 && w.room.sessionOf(5) == nil },
		},
		"set successor": {
			func(ctx context.Context, w *world) error { return w.nodes[1].SetSuccessor(ctx, 5) },
			func(w *world) bool { return w.room.heir() == 5 },
		},
		"set metadata": {
			func(ctx context.Context, w *world) error { return w.nodes[1].SetMetadata(ctx, []byte(`"new"`)) },
			func(w *world) bool {
				return string(w.nodes[1].Metadata(1)) == `"new"` && string(w.nodes[5].Metadata(1)) == `"new"`
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Star, memory.Options{})
				w.room.term = 1
				w.join(rtcpeer.Config{}, 1, 5)
				session := w.room.sessionOf(1)
				w.room.cut(session)
				require.NoError(t, c.ask(t.Context(), w))
				w.room.notice(session)
				w.room.restore(session)
				synctest.Wait()
				require.True(t, c.done(w))
			})
		})
	}
}

// A server that is restarted forgets whom the host has named as the next one, and may learn of it before that member is
// back.
func TestSuccessorOutlivesTheServer(t *testing.T) {
	for _, first := range []rtcpeer.PeerID{1, 5} {
		t.Run(fmt.Sprintf("%d is back first", first), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Star, memory.Options{})
				w.room.term = 1
				w.join(rtcpeer.Config{}, 1, 5)
				sessions := map[rtcpeer.PeerID]*session{1: w.room.sessionOf(1), 5: w.room.sessionOf(5)}
				require.NoError(t, w.nodes[1].SetSuccessor(t.Context(), 5))
				require.Equal(t, rtcpeer.PeerID(5), w.room.heir())
				w.room.restart()
				w.room.mu.Lock()
				w.room.hosts.heir = 0
				w.room.mu.Unlock()
				w.room.restore(sessions[first])
				after(100 * time.Millisecond)
				w.room.restore(sessions[6-first])
				synctest.Wait()
				require.Equal(t, rtcpeer.PeerID(5), w.room.heir())
			})
		})
	}
}

// After Close, all that asks the server returns ErrClosed, and not the error of the signaler.
func TestAskingAfterClose(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Star, memory.Options{}).join(rtcpeer.Config{}, 1, 5)
		host := w.nodes[1]
		require.NoError(t, w.closeNode(1))
		require.ErrorIs(t, host.Seal(t.Context()), rtcpeer.ErrClosed)
		require.ErrorIs(t, host.SetLocked(t.Context(), true), rtcpeer.ErrClosed)
		require.ErrorIs(t, host.Kick(t.Context(), 5, ""), rtcpeer.ErrClosed)
		require.ErrorIs(t, host.SetSuccessor(t.Context(), 5), rtcpeer.ErrClosed)
		require.ErrorIs(t, host.SetMetadata(t.Context(), nil), rtcpeer.ErrClosed)
	})
}

func TestKick(t *testing.T) {
	t.Parallel()
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		t.Run(string(topology), func(t *testing.T) {
			s := startServer(t, signalserver.Config{})
			host := join(t, s.url("r"), rtcpeer.Config{Topology: topology})
			guest := join(t, s.url("r"), rtcpeer.Config{})
			require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
			require.Equal(t, rtcpeer.PeerConnected, next(t, guest).Kind)
			require.ErrorIs(t, guest.Kick(t.Context(), host.ID(), ""), rtcpeer.ErrNotHost)
			require.ErrorIs(t, host.Kick(t.Context(), guest.ID()+1, ""), rtcpeer.ErrUnknownPeer)
			require.ErrorIs(t, host.Kick(t.Context(), host.ID(), ""), rtcpeer.ErrUnknownPeer)
			require.ErrorIs(t, host.Kick(t.Context(), guest.ID(), strings.Repeat("x", 257)), &signaling.Error{Code: signaling.CodeBadMessage})
			require.NoError(t, host.Kick(t.Context(), guest.ID(), "be nice"))

			gone := next(t, host)
			require.Equal(t, rtcpeer.PeerDisconnected, gone.Kind)
			require.Contains(t, []rtcpeer.DisconnectReason{rtcpeer.Kicked, rtcpeer.ByPeer}, gone.Reason)
			require.Eventually(t, func() bool { return len(host.Members()) == 0 }, 10*time.Second, time.Millisecond)
			for {
				if _, err := guest.Receive(t.Context()); err != nil {
					if topology == rtcpeer.Mesh {
						require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeKicked, Text: "be nice"})
					}
					break
				}
			}
		})
	}
}

// New ICE servers are for links that are made from now on, and nothing else happens.
func TestICEServersAreRenewed(t *testing.T) {
	fresh := make(chan bool, 16)
	s := startServer(t, signalserver.Config{PingInterval: 2 * time.Second, // of which a sixteenth is how often it looks what is to be renewed
		ICEServersFor: func(signaling.RoomName, signaling.PeerID) ([]signaling.ICEServer, time.Duration) {
			select {
			case fresh <- true:
			default:
			}
			return []signaling.ICEServer{{URLs: []string{"stun:127.0.0.1:1"}}}, 20 * time.Millisecond
		}})
	n := join(t, s.url("r"), rtcpeer.Config{})
	for range 3 {
		<-fresh
	}
	_, err := n.TryReceive()
	require.ErrorIs(t, err, rtcpeer.ErrNoEvent)
	require.True(t, n.Stats().Signaling)
}
