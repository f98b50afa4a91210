// Package bustest is the test suite of a cluster.Bus.
package bustest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/cluster"
)

// patience is far longer than any step here takes.
const patience = time.Minute

// Run tests buses. start begins a new cluster for each test. Each call of open returns another bus of that cluster.
func Run(t *testing.T, start func(t *testing.T) (open func() cluster.Bus)) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, open func() cluster.Bus)
	}{
		{"compare and swap", compareAndSwap},
		{"one of many creates", oneOfMany},
		{"time to live", timeToLive},
		{"watch", watch},
		{"messages in order", messages},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, start(t)) })
	}
}

func compareAndSwap(t *testing.T, open func() cluster.Bus) {
	a, b, ctx := open(), open(), t.Context()
	first, err := a.Create(ctx, "room.a", []byte("1"), 0)
	require.NoError(t, err)
	_, err = b.Create(ctx, "room.a", []byte("2"), 0)
	require.ErrorIs(t, err, cluster.ErrExists)
	second, err := b.Update(ctx, "room.a", []byte("2"), first, 0)
	require.NoError(t, err)
	require.Greater(t, second, first)
	_, err = a.Update(ctx, "room.a", []byte("3"), first, 0)
	require.ErrorIs(t, err, cluster.ErrConflict)
	require.ErrorIs(t, a.Delete(ctx, "room.a", first), cluster.ErrConflict)
	require.NoError(t, a.Delete(ctx, "room.a", second))
	_, err = b.Update(ctx, "room.a", []byte("4"), second, 0)
	require.ErrorIs(t, err, cluster.ErrConflict)
	third, err := b.Create(ctx, "room.a", []byte("5"), 0)
	require.NoError(t, err)
	require.Greater(t, third, second, "a key that comes again has a later revision")
	require.Eventually(t, func() bool {
		value, revision, err := a.Get(ctx, "room.a")
		return err == nil && revision == third && string(value) == "5"
	}, patience, time.Millisecond)
	_, _, err = a.Get(ctx, "room.b")
	require.ErrorIs(t, err, cluster.ErrNoKey)
}

func oneOfMany(t *testing.T, open func() cluster.Bus) {
	buses := []cluster.Bus{open(), open(), open()}
	for i := range 20 {
		var wg sync.WaitGroup
		won := make(chan uint64, len(buses))
		for _, b := range buses {
			wg.Go(func() {
				if revision, err := b.Create(t.Context(), fmt.Sprintf("room.%d", i), []byte("x"), 0); err == nil {
					won <- revision
				}
			})
		}
		wg.Wait()
		require.Len(t, won, 1)
	}
}

func timeToLive(t *testing.T, open func() cluster.Bus) {
	a, b, ctx := open(), open(), t.Context()
	revision, err := a.Create(ctx, "lease.a", []byte("1"), 2*time.Second)
	require.NoError(t, err)
	began := time.Now()
	gone := make(chan struct{})
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() {
		_ = b.Watch(watching, "lease.", func(key string, value []byte) {
			if key == "lease.a" && value == nil {
				close(gone)
				stop()
			}
		})
	})
	revision, err = a.Update(ctx, "lease.a", []byte("2"), revision, 2*time.Second)
	require.NoError(t, err)
	select {
	case <-gone:
	case <-time.After(patience):
		require.Fail(t, "the key is there for ever")
	}
	require.GreaterOrEqual(t, time.Since(began), 2*time.Second, "not before its time")
	_, err = a.Update(ctx, "lease.a", []byte("3"), revision, 2*time.Second)
	require.ErrorIs(t, err, cluster.ErrConflict, "what is gone cannot be renewed")
	_, err = b.Create(ctx, "lease.a", []byte("{}"), time.Second)
	require.NoError(t, err)
}

func watch(t *testing.T, open func() cluster.Bus) {
	a, b, ctx := open(), open(), t.Context()
	_, err := a.Create(ctx, "lease.1", []byte("one"), 0)
	require.NoError(t, err)
	_, err = a.Create(ctx, "room.1", []byte("other"), 0)
	require.NoError(t, err)
	watching, stop := context.WithCancel(ctx)
	events := make(chan string, 16)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() {
		err := b.Watch(watching, "lease.", func(key string, value []byte) {
			event := key + " gone"
			if value != nil {
				event = key + " " + string(value)
			}
			events <- event
		})
		if err != nil {
			events <- err.Error()
		}
	})
	want := func(event string) {
		t.Helper()
		select {
		case got := <-events:
			require.Equal(t, event, got)
		case <-time.After(patience):
			require.Fail(t, "no event", event)
		}
	}
	want("lease.1 one")
	want(" gone")
	revision, err := a.Create(ctx, "lease.2", []byte("two"), 0)
	require.NoError(t, err)
	want("lease.2 two")
	require.NoError(t, a.Delete(ctx, "lease.2", revision))
	want("lease.2 gone")
}

func messages(t *testing.T, open func() cluster.Bus) {
	a, b := open(), open()
	got := make(chan string, 1000)
	stop, err := b.Subscribe("server.b", func(data []byte) { got <- string(data) })
	require.NoError(t, err)
	defer stop()
	buffer := make([]byte, 0, 16)
	for i := range 1000 {
		buffer = fmt.Appendf(buffer[:0], "%d", i)
		require.NoError(t, a.Publish("server.b", buffer))
		require.NoError(t, a.Publish("server.c", buffer))
	}
	for i := range 1000 {
		select {
		case data := <-got:
			require.Equal(t, fmt.Sprint(i), data)
		case <-time.After(patience):
			require.Fail(t, "lost", i)
		}
	}
	require.GreaterOrEqual(t, a.MaxMessage(), 512<<10)
}
