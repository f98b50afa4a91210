package cluster_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/cluster"
	"example.org/rtcpeer/signaling/cluster/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// A trick is a bus on which a test does something first, or instead.
type trick struct {
	cluster.Bus
	create func()                      // before the key of a lease is created
	get    func(key string) (b []byte) // in place of what the bus has, unless it is nil
	fails  atomic.Int64                // how many reads of leases fail
}

func (b *trick) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	if b.create != nil && strings.HasPrefix(key, "lease.") {
		b.create()
	}
	return b.Bus.Create(ctx, key, value, ttl)
}

func (b *trick) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	if strings.HasPrefix(key, "lease.") && b.fails.Add(-1) >= 0 {
		return nil, 0, errFailing
	}
	value, revision, err := b.Bus.Get(ctx, key)
	if b.get != nil {
		if other := b.get(key); other != nil {
			return other, revision, nil
		}
	}
	return value, revision, err
}

// Two servers find out at the same moment that a third one is gone. The one that is second to write so believes it, too:
// else it would ask the dead server and wait for an answer.
func TestTwoServersFindAThirdOneDead(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		hub := new(memory.Hub)
		bus, gone := &trick{Bus: hub.Bus()}, hub.Bus()
		a, b, c := startNode(t, bus, "a"), startNode(t, hub.Bus(), "b"), startNode(t, gone, "c")
		defer a.Close()
		defer b.Close()
		defer c.Close()
		time.Sleep(10 * time.Second) // of fake time: the bucket is known to be whole
		lease := c.Lease()
		gone.Cut(true)
		time.Sleep(8 * time.Second)
		bus.create = func() {
			bus.create = nil
			dead, err := b.Dead(t.Context(), lease)
			require.NoError(t, err)
			require.True(t, dead)
		}
		dead, err := a.Dead(t.Context(), lease)
		require.NoError(t, err)
		require.True(t, dead)
		require.Nil(t, bus.create, "the other one was first")
	})
}

// What the watch has reported to be over is over, although an old value may be read a moment longer.
func TestLeaseThatTheWatchSawEndIsDead(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		hub := new(memory.Hub)
		bus, gone := &trick{Bus: hub.Bus()}, hub.Bus()
		a, b, c := startNode(t, bus, "a"), startNode(t, hub.Bus(), "b"), startNode(t, gone, "c")
		defer a.Close()
		defer b.Close()
		defer c.Close()
		time.Sleep(10 * time.Second)
		lease := c.Lease()
		old, _, err := bus.Get(t.Context(), "lease."+lease)
		require.NoError(t, err)
		gone.Cut(true)
		time.Sleep(8 * time.Second)
		dead, err := b.Dead(t.Context(), lease)
		require.NoError(t, err)
		require.True(t, dead)
		time.Sleep(time.Second)
		bus.get = func(key string) []byte {
			if key == "lease."+lease {
				return old
			}
			return nil
		}
		dead, err = a.Dead(t.Context(), lease)
		require.NoError(t, err)
		require.True(t, dead)
	})
}

// The bus does not answer at the moment when a server must find out whether another one is gone. It asks again, as nothing
// else tells it.
func TestServerIsGoneWhileTheBusDoesNotAnswer(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		hub := new(memory.Hub)
		bus, gone := &trick{Bus: hub.Bus()}, hub.Bus()
		a, b := startNode(t, bus, "a"), startNode(t, gone, "b")
		defer a.Close()
		defer b.Close()
		time.Sleep(10 * time.Second) // of fake time
		require.Equal(t, 2, a.Stats().Servers)
		gone.Cut(true)
		bus.fails.Store(2)
		time.Sleep(12 * time.Second)
		require.Negative(t, bus.fails.Load())
		require.Equal(t, 1, a.Stats().Servers)
	})
}
