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
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 20 * time.Millisecond})
		c := &counter{Transport: w.network.Transport()}
		w.nodes[5] = w.room.join(t, 5, c, rtcpeer.Config{})
		w.diaries[5] = keepDiary(w.nodes[5])
		w.enter(7, rtcpeer.Config{})
		after(time.Second)
		before := runtime.NumGoroutine()
		rogue := w.room.seat(rogueID, signaling.Member{Features: []string{signaling.FeatureRepair}, Incarnation: "rogue"})
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

// L15's relative: an offering member that makes one offer after the other has the answering end build a few paths, not
// one for each; whether the offers are attempts at one link, of ever new links, or repairs of links that there are not.
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
				for i := range 5000 {
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
		for range 500 {
			for range 10 {
				say(signaling.SignalData{Type: signaling.Repair, Attempt: 1 << 20})
			}
			after(100 * time.Millisecond)
		}
	}, func(t *testing.T, c *counter) { require.Less(t, c.paths, 80, "in 50 s") })
}

// L14: a member with 300 addresses, all of which come at once, is linked all the same. L15: one that tells of 20,000 more
// costs no more than one that tells of a few.
func TestL14L15ManyCandidates(t *testing.T) {
	for _, offering := range []bool{true, false} { // the member with the many addresses is the offering end
		t.Run(fmt.Sprint(offering), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
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
						require.NoError(t, w.room.seatOf(many).Send(t.Context(), signaling.Signal{To: few, Data: data}))
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
