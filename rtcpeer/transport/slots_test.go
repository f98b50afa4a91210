package transport_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/testdata/bubble"
)

const hold = 2 * time.Second

func isReady(s *transport.Slot) bool {
	select {
	case <-s.Ready():
		return true
	default:
		return false
	}
}

func TestSlotsAreTakenInOrder(t *testing.T) {
	slots := transport.NewSlots(2, hold)
	a, b, c, d := slots.Wait(), slots.Wait(), slots.Wait(), slots.Wait()
	defer func() {
		for _, s := range []*transport.Slot{a, b, c, d} {
			s.End()
		}
	}()
	require.True(t, isReady(a) && isReady(b))
	require.False(t, isReady(c) || isReady(d))
	require.Equal(t, 2, slots.Waiting())
	require.Zero(t, slots.Waited())

	a.End()
	a.End() // frees nothing more
	require.True(t, isReady(c))
	require.False(t, isReady(d))
	require.NotZero(t, slots.Waited())
}

// Take, for an end that answers, gets a slot at once, even beyond the limit. Those that wait then wait longer.
func TestTakeExceedsTheLimit(t *testing.T) {
	slots := transport.NewSlots(1, hold)
	first, answer := slots.Wait(), slots.Take()
	waits := slots.Wait()
	defer waits.End()
	require.True(t, isReady(first) && isReady(answer))

	first.End()
	require.False(t, isReady(waits))
	answer.End()
	require.True(t, isReady(waits))
}

// However many ends answer, half of the slots stay for ends that offer.
func TestHalfOfTheSlotsIsForOffers(t *testing.T) {
	slots := transport.NewSlots(4, hold)
	for range 10 {
		defer slots.Take().End()
	}
	first, second, third := slots.Wait(), slots.Wait(), slots.Wait()
	defer first.End()
	defer third.End()
	require.True(t, isReady(first) && isReady(second))
	require.False(t, isReady(third))
	second.End()
	require.True(t, isReady(third))
}

func TestSlotsHurry(t *testing.T) {
	slots := transport.NewSlots(1, hold)
	first, second, third := slots.Wait(), slots.Wait(), slots.Wait()
	defer second.End()
	third.Hurry()
	first.Hurry() // it waits no more
	first.End()
	require.True(t, isReady(third))
	require.False(t, isReady(second))
	third.End()
}

func TestSlotsThatAreGivenUpLeaveTheQueue(t *testing.T) {
	slots := transport.NewSlots(1, hold)
	first, second, third := slots.Wait(), slots.Wait(), slots.Wait()
	defer third.End()
	second.End()
	second.Hurry()
	require.Equal(t, 1, slots.Waiting())
	first.End()
	require.False(t, isReady(second))
	require.True(t, isReady(third))
}

// A path that waits for its network does not hold up others for longer than hold.
func TestSlotsAreFreeAfterTheirTime(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		began := time.Now()
		slots := transport.NewSlots(1, hold)
		first, second := slots.Wait(), slots.Wait()
		<-second.Ready()
		require.Equal(t, hold, time.Since(began))
		first.End() // frees nothing more
		third := slots.Wait()
		require.False(t, isReady(third))
		second.End()
		require.True(t, isReady(third))
		third.End()
	})
}

func TestNilSlotsHaveNoLimit(t *testing.T) {
	var slots *transport.Slots
	for range 3 {
		wait, take := slots.Wait(), slots.Take()
		require.True(t, isReady(wait) && isReady(take))
		wait.Hurry()
		wait.End()
		take.End()
	}
	require.Zero(t, slots.Waiting())
	require.Zero(t, slots.Waited())
}
