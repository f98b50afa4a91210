package rtcpeer_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
)

// What else happens while the host of a star changes.

// outliving is the star of these tests.
var outliving = rtcpeer.Config{Topology: rtcpeer.Star, NewRoom: rtcpeer.NewRoom{Migrates: true}}

// A room that is closed to newcomers, or asks for a password, stays so under the next host, which may open it.
func TestRoomIsClosedWhileItsHostChanges(t *testing.T) {
	for name, tt := range map[string]struct {
		close    func(t *testing.T, host *rtcpeer.Node)
		password string
		code     signaling.Code // what a newcomer is refused with
	}{
		"locked":          {func(t *testing.T, host *rtcpeer.Node) { require.NoError(t, host.SetLocked(t.Context(), true)) }, "", signaling.CodeLocked},
		"sealed":          {func(t *testing.T, host *rtcpeer.Node) { require.NoError(t, host.Seal(t.Context())) }, "", signaling.CodeSealed},
		"with a password": {func(*testing.T, *rtcpeer.Node) {}, "sesame", signaling.CodeWrongPassword},
	} {
		for how, goes := range map[string]func(*rtcpeer.Node){"closed": func(n *rtcpeer.Node) { n.Close() }, "gone": (*rtcpeer.Node).Suspend} {
			t.Run(name+", host "+how, func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					c := newClub(t)
					config := outliving
					config.Password = tt.password
					host, _ := c.join(config)
					a, _ := c.join(config)
					b, heard := c.join(config)
					tt.close(t, host)
					goes(host)
					newcomer := outliving
					for range 15 { // seconds
						_, err := c.ask(newcomer)
						require.ErrorIs(t, err, &signaling.Error{Code: tt.code})
						after(time.Second)
					}
					require.Equal(t, a.ID(), b.Host())
					require.Equal(t, "connected host changed", heard.story(a.ID()))
					for _, n := range []*rtcpeer.Node{a, b} {
						require.Equal(t, tt.code == signaling.CodeLocked, n.Locked())
						require.Equal(t, tt.code == signaling.CodeSealed, n.Sealed())
					}
					switch tt.code {
					case signaling.CodeSealed: // for good
						require.ErrorIs(t, b.Seal(t.Context()), rtcpeer.ErrNotHost)
						require.NoError(t, a.Seal(t.Context()))
						return
					case signaling.CodeLocked:
						require.ErrorIs(t, b.SetLocked(t.Context(), false), rtcpeer.ErrNotHost)
						require.NoError(t, a.SetLocked(t.Context(), false))
					}
					late, _ := c.join(config)
					require.Equal(t, a.ID(), late.Host())
					require.Len(t, late.Peers(), 2)
				})
			})
		}
	}
}

// Members come while nobody hosts the room. They follow the next host as the others do.
func TestNewcomersDuringAnElection(t *testing.T) {
	for _, at := range []time.Duration{0, 3 * time.Second, 5*time.Second - time.Millisecond, 9 * time.Second} {
		t.Run(at.String(), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				c := newClub(t)
				host, _ := c.join(outliving)
				a, _ := c.join(outliving)
				b, heardByB := c.join(outliving)
				host.Suspend()
				after(at)
				late, heard := c.join(outliving)
				last, _ := c.join(outliving)
				after(10 * time.Second)
				for _, n := range []*rtcpeer.Node{a, b, late, last} {
					require.Equal(t, a.ID(), n.Host())
					require.Equal(t, rtcpeer.ConnectionConnected, n.Status())
					require.Len(t, n.Peers(), 3)
				}
				require.NoError(t, late.Send(t.Context(), rtcpeer.Packet{Peer: b.ID(), Data: []byte("good evening")}))
				require.NoError(t, b.Send(t.Context(), rtcpeer.Packet{Peer: rtcpeer.Broadcast, Data: []byte("hello")}))
				after(time.Second)
				require.Equal(t, []string{"good evening"}, heardByB.packets(late.ID(), 0, rtcpeer.Reliable))
				require.Equal(t, []string{"hello"}, heard.packets(b.ID(), 0, rtcpeer.Reliable))
				require.Empty(t, heard.story(host.ID()))
				heard.check(t)
				heardByB.check(t)
			})
		})
	}
}

// The host leaves, and the successor that it has named has just lost the server, or cannot be host.
func TestSuccessorThatCannotFollow(t *testing.T) {
	t.Run("it is away", func(t *testing.T) {
		bubble.Test(t, func(t *testing.T) {
			c := newClub(t)
			host, _ := c.join(outliving)
			a, _ := c.join(outliving)
			named, _ := c.join(outliving)
			b, heard := c.join(outliving)
			require.NoError(t, host.SetSuccessor(t.Context(), named.ID()))
			named.Suspend()
			require.NoError(t, host.Close())
			after(3 * time.Second)
			require.Equal(t, a.ID(), b.Host())
			require.Equal(t, 2, b.Term())
			back := outliving
			back.Resume = named.ResumeToken()
			again, _ := c.join(back)
			require.Equal(t, named.ID(), again.ID())
			require.Equal(t, a.ID(), again.Host())
			require.Len(t, again.Peers(), 2)
			require.Equal(t, "connected disconnected(lost) connected", heard.story(named.ID()))
			heard.check(t)
		})
	})
	t.Run("it cannot be host", func(t *testing.T) {
		bubble.Test(t, func(t *testing.T) {
			c := newClub(t)
			host, _ := c.join(outliving)
			never := outliving
			never.NeverHost = true
			named, _ := c.join(never)
			a, _ := c.join(outliving)
			require.NoError(t, host.SetSuccessor(t.Context(), named.ID()))
			after(time.Second)
			require.NoError(t, host.Close())
			after(3 * time.Second)
			require.Equal(t, a.ID(), named.Host())
			require.Equal(t, []rtcpeer.PeerID{a.ID()}, named.Peers())
		})
	})
	t.Run("all are away", func(t *testing.T) {
		bubble.Test(t, func(t *testing.T) {
			c := newClub(t)
			host, _ := c.join(outliving)
			a, _ := c.join(outliving)
			b, _ := c.join(outliving)
			a.Suspend()
			b.Suspend()
			require.NoError(t, host.Close())
			after(3 * time.Second)
			first, second := outliving, outliving
			first.Resume, second.Resume = b.ResumeToken(), a.ResumeToken()
			againB, _ := c.join(first)
			againA, _ := c.join(second)
			require.Equal(t, againA.Host(), againB.Host())
			require.Equal(t, a.ID(), againA.Host(), "it has been there the longest, and is back in time")
			require.Equal(t, []rtcpeer.PeerID{b.ID()}, againA.Peers())
			require.Equal(t, []rtcpeer.PeerID{a.ID()}, againB.Peers())
		})
	})
}

// A guest hears of nobody, neither of its host nor of the server, while the host changes. It comes back to the next host, and
// the others have only missed it meanwhile.
func TestGuestIsCutOffWhileTheHostChanges(t *testing.T) {
	for name, away := range map[string]time.Duration{"for less than LostAfter": 15 * time.Second, "for longer": 50 * time.Second} {
		for how, goes := range map[string]func(*world){
			"the host closes": func(w *world) { require.NoError(w.t, w.closeNode(1)) },
			"the host dies": func(w *world) {
				w.kill(1)
				after(10 * time.Second)
				w.room.depose()
			},
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
					s := w.room.sessionOf(9)
					w.room.cut(s)
					w.isolate(9, true)
					after(3 * time.Second)
					goes(w)
					after(away)
					require.NoError(t, w.nodes[7].Send(t.Context(), rtcpeer.Packet{Peer: 5, Data: []byte("where is it")}))
					w.isolate(9, false)
					w.room.notice(s)
					w.room.restore(s)
					after(45 * time.Second)
					w.wantHost(5, 2, 5, 7, 9)
					require.Contains(t, w.diaries[9].story(5), "host changed")
					require.Regexp(t, `^connected( disconnected\([a-z ]*\) connected)?$`, w.diaries[7].story(9))
				}, 1, 5, 7, 9)
			})
		}
	}
}

// Flush waits for what the host has not taken. If the host dies it says so; it does not wait for the next host. What was sent
// between two hosts is flushed at the next one.
func TestFlushWhileTheHostChanges(t *testing.T) {
	migrating(t, rtcpeer.Config{}, func(t *testing.T, w *world) {
		w.isolate(1, true)
		const size = 3000
		require.NoError(t, w.nodes[7].Send(t.Context(), rtcpeer.Packet{Peer: 1, Data: make([]byte, size)}))
		flushed := make(chan error, 1)
		go func() { flushed <- w.nodes[7].Flush(t.Context()) }()
		after(5 * time.Second)
		require.Empty(t, flushed, "the link may still be repaired")
		w.room.depose()
		after(5 * time.Second)
		require.Len(t, flushed, 1)
		lost, ok := errors.AsType[*rtcpeer.UndeliveredError](<-flushed)
		require.True(t, ok)
		require.GreaterOrEqual(t, lost.Bytes[1], size)
		require.Len(t, lost.Bytes, 1)
		require.NoError(t, w.nodes[7].Flush(t.Context()), "with the next host there is nothing to wait for")

		delay := w.room.delay
		w.room.delay = func(_, _ rtcpeer.PeerID) time.Duration { return 5 * time.Second }
		require.NoError(t, w.closeNode(5))
		after(time.Second)
		require.NoError(t, w.nodes[9].Flush(t.Context()), "nothing was sent, and there is no host")
		require.NoError(t, w.nodes[9].Send(t.Context(), rtcpeer.Packet{Peer: rtcpeer.Server, Data: []byte("at last")}))
		w.room.delay = delay
		require.NoError(t, w.nodes[9].Flush(t.Context()))
		require.Equal(t, []string{"at last"}, w.diaries[7].packets(9, 0, rtcpeer.Reliable))
	}, 1, 5, 7, 9)
}
