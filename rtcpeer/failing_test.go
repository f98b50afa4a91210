package rtcpeer_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
)

// A spoiler is a host that cannot use the descriptions of others, as if they were changed on the way.
type spoiler struct {
	transport.Transport
	spoils func() bool
}

func (s spoiler) NewPath(config transport.PathConfig) (transport.Path, error) {
	p, err := s.Transport.NewPath(config)
	return spoiledPath{p, s.spoils}, err
}

type spoiledPath struct {
	transport.Path
	spoils func() bool
}

func (p spoiledPath) Answer(offer string) (string, error) {
	if p.spoils() {
		offer = "v=0\r\nnonsense"
	}
	return p.Path.Answer(offer)
}

func (p spoiledPath) Accept(answer string) error {
	if p.spoils() {
		answer = "v=0\r\nnonsense"
	}
	return p.Path.Accept(answer)
}

// One end fails at once, because it cannot use the other's description (fault L13). The other end is told, with the reason,
// and does not wait until its time is over. When the description is right, the two ends are linked.
func TestOtherEndIsTold(t *testing.T) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		for _, spoiled := range []rtcpeer.PeerID{1, 5} { // the answering end, and the offering one
			t.Run(fmt.Sprintf("%s %d", topology, spoiled), func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					w := newWorld(t, topology, memory.Options{Delay: 20 * time.Millisecond})
					w.room.delay = func(_, _ rtcpeer.PeerID) time.Duration { return 20 * time.Millisecond }
					start := time.Now()
					for _, id := range []rtcpeer.PeerID{1, 5} {
						host := w.network.Transport()
						var tr transport.Transport = host
						if id == spoiled {
							tr = spoiler{host, func() bool { return time.Since(start) < 2*time.Minute }}
						}
						w.hosts[id] = host
						w.nodes[id] = w.room.join(t, id, tr, rtcpeer.Config{})
						w.diaries[id] = keepDiary(w.nodes[id])
					}
					after(time.Second)
					for _, id := range []rtcpeer.PeerID{1, 5} {
						events, _ := w.diaries[id].all()
						require.Len(t, events, 1, "%d is told, once", id)
						require.Equal(t, rtcpeer.PeerFailed, events[0].Kind)
						require.ErrorContains(t, events[0].Err, "memory: ")
						if id != spoiled {
							require.ErrorContains(t, events[0].Err, "failed at the other end")
						}
					}
					after(time.Minute)
					require.Less(t, w.sent(signaling.Offer), 15, "what fails fast is not tried in a hurry")
					require.Equal(t, "failed", w.diaries[6-spoiled].story(spoiled))
					after(2 * time.Minute)
					w.wantBoth(1, 5)
				})
			})
		}
	}
}

// wantBoth wants two members to be connected with each other.
func (w *world) wantBoth(a, b rtcpeer.PeerID) {
	w.t.Helper()
	require.Contains(w.t, w.nodes[a].Peers(), b, w.diaries[a].story(b))
	require.Contains(w.t, w.nodes[b].Peers(), a, w.diaries[b].story(a))
}

// A repair that fails at once at one end is no reason to end the link, and the other end does not wait for that path.
func TestRepairFailsAtOnce(t *testing.T) {
	for _, spoiled := range []rtcpeer.PeerID{1, 5} {
		t.Run(fmt.Sprint(spoiled), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 20 * time.Millisecond})
				var spoils atomic.Bool
				for _, id := range []rtcpeer.PeerID{1, 5} {
					w.hosts[id] = w.network.Transport()
					w.nodes[id] = w.room.join(t, id, spoiler{w.hosts[id], func() bool { return spoils.Load() && id == spoiled }}, rtcpeer.Config{})
					w.diaries[id] = keepDiary(w.nodes[id])
				}
				after(time.Second)
				spoils.Store(true)
				w.network.Forget(w.hosts[1], w.hosts[5])
				after(8 * time.Second)
				spoils.Store(false)
				after(20 * time.Second)
				w.wantBoth(1, 5)
				require.Equal(t, "connected interrupted resumed", w.diaries[1].story(5))
				require.Equal(t, "connected interrupted resumed", w.diaries[5].story(1))
			})
		})
	}
}

// A Fail signal counts only for the attempt and the link that it names.
func TestFailOfAnotherAttempt(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 20 * time.Millisecond})
		w.join(rtcpeer.Config{}, 1, 5)
		for _, victim := range []rtcpeer.PeerID{1, 5} {
			i := w.impostor(6-victim, victim, func(transport.Path) {})
			for _, s := range []signaling.SignalData{{}, {Attempt: 1}, {Attempt: 7}, {Attempt: 1, Link: "another"}} {
				s.Type, s.Text = signaling.Fail, "a lie"
				i.say(s)
			}
		}
		after(time.Minute)
		require.Equal(t, "connected", w.diaries[1].story(5))
		require.Equal(t, "connected", w.diaries[5].story(1))
	})
}

// Two members have different channels and did not tell each other (fault L10). The one that gets a packet on a channel that
// it does not have ends the link, and says which channel it was.
func TestStrayChannel(t *testing.T) {
	for _, features := range [][]string{nil, {signaling.FeatureRepair}} {
		for _, channel := range []int{1, 2} {
			t.Run(fmt.Sprintf("%v %d", features, channel), func(t *testing.T) {
				overBoth(t, func(t *testing.T, newTransport func() transport.Transport) {
					r := newRoom(rtcpeer.Mesh)
					untold := func(id rtcpeer.PeerID, channels ...rtcpeer.Mode) *rtcpeer.Node {
						n, err := rtcpeer.New(t.Context(), r.enterAs(id, signaling.Member{Features: features}), rtcpeer.Config{Channels: channels, Transport: newTransport()})
						require.NoError(t, err)
						t.Cleanup(func() { closeNode(t, n) })
						require.NoError(t, err)
						return n
					}
					more, fewer := untold(1, rtcpeer.Reliable, rtcpeer.Unreliable), untold(5)
					wantEvent(t, more, rtcpeer.PeerConnected, 5)
					wantEvent(t, fewer, rtcpeer.PeerConnected, 1)
					require.NoError(t, more.TrySend(rtcpeer.Packet{Peer: 5, Channel: channel, Data: []byte("for nobody")}))
					gone := next(t, fewer)
					require.Equal(t, rtcpeer.PeerDisconnected, gone.Kind)
					require.Equal(t, rtcpeer.Misbehaved, gone.Reason)
					require.ErrorIs(t, gone.Err, rtcpeer.ErrUnknownChannel)
					require.ErrorContains(t, gone.Err, fmt.Sprintf("a channel that this end does not have: %d; ours are []", channel))
					wantDisconnected(t, more, 5, rtcpeer.ByPeer)
				})
			})
		}
	}
}
