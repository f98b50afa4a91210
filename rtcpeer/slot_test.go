package rtcpeer_test

import (
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

// A slotted transport is one of a process that makes only some paths at once.
type slotted struct {
	transport.Transport
	slots *transport.Slots
}

func (s slotted) Slots() *transport.Slots { return s.slots }

func (s slotted) Crowded() bool { return false }

// offersOf returns a room, and a function that returns who has offered to whom so far, in order.
func offersOf(topology rtcpeer.Topology) (*room, func() [][2]rtcpeer.PeerID) {
	r := newRoom(topology)
	var offers [][2]rtcpeer.PeerID // guarded by r.mu
	r.lose = func(from, to rtcpeer.PeerID, s signaling.SignalData) bool {
		if s.Type == signaling.Offer {
			offers = append(offers, [2]rtcpeer.PeerID{from, to})
		}
		return false
	}
	return r, func() [][2]rtcpeer.PeerID {
		r.mu.Lock()
		defer r.mu.Unlock()
		return slices.Clone(offers)
	}
}

// Of many links that begin together only some are made at once, in one process or in two that wait for each other. What waits
// does not lose its time: all are made with their first offer, though in one process the last begins long after
// Config.ConnectTimeout.
func TestManyLinksAreMadeInTurn(t *testing.T) {
	const hold = 2 * time.Second
	for processes, timeout := range map[int]time.Duration{1: 3 * time.Second, 2: time.Minute} {
		t.Run(fmt.Sprint(processes, " processes"), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				network := memory.NewNetwork(memory.Options{Delay: 100 * time.Millisecond})
				slots := []*transport.Slots{transport.NewSlots(3, hold), transport.NewSlots(1, hold)}
				const members = 16
				r, offers := offersOf(rtcpeer.Mesh)
				began := time.Now()
				var nodes []*rtcpeer.Node
				for id := rtcpeer.PeerID(1); id <= members; id++ {
					host := slotted{network.Transport(), slots[int(id)%processes]}
					nodes = append(nodes, r.join(t, id, host, rtcpeer.Config{ConnectTimeout: timeout}))
				}
				for _, n := range nodes {
					for range members - 1 {
						require.Equal(t, rtcpeer.PeerConnected, next(t, n).Kind, "node %d", n.ID())
					}
				}
				require.Greater(t, time.Since(began), 10*time.Second)
				require.Len(t, offers(), members*(members-1)/2)
			})
		})
	}
}

// Members that do not answer hold up the others for a moment only, and one that asks for its offer is served next.
func TestMemberThatAsksComesBeforeSilentOnes(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		const hold = 2 * time.Second
		r, offers := offersOf(rtcpeer.Mesh)
		for id := rtcpeer.PeerID(1); id <= 4; id++ {
			r.enterAs(id, signaling.Member{Features: []string{signaling.FeatureRepair}})
		}
		host := slotted{memory.NewNetwork(memory.Options{}).Transport(), transport.NewSlots(1, hold)}
		r.join(t, 5, host, rtcpeer.Config{})
		synctest.Wait()
		require.Len(t, offers(), 1)
		first := offers()[0][1]
		asks := 1 + first%4
		data, err := signaling.SignalData{Type: signaling.Repair}.Encode()
		require.NoError(t, err)
		r.tell(5, signaling.Signal{From: asks, Data: data})
		after(4 * hold)
		got := offers()
		require.Equal(t, [2]rtcpeer.PeerID{5, asks}, got[1])
		for id := rtcpeer.PeerID(1); id <= 4; id++ {
			require.Contains(t, got, [2]rtcpeer.PeerID{5, id})
		}
	})
}
