package rtcpeer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTempo(t *testing.T) {
	now := time.Now()
	var p tempo
	require.Equal(t, attemptTimeout, p.attempt())
	require.Equal(t, freshFor, p.fresh(freshFor))
	p.answered(1, now)
	require.Zero(t, p.answer, "there was no such offer")
	p.offered(1, now)
	p.unanswered()
	require.Equal(t, 2*attemptTimeout, p.attempt())
	p.offered(2, now.Add(7*time.Second))
	p.answered(1, now.Add(10*time.Second)) // late
	require.Equal(t, 20*time.Second, p.attempt())
	require.Equal(t, 15*time.Second, p.fresh(freshFor))
	for range 20 {
		p.unanswered()
	}
	require.Equal(t, maxLimit, p.attempt())
	p.connected()
	require.Equal(t, 20*time.Second, p.attempt())
	p.offered(9, now)
	p.answered(1, now.Add(time.Hour))
	require.Equal(t, 20*time.Second, p.attempt(), "too old to tell")
	p.answered(9, now.Add(time.Second))
	require.Equal(t, attemptTimeout, p.attempt())
	p.answered(-1, now)
}
