package rtcpeer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOfferBudget(t *testing.T) {
	now := time.Now()
	var b offerBudget
	for range offerBurst {
		require.True(t, b.take(now))
	}
	require.False(t, b.take(now))
	require.False(t, b.take(now.Add(offerEach/2)), "and it is not put off by asking")
	require.True(t, b.take(now.Add(offerEach)))
	require.False(t, b.take(now.Add(offerEach)))
	later := now.Add(time.Hour)
	for range offerBurst {
		require.True(t, b.take(later))
	}
	require.False(t, b.take(later), "no more is saved up than a burst")
}
