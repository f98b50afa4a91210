package cluster_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/cluster"
	"example.org/rtcpeer/signaling/cluster/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// A failingBus cannot read the keys of rooms a few times.
type failingBus struct {
	cluster.Bus
	left atomic.Int64
}

var errFailing = errors.New("the bus is away")

func (b *failingBus) fails(prefix string) bool {
	return strings.HasPrefix(prefix, "room.") && b.left.Add(-1) >= 0
}

func (b *failingBus) Watch(ctx context.Context, prefix string, changed func(key string, value []byte)) error {
	if b.fails(prefix) {
		return errFailing
	}
	return b.Bus.Watch(ctx, prefix, changed)
}

// Keys of servers that are gone disappear after some minutes: also those of servers that nobody saw, and although the bus
// fails in between. Those of living servers stay.
func TestKeysOfServersThatAreGone(t *testing.T) {
	for name, fails := range map[string]int64{"": 0, "the bus fails": 2} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				hub := new(memory.Hub)
				keys := hub.Bus()
				for _, key := range []string{"room.unseen", "match.unseen"} {
					_, err := keys.Create(t.Context(), key, []byte(`{"lease":"00-1","process":1}`), 0)
					require.NoError(t, err)
				}
				bus, gone := &failingBus{Bus: hub.Bus()}, hub.Bus()
				a, b := startNode(t, bus, "a"), startNode(t, gone, "b")
				defer a.Close()
				defer b.Close()
				time.Sleep(10 * time.Second) // of fake time
				require.NotNil(t, a.Claim(t.Context(), "mine"))
				require.NotNil(t, b.Claim(t.Context(), "seen"))
				gone.Cut(true)
				bus.left.Store(fails)
				missing := func(key string) bool {
					_, _, err := keys.Get(t.Context(), key)
					return errors.Is(err, cluster.ErrNoKey)
				}
				time.Sleep(time.Minute)
				require.False(t, missing("room.seen"), "its members may still come back")
				require.False(t, missing("room.unseen"))
				time.Sleep(14 * time.Minute)
				require.True(t, missing("room.seen"))
				require.True(t, missing("room.unseen"))
				require.True(t, missing("match.unseen"))
				require.False(t, missing("room.mine"))
			})
		})
	}
}
