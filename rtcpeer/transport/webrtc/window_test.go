//go:build !js

package webrtc

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A pipe is a path without SCTP: packets of one size, which take turns at a bottleneck and are acknowledged when they
// have come. A lost one is sent again a round trip later.
type pipe struct {
	rtt   time.Duration
	rate  int           // bytes a second
	queue time.Duration // what would wait longer is lost
	loss  float64

	longer time.Duration // what is added to rtt after 10 s
}

const (
	pipePacket = 1156
	pipeTick   = 200 * time.Microsecond
)

// A run is what came of sending as much as the window allows.
type pipeRun struct {
	rate  float64       // bytes a second, of the last half
	queue time.Duration // the mean, of the last half
	most  time.Duration // the longest, of the last half
	lost  float64       // share, of the last half
}

// send sends over the pipe for so long.
func (p pipe) send(lasts time.Duration, bulk bool) (run pipeRun) {
	type packet struct{ at, due time.Duration } // due: when it is acknowledged, or sent again
	var (
		w             window
		f             flow
		flying, again []packet
		clear         time.Duration // when the bottleneck has sent all that waits
		waited        time.Duration
		n, losses     int
		chance        = rand.New(rand.NewPCG(1, 2))
		start         = time.Now()
	)
	for now := time.Duration(0); now < lasts; now += pipeTick {
		var took time.Duration
		flying = slices.DeleteFunc(flying, func(s packet) bool {
			if s.due > now {
				return false
			}
			took = now - s.at
			f.acknowledged += pipePacket
			if now > lasts/2 {
				run.rate += pipePacket / (lasts / 2).Seconds()
			}
			return true
		})
		w.update(f, took, false, func() uint64 { return f.sent }, start.Add(now))
		rtt := p.rtt
		if now > 10*time.Second {
			rtt += p.longer
		}
		put := func(s packet) {
			clear = max(clear, now)
			wait := clear - now
			lost := chance.Float64() < p.loss || wait > p.queue
			f.sent += uint64(wire(pipePacket))
			if now > lasts/2 {
				n++
				waited += min(wait, p.queue)
				run.most = max(run.most, min(wait, p.queue))
			}
			if lost {
				if now > lasts/2 {
					losses++
				}
				again = append(again, packet{s.at, now + wait + rtt})
				return
			}
			clear += pipePacket * time.Second / time.Duration(p.rate)
			flying = append(flying, packet{s.at, clear + rtt})
		}
		due := again
		again = nil
		for _, s := range due {
			if s.due > now {
				again = append(again, s)
			} else {
				put(s)
			}
		}
		for (len(flying)+len(again)+1)*pipePacket <= w.size(bulk) && (!bulk || w.wait(start.Add(now)) == 0) {
			w.spend(pipePacket)
			f.expected += uint64(wire(pipePacket))
			put(packet{at: now})
		}
	}
	run.queue, run.lost = waited/time.Duration(n), float64(losses)/float64(n)
	return run
}

// What the window makes of paths: all that they carry, whatever is lost by chance, and no queue to speak of.
func TestWindow(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name string
		pipe
	}{
		{"5 ms", pipe{rtt: 5 * ms, rate: 20e6, queue: 50 * ms}},
		{"50 ms", pipe{rtt: 50 * ms, rate: 12e6, queue: 100 * ms}},
		{"200 ms", pipe{rtt: 200 * ms, rate: 5e6, queue: 100 * ms}},
		{"a short queue", pipe{rtt: 50 * ms, rate: 6e6, queue: 10 * ms}},
		{"a long queue", pipe{rtt: 50 * ms, rate: 6e6, queue: 2000 * ms}},
		{"1 % lost", pipe{rtt: 50 * ms, rate: 6e6, queue: 100 * ms, loss: 0.01}},
		{"10 % lost", pipe{rtt: 50 * ms, rate: 6e6, queue: 100 * ms, loss: 0.1}},
	}
	for _, tt := range tests {
		for _, bulk := range []bool{false, true} {
			run := tt.send(20*time.Second, bulk)
			t.Logf("%s, bulk %v: %.2f of the rate, %v of queue, at most %v, %.3f lost", tt.name, bulk, run.rate/float64(tt.rate), run.queue, run.most, run.lost)
			require.Greater(t, run.rate, 0.8*(1-tt.loss)*float64(tt.rate), "%s, bulk %v", tt.name, bulk)
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
	p := pipe{rtt: 50 * time.Millisecond, rate: rate, queue: 5 * time.Second}
	run := p.send(20*time.Second, false)
	require.Greater(t, run.rate, 0.8*rate)
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
	r.w.update(r.f, took, idle, func() uint64 { return r.f.sent }, r.now)
}

// A path on which somebody else's queue comes and stays, as TCP's does: the window holds what it has, and shrinks with each
// loss instead of giving way or pushing the other one out. Alone again it is as before.
func TestWindowInAContest(t *testing.T) {
	r := newRounds()
	w, interval := r.w, r.interval
	for range 20 {
		interval(50*time.Millisecond, 0)
	}
	alone := w.size(false)
	require.InDelta(t, 145_000, alone, 1000, "2 MB/s times 62.5 ms and 10 ms")

	for range 4 {
		interval(150*time.Millisecond, 0)
	}
	contest := w.size(false)
	require.Greater(t, contest, 2*alone, "what it had in flight, and not what it would have without a queue")
	require.Less(t, w.size(true), alone, "bulk yields")
	interval(150*time.Millisecond, 0)
	require.Equal(t, contest+contestStep, w.size(false))
	interval(150*time.Millisecond, 50_000)
	require.InDelta(t, contestLoss*float64(contest+contestStep), w.size(false), 1)

	for range 20 {
		interval(50*time.Millisecond, 0)
	}
	require.Equal(t, alone, w.size(false))
}

// A route that has become longer is noticed by a probe, and the window grows with it.
func TestWindowOfALongerRoute(t *testing.T) {
	p := pipe{rtt: 20 * time.Millisecond, rate: 6e6, queue: 50 * time.Millisecond}
	before := p.send(20*time.Second, false)
	p.longer = 100 * time.Millisecond
	after := p.send(60*time.Second, false)
	require.Greater(t, before.rate, 0.9*6e6)
	require.Greater(t, after.rate, 0.8*6e6)
}

// A contest that begins while the window is small for a probe ends the probe.
func TestWindowProbesNotInAContest(t *testing.T) {
	r := newRounds()
	r.interval(50*time.Millisecond, 0)
	for r.now.Sub(r.w.shortestAt) < 9550*time.Millisecond {
		r.interval(51*time.Millisecond, 0)
	}
	alone := r.w.size(false)
	for range 4 {
		r.interval(150*time.Millisecond, 0)
	}
	require.Greater(t, r.w.size(false), alone)
}

// A path on which nothing waited for a while begins anew, and at once: the beats of a link do not keep its old rate.
func TestWindowAfterAQuietTime(t *testing.T) {
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
	require.InDelta(t, 2e6*0.11, r.w.size(false), 1000, "twice the rate of the first round trip")
}
