//go:build !js

package webrtc

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/skip"
)

// A bottleneck is a path without SCTP: packets of one size wait in one queue, in the order in which their senders gave
// them. Each second one is acknowledged as it comes, or the first of two after delayedAck. A lost one is sent again a
// round trip later.
type bottleneck struct {
	rtt   time.Duration
	rate  int           // bytes a second
	queue time.Duration // what would wait longer is lost
	loss  float64

	longer time.Duration // what is added to rtt after 10 s
	stall  time.Duration // the most that an end stands still, about twenty times a second, as on a busy machine
	seed   uint64
}

const (
	pipePacket = 1156
	pipeTick   = 200 * time.Microsecond
)

// A share is what came of sending as much as the window allows, in the last half of the time.
type share struct {
	rate  float64       // of the bottleneck's
	queue time.Duration // the mean
	most  time.Duration // the longest queue
	lost  float64       // of the packets
}

// A sender decides how much may be in flight.
type sender interface {
	// update tells of a moment: how long the last acknowledged packet took (0: none was acknowledged),
	// how many bytes were acknowledged, and whether the sender has learnt of a loss.
	update(f flow, took time.Duration, lost bool, now time.Time)
	size(now time.Time) int
	unit() int // how many packets are sent at once
	wrote(bytes int, now time.Time)
}

// A windowed is a sender with our window.
type windowed struct {
	window
	flight
	bulk    bool
	message int // bytes of a packet of the program; 0: one packet of the path
}

func (s *windowed) update(f flow, _ time.Duration, _ bool, now time.Time) {
	took := s.flight.took(int(s.written-f.acknowledged), now)
	s.window.update(f, took, false, func() (uint64, uint64) { return f.sent, 0 }, now)
}

func (s *windowed) size(now time.Time) int {
	if s.bulk && s.wait(now) > 0 {
		return 0
	}
	return s.window.size(s.bulk)
}

func (s *windowed) unit() int { return max(1, s.message/pipePacket) }

func (s *windowed) wrote(n int, now time.Time) {
	s.flight.wrote(n, now, true)
	s.spend(n)
}

// A cubic is a sender with the window of TCP (RFC 9438), which shrinks at most once in a round trip.
type cubic struct {
	packets, most, threshold float64 // threshold: of the slow start; 0: none
	epoch, quietUntil        time.Time
	rtt                      time.Duration
	last                     uint64
}

func (c *cubic) update(f flow, took time.Duration, lost bool, now time.Time) {
	if took > 0 {
		c.rtt = took
	}
	acked := float64(f.acknowledged-c.last) / pipePacket
	c.last = f.acknowledged
	switch {
	case lost && now.After(c.quietUntil):
		c.most, c.packets = c.packets, max(2, c.packets*0.7)
		c.threshold, c.epoch, c.quietUntil = c.packets, now, now.Add(c.rtt)
	case c.threshold == 0:
		c.packets = max(10, c.packets+acked)
	case acked > 0:
		k := math.Cbrt(c.most * 0.3 / 0.4)
		at := now.Sub(c.epoch).Seconds() + c.rtt.Seconds()
		target := min(0.4*math.Pow(at-k, 3)+c.most, 1.5*c.packets)
		friendly := 0.7*c.most + 0.53*now.Sub(c.epoch).Seconds()/max(c.rtt.Seconds(), 0.001)
		if target = max(target, friendly); target > c.packets {
			c.packets += acked * (target - c.packets) / c.packets
		}
	}
}

func (c *cubic) unit() int { return 1 }

func (c *cubic) wrote(int, time.Time) {}

func (c *cubic) size(time.Time) int { return int(max(c.packets, 10)) * pipePacket }

// An onWire is a packet on its way.
type onWire struct{ at, due time.Duration } // due: when it comes, is acknowledged, or is sent again

// A stream is what a sender has on the path.
type stream struct {
	sender
	flow
	flying, held, acks, again []onWire // in the order of due; held have come, and are not yet acknowledged
	inFlight                  int
	still                     [2]time.Duration // until when the sender and the receiver stand still
	next                      [2]time.Duration // and when they do again
	waited                    time.Duration
	sent, lost                int // packets of the last half
	share                     share
}

// receive takes what has come, and acknowledges it in pairs. It returns how many packets have come.
func (s *stream) receive(now, back time.Duration) (came int) {
	for ; len(s.flying) > 0 && s.flying[0].due <= now; s.flying = s.flying[1:] {
		s.held = append(s.held, onWire{s.flying[0].at, now})
		came++
		if len(s.held) == 2 || len(s.again) > 0 {
			s.acknowledge(now + back)
		}
	}
	if len(s.held) > 0 && now-s.held[0].due > delayedAck {
		s.acknowledge(now + back)
	}
	return came
}

func (s *stream) acknowledge(due time.Duration) {
	for _, p := range s.held {
		s.acks = append(s.acks, onWire{p.at, due})
	}
	s.held = s.held[:0]
}

// share returns what each sender gets. Each begins so long after the one before.
func (b bottleneck) share(lasts, apart time.Duration, senders ...sender) (shares []share) {
	var (
		streams = make([]*stream, len(senders))
		start   = time.Now()
		chance  = rand.New(rand.NewPCG(1+b.seed, 2))
		clear   time.Duration // when the bottleneck has sent all that waits
	)
	for i, s := range senders {
		streams[i] = &stream{sender: s}
	}
	for now := time.Duration(0); now < lasts; now += pipeTick {
		clear = max(clear, now)
		rtt, counts := b.rtt, now > lasts/2
		if now > 10*time.Second {
			rtt += b.longer
		}
		put := func(s *stream, p onWire) {
			wait := clear - now
			lost := wait > b.queue || chance.Float64() < b.loss
			s.flow.sent += uint64(wire(pipePacket))
			if counts {
				s.sent++
				s.waited += min(wait, b.queue)
				s.share.most = max(s.share.most, min(wait, b.queue))
			}
			if lost {
				if counts {
					s.lost++
				}
				s.again = append(s.again, onWire{p.at, now + wait + rtt})
				return
			}
			clear += pipePacket * time.Second / time.Duration(b.rate)
			s.flying = append(s.flying, onWire{p.at, clear + rtt/2})
		}
		var may []*stream
		for _, s := range streams[:min(len(streams), 1+int(now/max(apart, 1)))] {
			for end := range s.still {
				if b.stall > 0 && now >= s.next[end] {
					s.still[end] = now + time.Duration(chance.Int64N(int64(b.stall)))
					s.next[end] = s.still[end] + time.Duration(chance.ExpFloat64()*float64(50*time.Millisecond))
				}
			}
			if now >= s.still[1] {
				if came := s.receive(now, rtt/2); counts {
					s.share.rate += float64(came) * pipePacket / (lasts / 2).Seconds() / float64(b.rate)
				}
			}
			if now < s.still[0] {
				continue
			}
			var took time.Duration
			for ; len(s.acks) > 0 && s.acks[0].due <= now; s.acks = s.acks[1:] {
				took = now - s.acks[0].at
				s.acknowledged += pipePacket
				s.inFlight -= pipePacket
			}
			s.update(s.flow, took, len(s.again) > 0 && s.again[0].due <= now, start.Add(now))
			may = append(may, s)
		}
		for len(may) > 0 { // whoever may send does, in random order, until nobody may
			at := chance.IntN(len(may))
			s := may[at]
			switch bytes, size := s.unit()*pipePacket, s.size(start.Add(now)); {
			case len(s.again) > 0 && s.again[0].due <= now:
				p := s.again[0]
				s.again = s.again[1:]
				put(s, p)
			case s.inFlight+bytes <= size || s.inFlight == 0 && size > 0:
				s.wrote(bytes, start.Add(now))
				s.inFlight += bytes
				for range s.unit() {
					s.expected += uint64(wire(pipePacket))
					put(s, onWire{at: now})
				}
			default:
				may = slices.Delete(may, at, at+1)
			}
		}
	}
	for _, s := range streams {
		s.share.queue, s.share.lost = s.waited/time.Duration(s.sent), float64(s.lost)/float64(s.sent)
		shares = append(shares, s.share)
	}
	return shares
}

// Several that share a bottleneck get about as much each, whoever was first: two of ours and two of bulk within 2 to 1, and
// TCP and ours at least a quarter each. A queue of 30 ms is too short to tell TCP's from our own: there it is a fifth.
func TestWindowsShare(t *testing.T) {
	skip.Long(t)
	const ms = time.Millisecond
	tests := []struct {
		bottleneck
		tcp float64 // the least share beside TCP, and of TCP
	}{
		{bottleneck{rtt: 50 * ms, rate: 6_250_000, queue: 100 * ms}, 0.25},
		{bottleneck{rtt: 50 * ms, rate: 6_250_000, queue: 30 * ms}, 0.2},
		{bottleneck{rtt: 10 * ms, rate: 6_250_000, queue: 100 * ms}, 0.25},
		{bottleneck{rtt: 150 * ms, rate: 2_500_000, queue: 100 * ms}, 0.25},
		{bottleneck{rtt: 50 * ms, rate: 500_000, queue: 500 * ms}, 0.25},
	}
	ours := func(bulk bool) sender { return &windowed{bulk: bulk} }
	for _, tt := range tests {
		pairs := []struct {
			name    string
			senders func() [2]sender
			least   float64
		}{
			{"two of ours", func() [2]sender { return [2]sender{ours(false), ours(false)} }, 0.33},
			{"two of bulk", func() [2]sender { return [2]sender{ours(true), ours(true)} }, 0.33},
			{"ours before TCP", func() [2]sender { return [2]sender{ours(false), new(cubic)} }, tt.tcp},
			{"TCP before ours", func() [2]sender { return [2]sender{new(cubic), ours(false)} }, tt.tcp},
		}
		for _, pair := range pairs {
			t.Run(fmt.Sprintf("%v, %d B/s, queue %v, %s", tt.rtt, tt.rate, tt.queue, pair.name), func(t *testing.T) {
				t.Parallel() // it only computes, on one processor
				for _, apart := range []time.Duration{0, 300 * ms, 3 * time.Second} {
					senders := pair.senders()
					shares := tt.share(40*time.Second, apart, senders[:]...)
					one, other := shares[0].rate, shares[1].rate
					line := fmt.Sprintf("%v apart: %.2f and %.2f", apart, one, other)
					t.Log(line)
					require.Greater(t, min(one, other)/(one+other), pair.least, line)
				}
			})
		}
	}
}

// Two of ours as programs use them, with packets of 16 KiB, have about the same whenever the second one begins, on a
// machine that lets them wait too; and the queue stays short. A probe that only one of them makes, or one that measures
// the queue of its own packets, leaves windows that are too large, of which both take the other for TCP.
func TestWindowsShareInUse(t *testing.T) {
	const ms = time.Millisecond
	seeds := uint64(6)
	if skip.ShortRun() {
		seeds = 2
	}
	for _, stall := range []time.Duration{0, 5 * ms, 10 * ms} {
		for _, apart := range []time.Duration{0, 7 * ms, time.Second, 3 * time.Second} {
			for seed := range seeds {
				b := bottleneck{rtt: 50 * ms, rate: 6_250_000, queue: 100 * ms, stall: stall, seed: seed}
				shares := b.share(20*time.Second, apart, &windowed{message: 16 << 10}, &windowed{message: 16 << 10})
				one, other := shares[0].rate, shares[1].rate
				line := fmt.Sprintf("stalls of %v, %v apart, seed %d: %.2f and %.2f, %v of queue", stall, apart, seed, one, other, shares[0].queue)
				t.Log(line)
				require.Greater(t, min(one, other)/(one+other), 0.33, line)
				require.Greater(t, one+other, 0.9, line)
				require.Less(t, shares[0].queue, 50*ms, line)
			}
		}
	}
}

// If one of the two is TCP, which sends its packets one by one, each of the two gets at least a fifth.
func TestWindowsShareInUseWithTCP(t *testing.T) {
	skip.Long(t)
	const ms = time.Millisecond
	for _, apart := range []time.Duration{0, 7 * ms, time.Second, 3 * time.Second} {
		for seed := range uint64(4) {
			b := bottleneck{rtt: 50 * ms, rate: 6_250_000, queue: 100 * ms, seed: seed}
			for _, senders := range [][2]sender{{&windowed{message: 16 << 10}, new(cubic)}, {new(cubic), &windowed{message: 16 << 10}}} {
				shares := b.share(20*time.Second, apart, senders[:]...)
				one, other := shares[0].rate, shares[1].rate
				line := fmt.Sprintf("%T first, %v apart, seed %d: %.2f and %.2f", senders[0], apart, seed, one, other)
				t.Log(line)
				require.Greater(t, min(one, other)/(one+other), 0.2, line)
			}
		}
	}
}
