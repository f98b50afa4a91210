//go:build !js

package webrtc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What the window makes of paths: all that they carry, whatever is lost by chance, and no queue to speak of.
func TestWindow(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name string
		bottleneck
	}{
		{"5 ms", bottleneck{rtt: 5 * ms, rate: 20e6, queue: 50 * ms}},
		{"50 ms", bottleneck{rtt: 50 * ms, rate: 12e6, queue: 100 * ms}},
		{"200 ms", bottleneck{rtt: 200 * ms, rate: 5e6, queue: 100 * ms}},
		{"a short queue", bottleneck{rtt: 50 * ms, rate: 6e6, queue: 10 * ms}},
		{"a long queue", bottleneck{rtt: 50 * ms, rate: 6e6, queue: 2000 * ms}},
		{"1 % lost", bottleneck{rtt: 50 * ms, rate: 6e6, queue: 100 * ms, loss: 0.01}},
		{"10 % lost", bottleneck{rtt: 50 * ms, rate: 6e6, queue: 100 * ms, loss: 0.1}},
	}
	for _, tt := range tests {
		for _, bulk := range []bool{false, true} {
			run := tt.share(20*time.Second, 0, &windowed{bulk: bulk})[0]
			t.Logf("%s, bulk %v: %.2f of the rate, %v of queue, at most %v, %.3f lost", tt.name, bulk, run.rate, run.queue, run.most, run.lost)
			require.Greater(t, run.rate, 0.8*(1-tt.loss), "%s, bulk %v", tt.name, bulk)
			require.Less(t, run.lost, tt.loss+0.2, "%s, bulk %v", tt.name, bulk)
			if bulk {
				require.Less(t, run.most, 2*bulkDelay+tt.rtt/6, tt.name)
			} else {
				require.Less(t, run.queue, tt.rtt/2+2*slack, tt.name)
			}
		}
	}
}

// On a path that is narrower than two packets a round trip the least window is what waits.
func TestWindowOfANarrowPath(t *testing.T) {
	const rate = 30_000
	p := bottleneck{rtt: 50 * time.Millisecond, rate: rate, queue: 5 * time.Second}
	run := p.share(20*time.Second, 0, new(windowed))[0]
	require.Greater(t, run.rate, 0.8)
	require.LessOrEqual(t, run.queue, 5*leastWindow/4*time.Second/rate)
}

// rounds are round trips of a window, in each of which 100,000 bytes are acknowledged.
type rounds struct {
	w   *window
	f   flow
	now time.Time
}

func newRounds() *rounds { return &rounds{w: new(window), now: time.Now()} }

// interval is one in which a packet took so long, and so many bytes were sent again.
func (r *rounds) interval(took time.Duration, resent int) {
	r.now = r.now.Add(took)
	r.f.acknowledged += 100_000
	r.f.expected += uint64(wire(100_000))
	r.f.sent += uint64(wire(100_000) + resent)
	r.update(took, false)
}

func (r *rounds) update(took time.Duration, idle bool) {
	r.w.update(r.f, took, idle, func() (uint64, uint64) { return r.f.sent, 0 }, r.now)
}

// Another sender, such as TCP, fills the queue of the path and keeps it full. The window keeps what it has in flight, and
// shrinks with each loss, so that neither sender pushes the other one out. When the other sender has stopped, the window is as
// before.
func TestWindowAgainstAnotherSender(t *testing.T) {
	r := newRounds()
	w, interval := r.w, r.interval
	for range 20 {
		interval(50*time.Millisecond, 0)
	}
	alone := w.size(false)
	require.InDelta(t, 125_000+35_355, alone, 1000, "2 MB/s times 62.5 ms, and what may wait")

	for range 4 {
		interval(150*time.Millisecond, 0)
	}
	contest := w.size(false)
	require.Equal(t, 100_000, contest, "what it has in flight: a round trip's bytes")
	require.Less(t, w.size(true), alone, "bulk yields")
	interval(150*time.Millisecond, 0)
	require.Equal(t, contest+contestStep, w.size(false))
	interval(150*time.Millisecond, 50_000)
	require.InDelta(t, contestLoss*float64(contest+contestStep), w.size(false), 1)
	interval(150*time.Millisecond, 50_000)
	require.InDelta(t, contestLoss*float64(contest+contestStep), w.size(false), 1, "the rest of the same loss")
	interval(150*time.Millisecond, 50_000)
	require.InDelta(t, contestLoss*contestLoss*float64(contest+contestStep), w.size(false), 2, "another loss")

	for range 20 {
		interval(50*time.Millisecond, 0)
	}
	require.Equal(t, alone, w.size(false))
}

// A route that has become longer is noticed by a probe, and the window grows with it.
func TestWindowOfALongerRoute(t *testing.T) {
	p := bottleneck{rtt: 20 * time.Millisecond, rate: 6e6, queue: 50 * time.Millisecond}
	before := p.share(20*time.Second, 0, new(windowed))[0]
	p.longer = 100 * time.Millisecond
	after := p.share(60*time.Second, 0, new(windowed))[0]
	require.Greater(t, before.rate, 0.9)
	require.Greater(t, after.rate, 0.8)
}

// Another sender that fills the queue while the window is small for a probe ends the probe.
func TestAnotherSenderEndsAProbe(t *testing.T) {
	r := newRounds()
	r.interval(50*time.Millisecond, 0)
	for r.now.Sub(r.w.shortestAt) < 9550*time.Millisecond {
		r.interval(51*time.Millisecond, 0)
	}
	probed := false
	for range 4 {
		r.interval(150*time.Millisecond, 0)
		probed = probed || r.w.probing()
	}
	require.True(t, probed)
	require.False(t, r.w.probing())
	require.Equal(t, 100_000, r.w.size(false), "what it has in flight")
}

// A queue that is suddenly shorter is another sender's probe. The window joins it, finds how long a packet really takes,
// and is as before afterwards, although more was acknowledged meanwhile.
func TestWindowJoinsAProbe(t *testing.T) {
	r := newRounds()
	for range 20 {
		r.interval(80*time.Millisecond, 0)
	}
	for range 10 {
		r.interval(100*time.Millisecond, 0)
	}
	before := r.w.size(false)
	require.False(t, r.w.probing())
	r.now = r.now.Add(10 * time.Millisecond)
	r.update(90*time.Millisecond, false)
	require.True(t, r.w.probing())
	require.Less(t, r.w.size(false), before/2)
	for range 4 {
		r.interval(50*time.Millisecond, 0)
	}
	require.False(t, r.w.probing())
	require.Equal(t, 50*time.Millisecond, r.w.shortest)
	require.InDelta(t, r.w.room(1.25, slack), r.w.size(false), 1)
	require.Less(t, r.w.rate(), 1_300_000.0, "not the 2 MB/s of the probe")
	r.now = r.now.Add(10 * time.Millisecond)
	r.update(50*time.Millisecond, false)
	require.False(t, r.w.probing(), "one is enough")
}

// The window of a path on which nothing has waited for a while starts again from the least size, and grows at once. The beats
// of an idle link do not keep its old rate.
func TestWindowAfterIdleTime(t *testing.T) {
	r := newRounds()
	for range 20 {
		r.interval(50*time.Millisecond, 0)
	}
	require.Greater(t, r.w.size(false), 2*leastWindow)
	for range 60 {
		r.now = r.now.Add(time.Second)
		r.update(0, true)
	}
	r.update(0, false)
	require.Equal(t, leastWindow, r.w.size(false))
	r.interval(50*time.Millisecond, 0)
	require.InDelta(t, 2*100_000+35_355, r.w.size(false), 1000, "twice the rate of the first round trip, and what may wait")
}
