//go:build !js

package webrtc

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A crossing is a bottleneck that a flood of unreliable packets shares with a TCP flow, which has cubic's window (RFC 9438)
// and never runs out of data, or has none. The flood's lost packets are sent again once. All packets are alike.
type crossing struct {
	rtt   time.Duration
	rate  int           // bytes a second
	queue time.Duration // what would wait longer is lost
	flood int           // bytes a second that are offered
	tcp   bool
	first bool    // TCP has the path to itself first
	loss  float64 // by chance
}

const crossTick = time.Millisecond

// A crossed is what came of it in the last two thirds of the time.
type crossed struct {
	flood, tcp float64       // share of the rate
	dropped    float64       // share of the flood that found no room
	queue      time.Duration // the mean
}

func (c crossing) run(lasts time.Duration, braked bool) (result crossed) {
	type packet struct {
		at, due   time.Duration // due: when it is acknowledged, given up, or known to be lost
		tcp, lost bool
		again     bool
	}
	var (
		b                     = brake{window: window{gentle: true}}
		f                     flow
		flying                []packet
		clear, waited         time.Duration
		inFlight, tcpFlight   int
		cwnd, most            = 10.0, 0.0 // packets
		slow, since, reduced  = true, time.Duration(0), time.Duration(0)
		offered, refused, all int
		start                 = time.Now()
		owed                  float64
		chance                = rand.New(rand.NewPCG(1, 2))
	)
	put := func(p packet, now time.Duration) {
		clear = max(clear, now)
		if now > lasts/3 {
			waited += clear - now
			all++
		}
		if p.lost = clear-now > c.queue || chance.Float64() < c.loss; !p.lost {
			clear += pipePacket * time.Second / time.Duration(c.rate)
		}
		p.due = max(clear, now) + c.rtt
		flying = append(flying, p)
	}
	for now := time.Duration(0); now < lasts; now += crossTick {
		var took time.Duration
		var again []packet
		flying = slices.DeleteFunc(flying, func(p packet) bool {
			if p.due > now {
				return false
			}
			share := pipePacket / (float64(c.rate) * (2 * lasts / 3).Seconds())
			switch {
			case p.tcp && p.lost:
				tcpFlight--
				if now-reduced > c.rtt {
					most, cwnd, slow, since, reduced = cwnd, cwnd*0.7, false, now, now
				}
			case p.tcp:
				tcpFlight--
				if now > lasts/3 {
					result.tcp += share
				}
				if slow {
					cwnd++
				} else {
					t := (now - since).Seconds() - cubicK(most)
					cwnd = max(cwnd+0.5/cwnd, 0.4*t*t*t+most) // not slower than Reno
				}
			case p.lost && !p.again:
				p.again = true
				again = append(again, p)
			default:
				inFlight -= pipePacket
				f.acknowledged += pipePacket
				took = now - p.at
				if now > lasts/3 && !p.lost {
					result.flood += share
				}
			}
			return true
		})
		for _, p := range again {
			f.sent += uint64(wire(pipePacket))
			put(p, now)
		}
		for c.tcp && float64(tcpFlight) < cwnd {
			tcpFlight++
			put(packet{at: now, tcp: true}, now)
		}
		if !c.first || now > lasts/10 {
			owed += float64(c.flood) * crossTick.Seconds()
		}
		for ; owed >= pipePacket; owed -= pipePacket {
			room := b.room(f, took, inFlight, func() uint64 { return f.sent }, start.Add(now))
			took = 0
			offered++
			if braked && inFlight > max(room, lossyRoom) {
				refused++
				continue
			}
			inFlight += pipePacket
			f.expected += uint64(wire(pipePacket))
			f.sent += uint64(wire(pipePacket))
			put(packet{at: now}, now)
		}
	}
	result.dropped = float64(refused) / float64(max(offered, 1))
	result.queue = waited / time.Duration(max(all, 1))
	return result
}

// cubicK is the time that a cubic window takes to be as large as it was.
func cubicK(most float64) float64 {
	k := most * 0.3 / 0.4
	lo, hi := 0.0, 100.0
	for range 50 {
		if mid := (lo + hi) / 2; mid*mid*mid < k {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// A flood leaves TCP its share, and what does not flood is never held up.
func TestBrake(t *testing.T) {
	const ms = time.Millisecond
	line := crossing{rtt: 50 * ms, rate: 6_250_000, queue: 100 * ms, flood: 20_000_000, tcp: true}
	for _, first := range []bool{true, false} {
		line.first = first
		without, with := line.run(6*time.Second, false), line.run(24*time.Second, true)
		t.Logf("TCP first %v, without: %+v", first, without)
		t.Logf("TCP first %v, with:    %+v", first, with)
		require.Less(t, without.tcp, 0.1)
		require.Greater(t, with.tcp, 0.25)
		require.Greater(t, with.flood, 0.25)
	}
	for name, c := range map[string]struct {
		crossing
		least float64 // what the flood gets
	}{
		"a flood alone":             {crossing{rtt: 50 * ms, rate: 6_250_000, queue: 100 * ms, flood: 20_000_000}, 0.8},
		"a flood on a narrow path":  {crossing{rtt: 50 * ms, rate: 250_000, queue: 200 * ms, flood: 20_000_000}, 0.8},
		"a quarter is lost":         {crossing{rtt: 50 * ms, rate: 6_250_000, queue: 100 * ms, flood: 1_000_000, loss: 0.25}, 0.14},
		"half of what it carries":   {crossing{rtt: 50 * ms, rate: 6_250_000, queue: 100 * ms, flood: 3_000_000}, 0.47},
		"a game's state beside TCP": {crossing{rtt: 50 * ms, rate: 6_250_000, queue: 100 * ms, flood: 12_000, tcp: true}, 0.001},
	} {
		run := c.run(12*time.Second, true)
		t.Logf("%s: %+v", name, run)
		require.Greater(t, run.flood, c.least, name)
		if c.flood < c.rate {
			require.Zero(t, run.dropped, name)
		}
	}
}
