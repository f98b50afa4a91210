package rtcpeer

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/bubble"
)

func TestShortageExtendsTimeLimits(t *testing.T) {
	tests := []struct {
		name          string
		elapsed, late time.Duration
		want          time.Duration
	}{
		{"in time", tickEach, 0, 0},
		{"early, after a tick that was late", 300 * time.Millisecond, -200 * time.Millisecond, 0},
		{"a little late: several goroutines are", 510 * time.Millisecond, 10 * time.Millisecond, 80 * time.Millisecond},
		{"very late: time passes all the same", time.Second, 500 * time.Millisecond, 750 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, excuse(tt.elapsed, tt.late)) })
	}
}

// A limit is longer by what the node has lost meanwhile, also while it was being extended, and by nothing else.
func TestLimitAllowsForAShortage(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var s shortage
		s.note(time.Second, 500*time.Millisecond) // before, which does not count
		began := time.Now()
		l := s.limit(7 * time.Second)
		defer l.stop()
		s.note(time.Second, 500*time.Millisecond)
		<-l.C
		require.Equal(t, 7*time.Second, time.Since(began))
		s.note(time.Second, 500*time.Millisecond)
		require.False(t, l.over())
		<-l.C
		require.Equal(t, 8500*time.Millisecond, time.Since(began))
		require.True(t, l.over())

		require.Nil(t, s.limit(-1).C)
	})
}

// A process that is short of CPU is slow to hear the other end, and to make a path. It takes neither for a
// failure before four times as long.
func TestRepairAllowsForAShortage(t *testing.T) {
	start := time.Now()
	r := newRepair(true, 5*time.Second, start)
	at := make(map[repairStep]time.Duration) // the last of each
	for now := start; at[stepGiveUp] == 0; {
		now = now.Add(2 * tickEach)
		var steps []repairStep
		r, steps = r.tick(now, sight{})
		for _, step := range steps {
			at[step] = now.Sub(start)
		}
	}
	require.Equal(t, 6*time.Second, at[stepInterrupt])
	require.Equal(t, 6*time.Second, at[stepTry], "one try, which is not over yet")
	require.Equal(t, 20*time.Second, at[stepGiveUp])
}

// What a limit waits for may itself have waited before it began.
func TestLimitAllowsForAWait(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		began := time.Now()
		l := new(shortage).limit(7 * time.Second)
		defer l.stop()
		l.allow(2 * time.Second)
		l.allow(time.Second)
		<-l.C
		require.False(t, l.over())
		<-l.C
		require.True(t, l.over())
		require.Equal(t, 10*time.Second, time.Since(began))
	})
}

// The time of a try begins when it need not wait for other paths any more; one that nobody needs by then does not begin.
func TestRepairWaitsForItsTurn(t *testing.T) {
	start := time.Now()
	wait := func(heard bool) (repair, []repairStep) {
		r := newRepair(true, time.Minute, start)
		var steps, last []repairStep
		for now := start; now.Sub(start) < 20*time.Second; now = now.Add(tickEach) {
			r, last = r.tick(now, sight{})
			if slices.Contains(last, stepTry) {
				r = r.waiting()
			}
			steps = append(steps, last...)
		}
		require.Len(t, slices.DeleteFunc(steps, func(s repairStep) bool { return s != stepTry }), 1)
		return r.tick(start.Add(20*time.Second), sight{heard: heard})
	}
	r, steps := wait(true)
	require.Contains(t, steps, stepDrop)
	require.False(t, r.waits)

	r, _ = wait(false)
	begins := start.Add(20 * time.Second)
	r = r.begins(begins)
	for now := begins; ; now = now.Add(tickEach) {
		if r, steps = r.tick(now, sight{}); slices.Contains(steps, stepTry) {
			require.Equal(t, attemptTimeout, now.Sub(begins))
			return
		}
	}
}
