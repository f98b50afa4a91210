//go:build !js

package webrtc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFlight(t *testing.T) {
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	var watched flight
	f := ageOf{&watched}
	require.Zero(t, f.age(0, at(0)))
	require.Zero(t, f.age(100, at(0)), "what was written before the lane was watched")
	for i := range 10 { // 100 bytes each 20 ms
		f.wrote(100, at(20*i), true)
	}
	require.Equal(t, 300*time.Millisecond, f.age(1000, at(300)))
	require.Equal(t, 200*time.Millisecond, f.age(500, at(300)), "the first half has arrived")
	require.Equal(t, 200*time.Millisecond, f.age(450, at(300)), "and a part of the next packet")
	require.Zero(t, f.age(0, at(300)))

	for i := range 53 { // a burst after a quiet time
		f.wrote(1200, at(1000), true)
		require.Zero(t, f.age(1200*(i+1), at(1000)))
	}
	require.Equal(t, 5*time.Millisecond, f.age(1200, at(1005)))
	require.Zero(t, f.age(0, at(1010)))

	for i := range 1000 { // more than there are marks
		f.wrote(10, at(2000+20*i), true)
	}
	require.Equal(t, 20*time.Second, f.age(10_000, at(22_000)))
	require.Equal(t, 20*time.Second-31*20*time.Millisecond, f.age(1000, at(22_000)), "the last mark has the rest")
	require.Zero(t, f.age(0, at(22_000)))
}

// A packet of a burst takes as long as the first one: the others wait for it.
func TestFlightTook(t *testing.T) {
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	var f flight
	require.Zero(t, f.took(0, at(0)))
	for range 50 {
		f.wrote(1000, at(0), true)
	}
	f.wrote(1000, at(20), true)
	require.Zero(t, f.took(51_000, at(40)))
	require.Equal(t, 50*time.Millisecond, f.took(49_000, at(50)))
	require.Zero(t, f.took(20_000, at(60)), "the others of the burst")
	require.Equal(t, 55*time.Millisecond, f.took(0, at(75)))
	f.wrote(1000, at(100), true)
	f.wrote(1000, at(120), true)
	require.Equal(t, 60*time.Millisecond, f.took(500, at(180)), "the newer of two")
}

type ageOf struct{ *flight }

func (f ageOf) age(buffered int, now time.Time) time.Duration {
	age, _ := f.flight.age(buffered, now)
	return age
}

func TestOverdue(t *testing.T) {
	const ms = time.Millisecond
	require.Zero(t, overdue(190*ms, ms), "an acknowledgement that was delayed")
	require.Zero(t, overdue(390*ms, 200*ms), "a long way")
	require.Equal(t, 2*time.Second, overdue(2201*ms, ms), "an end without CPU")
}
