package roundtrip

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSpread(t *testing.T) {
	var r Times
	require.Equal(t, Spread{}, r.Spread())
	require.Nil(t, r.Report().RTT)
	for _, ms := range []time.Duration{30, 10, 20, 100} {
		r.Add(ms * time.Millisecond)
	}
	r.Sent = 5
	require.Equal(t, Spread{10 * time.Millisecond, 30 * time.Millisecond, 40 * time.Millisecond, 100 * time.Millisecond}, r.Spread())
	require.Equal(t, 20.0, r.Lost())
	require.Equal(t, Report{Sent: 5, Received: 4, RTT: &SpreadReport{10000, 30000, 40000, 100000}}, r.Report())
}
