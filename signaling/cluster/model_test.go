package cluster_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/clock"
	"example.org/rtcpeer/signaling/cluster"
	"example.org/rtcpeer/signaling/cluster/memory"
	"example.org/rtcpeer/signaling/drop"
	"example.org/rtcpeer/signaling/rooms"
	"example.org/rtcpeer/testdata/bubble"
)

// Whatever partitions there are, and whenever somebody empties the bucket, at no time do two servers act as owners of one
// room.
func TestNeverTwoOwners(t *testing.T) {
	changes := 0
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) { changes += neverTwoOwners(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
	require.Greater(t, changes, 4, "nothing happened")
}

func neverTwoOwners(t *testing.T, random *rand.Rand) (changes int) {
	hub := new(memory.Hub)
	var nodes []*cluster.Node
	var buses []*memory.Bus
	for i := range 3 {
		b := hub.Bus()
		b.Slow(30*time.Millisecond, 0)
		n := startNode(t, b, fmt.Sprint(i))
		defer n.Close()
		nodes, buses = append(nodes, n), append(buses, b)
	}
	names := []signaling.RoomName{"a", "b", "c"}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for _, n := range nodes {
		for _, name := range names {
			wg.Go(func() { // one that wants the room again and again, and keeps it for a while
				for ctx.Err() == nil {
					attempt, cancel := context.WithTimeout(ctx, 4*time.Second)
					if done := n.Claim(attempt, name); done != nil {
						wait(ctx, 3*time.Second)
						done()
					}
					cancel()
					wait(ctx, 50*time.Millisecond)
				}
			})
		}
	}
	last := make(map[signaling.RoomName]int)
	for range 10000 {
		time.Sleep(20 * time.Millisecond) // of fake time
		if random.IntN(300) == 0 {
			buses[random.IntN(len(buses))].Cut(random.IntN(2) == 0)
		}
		if random.IntN(1000) == 0 {
			hub.Empty()
		}
		for _, name := range names {
			var owners []int
			for i, n := range nodes {
				if n.ActsFor(name) {
					owners = append(owners, i)
				}
			}
			require.LessOrEqual(t, len(owners), 1, "owners of %s: %v", name, owners)
			if len(owners) == 1 && last[name] != owners[0]+1 {
				last[name] = owners[0] + 1
				changes++
			}
		}
	}
	return changes
}

func startNode(t *testing.T, bus cluster.Bus, server string) *cluster.Node {
	t.Helper()
	return startNodeOf(t, bus, server, func(*cluster.Config) {})
}

func startNodeOf(t *testing.T, bus cluster.Bus, server string, change func(*cluster.Config)) *cluster.Node {
	t.Helper()
	config := cluster.Config{Bus: bus, Server: server, Account: func(netip.Addr) rooms.Account { return nil }, Log: slog.New(slog.DiscardHandler)}
	change(&config)
	n := cluster.New(config)
	store, err := rooms.New(rooms.Config{
		Clock: clock.New(time.Second), MaxRooms: 10, MaxMembers: 10, ResumeKey: []byte("0123456789abcdef"),
		Networks: func(netip.Addr) []netip.Prefix { return nil }, Voided: func(rooms.Seat) {}, Dropped: func(drop.Reason) {},
		Owns: n.Owns, Acts: n.Acts, Changed: n.Changed,
	})
	require.NoError(t, err)
	require.NoError(t, n.Start(store))
	return n
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
