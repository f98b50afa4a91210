//go:build !js

package webrtc

import (
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/bubble"
)

// watched returns a transport in a bubble, on a machine whose addresses the test sets.
func watched(t *testing.T) (tr *Transport, set func([]string, error), looks *atomic.Int32) {
	t.Helper()
	type answer struct {
		addresses []string
		err       error
	}
	var now atomic.Pointer[answer]
	looks = new(atomic.Int32)
	set = func(addresses []string, err error) { now.Store(&answer{addresses, err}) }
	set([]string{"eth0 192.0.2.1/24"}, nil)
	tr, err := New(Config{})
	require.NoError(t, err)
	t.Cleanup(func() { tr.Close() })
	tr.watch.look = func() ([]string, error) {
		looks.Add(1)
		return now.Load().addresses, now.Load().err
	}
	return tr, set, looks
}

func TestOnChange(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		tr, set, _ := watched(t)
		var calls int
		tr.OnChange(func() {
			calls++
			require.Zero(t, tr.network.looked, "what was known of the interfaces is forgotten")
		})
		after := func(addresses []string, err error, want int) {
			t.Helper()
			_, _ = tr.network.Interfaces()
			set(addresses, err)
			<-time.After(1500 * time.Millisecond)
			synctest.Wait()
			require.Equal(t, want, calls)
		}
		after([]string{"eth0 192.0.2.1/24"}, nil, 0)
		after([]string{"eth0 192.0.2.1/24", "wlan0 198.51.100.1/24"}, nil, 1)
		after(nil, errors.New("no rights"), 1)
		after([]string{"wlan0 198.51.100.1/24"}, nil, 2)
		after(nil, nil, 3)
	})
}

// There is one goroutine at most, and none while nobody wants to know.
func TestOnChangeEnds(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		tr, set, looks := watched(t)
		pass := func(d time.Duration) { <-time.After(d); synctest.Wait() }
		var first, second int
		pass(time.Minute)
		require.Zero(t, looks.Load(), "nobody wants to know")

		stopFirst := tr.OnChange(func() { first++ })
		stopSecond := tr.OnChange(func() { second++ })
		pass(10500 * time.Millisecond)
		require.EqualValues(t, 11, looks.Load(), "one at the start, and one each second")
		set(nil, nil)
		pass(time.Second)
		stopFirst()
		stopFirst()
		set([]string{"eth0 192.0.2.1/24"}, nil)
		pass(time.Second)
		stopSecond()
		require.Equal(t, [2]int{1, 2}, [2]int{first, second})

		before := looks.Load()
		set(nil, nil)
		pass(time.Minute)
		require.Equal(t, before, looks.Load(), "the last has stopped")

		var third int
		var stopThird func()
		stopThird = tr.OnChange(func() { third++; stopThird() }) // it may stop itself
		pass(500 * time.Millisecond)
		for _, addresses := range [][]string{{"a"}, {"b"}} {
			set(addresses, nil)
			pass(time.Second)
		}
		require.Equal(t, 1, third)

		tr.OnChange(func() { third++ })
		pass(500 * time.Millisecond)
		require.NoError(t, tr.Close())
		set([]string{"c"}, nil)
		tr.OnChange(func() { third++ })()
		pass(time.Minute)
		require.Equal(t, 1, third)
	})
}

func TestUsableAddresses(t *testing.T) {
	list, err := Config{}.usable()
	require.NoError(t, err)
	for _, a := range list {
		name, network, _ := strings.Cut(a, " ")
		ip, _, err := net.ParseCIDR(network)
		require.NoError(t, err)
		require.False(t, ip.IsLoopback() || ip.IsLinkLocalUnicast(), a)
		require.NotEmpty(t, name)
	}
	list, err = Config{IPFilter: func(net.IP) bool { return false }}.usable()
	require.NoError(t, err)
	require.Empty(t, list)
	list, err = Config{InterfaceFilter: func(string) bool { return false }}.usable()
	require.NoError(t, err)
	require.Empty(t, list)
}

func BenchmarkAddresses(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (Config{}).usable(); err != nil {
			b.Fatal(err)
		}
	}
}
