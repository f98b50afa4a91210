package rtcpeer_test

import (
	"fmt"
	"runtime"
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

// A counter is a transport that counts its paths, and the candidates that they were given.
type counter struct {
	transport.Transport
	paths, candidates int // read when the node does nothing
}

func (c *counter) NewPath(config transport.PathConfig) (transport.Path, error) {
	c.paths++
	p, err := c.Transport.NewPath(config)
	return countedPath{p, c}, err
}

type countedPath struct {
	transport.Path
	counter *counter
}

func (p countedPath) AddCandidate(c transport.Candidate) error {
	p.counter.candidates++
	return p.Path.AddCandidate(c)
}

// flooded has a rogue member say something of its own to a node, many times, while a third member is linked with the
// node as well. The node survives it, and so does that link.
func flooded(t *testing.T, rogueID rtcpeer.PeerID, flood func(say func(signaling.SignalData)), check func(t *testing.T, c *counter)) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 20 * time.Millisecond})
		c := &counter{Transport: w.network.Transport()}
		w.nodes[5] = w.room.join(t, 5, c, rtcpeer.Config{})
		w.diaries[5] = keepDiary(w.nodes[5])
		w.enter(7, rtcpeer.Config{})
		after(time.Second)
		before := runtime.NumGoroutine()
		rogue := w.room.enterAs(rogueID, signaling.Member{Features: []string{signaling.FeatureRepair}, Incarnation: "rogue"})
		defer rogue.Close()
		go func() { // it listens to nothing
			for {
				if _, err := rogue.Receive(t.Context()); err != nil {
					return
				}
			}
		}()
		flood(func(s signaling.SignalData) {
			data, err := s.Encode()
			require.NoError(t, err)
			require.NoError(t, rogue.Send(t.Context(), signaling.Signal{To: 5, Data: data}))
			synctest.Wait()
		})
		require.Less(t, runtime.NumGoroutine()-before, 300)
		check(t, c)
		require.Equal(t, "connected", w.diaries[5].story(7))
		require.Equal(t, "connected", w.diaries[7].story(5))
	})
}

// An offering member makes one offer after the other (related to fault L15). The answering end builds a few paths, not one
// for each offer, whether the offers are attempts at one link or at ever new links, or repairs of links that do not exist.
func TestFloodOfOffers(t *testing.T) {
	kinds := map[string]func(i int) signaling.SignalData{
		"attempts": func(i int) signaling.SignalData { return signaling.SignalData{Attempt: i, Link: "one"} },
		"links": func(i int) signaling.SignalData {
			return signaling.SignalData{Attempt: i, Link: fmt.Sprint("link ", i)}
		},
		"bare":    func(i int) signaling.SignalData { return signaling.SignalData{Attempt: i} },
		"repairs": func(i int) signaling.SignalData { return signaling.SignalData{Attempt: i, Link: "one", Repair: true} },
	}
	for name, offer := range kinds {
		t.Run(name, func(t *testing.T) {
			flooded(t, 9, func(say func(signaling.SignalData)) {
				for i := range 1000 {
					s := offer(i + 1)
					s.Type, s.SDP = signaling.Offer, "v=0\r\ns=rtcpeer-memory\r\na=offer:12345\r\n"
					say(s)
				}
			}, func(t *testing.T, c *counter) { require.Less(t, c.paths, 40) })
		})
	}
}

// And an answering member that asks for one offer after the other.
func TestFloodOfRequests(t *testing.T) {
	flooded(t, 2, func(say func(signaling.SignalData)) {
		for range 200 {
			for range 10 {
				say(signaling.SignalData{Type: signaling.Repair, Attempt: 1 << 20})
			}
			after(100 * time.Millisecond)
		}
	}, func(t *testing.T, c *counter) { require.Less(t, c.paths, 50, "in 20 s") })
}

// A member whose 300 addresses come all at once is linked nevertheless (fault L14). One that announces 20,000 more costs no
// more than one that announces a few (fault L15).
func TestManyCandidates(t *testing.T) {
	for _, offering := range []bool{true, false} { // the member with the many addresses is the offering end
		t.Run(fmt.Sprint(offering), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 20 * time.Millisecond})
				many, few := rtcpeer.PeerID(5), rtcpeer.PeerID(1)
				if !offering {
					many, few = few, many
				}
				c := &counter{Transport: w.network.Transport()}
				w.hosts[many] = w.network.Transport()
				w.nodes[few] = w.room.join(t, few, c, rtcpeer.Config{})
				w.diaries[few] = keepDiary(w.nodes[few])
				extra := func(n int, attempt int) { // in the name of many, at the head of what it says itself
					for i := range n {
						data, err := signaling.SignalData{Type: signaling.Candidate, Attempt: attempt,
							Candidate: fmt.Sprintf("candidate:1 1 udp 1 %d.rtcpeer-memory 9 typ host", 1000+i)}.Encode()
						require.NoError(t, err)
						require.NoError(t, w.room.sessionOf(many).Send(t.Context(), signaling.Signal{To: few, Data: data}))
					}
				}
				first := true
				w.intercept(func(from, to rtcpeer.PeerID, s signaling.SignalData) bool {
					if from == many && s.Type == signaling.Candidate && first {
						first = false
						go extra(300, s.Attempt)
					}
					return false
				})
				w.enter(many, rtcpeer.Config{})
				after(3 * time.Second)
				w.wantBoth(1, 5)
				for range 20 {
					extra(1000, 1)
					synctest.Wait()
				}
				after(time.Second)
				require.Less(t, c.candidates, 200)
				require.Equal(t, "connected", w.diaries[1].story(5))
				require.Equal(t, "connected", w.diaries[5].story(1))
			})
		})
	}
}

// A host announces and withdraws guests without end to a guest whose program does not receive (fault L16). What waits has
// a bound, and the host is held up, as with packets. When the program receives, it gets everything, in order.
func TestFloodOfAnnouncements(t *testing.T) {
	kinds := map[string]func(i int) [][]byte{
		"one id": func(int) [][]byte { return [][]byte{{7, 1, 77, 0, 0, 0}, {7, 2, 77, 0, 0, 0}} },
		"many ids": func(i int) [][]byte {
			id := []byte{byte(i), byte(i >> 8), 1, 0}
			return [][]byte{append([]byte{7, 1}, id...), append([]byte{7, 2}, id...)}
		},
		"packets of many": func(i int) [][]byte {
			id := []byte{byte(i), byte(i >> 8), 1, 0}
			return [][]byte{append(append([]byte{7, 3}, id...), 3, 'x'), append([]byte{7, 2}, id...)}
		},
	}
	for name, frames := range kinds {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				host, guest := joinBareHost(t, rtcpeer.Config{})
				wantEvent(t, guest, rtcpeer.PeerConnected, 1)
				const rounds = 20_000
				for i := range rounds {
					for _, f := range frames(i) {
						require.NoError(t, host.link.Lane(0).Write(f))
					}
				}
				synctest.Wait()
				require.Less(t, guest.Stats().Waiting, 3000)
				d := keepDiary(guest)
				synctest.Wait()
				events, _ := d.all()
				require.GreaterOrEqual(t, len(events), 2*rounds)
				d.check(t)
			})
		})
	}
}

// A host cannot have a guest know of any number of peers either, however fast the program receives.
func TestTooManyGuestsAnnounced(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		host, guest := joinBareHost(t, rtcpeer.Config{})
		d := keepDiary(guest)
		for i := range rtcpeer.MaxRelayed + 10 {
			_ = host.link.Lane(0).Write([]byte{7, 1, byte(i), byte(i >> 8), byte(i>>16) + 1, 0})
		}
		after(time.Second)
		_, err := d.end()
		require.ErrorIs(t, err, rtcpeer.ErrHostGone)
		require.ErrorContains(t, err, "misbehaved")
		require.Empty(t, guest.Peers())
	})
}
