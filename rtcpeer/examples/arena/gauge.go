package main

import (
	"fmt"
	"slices"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// A gauge measures what a server costs. It belongs to the goroutine of play.
type gauge struct {
	since time.Time
	cpu   time.Duration // of the process, at since
	sent  uint64        // bytes on the wire of the links that are open, at since
	got   uint64
	ticks []time.Duration // what each took
}

func (g *gauge) begin(s rtcpeer.Stats) {
	g.since, g.cpu, g.ticks = time.Now(), processTime(), g.ticks[:0]
	g.sent, g.got = wire(s)
}

func (g *gauge) ticked(took time.Duration) { g.ticks = append(g.ticks, took) }

func (g *gauge) age() time.Duration { return time.Since(g.since) }

// report says what it was since begin, and begins anew. Bytes of a link that has ended meanwhile are left out.
func (g *gauge) report(s rtcpeer.Stats) string {
	seconds := g.age().Seconds()
	sent, got := wire(s)
	slices.Sort(g.ticks)
	text := fmt.Sprintf("%d players: CPU %.0f %% of a core, out %.0f kB/s, in %.0f kB/s, a tick takes %v (p50), %v (p99)",
		len(s.Links), 100*(processTime()-g.cpu).Seconds()/seconds,
		float64(max(sent, g.sent)-g.sent)/seconds/1000, float64(max(got, g.got)-g.got)/seconds/1000,
		g.ticks[len(g.ticks)/2].Round(10*time.Microsecond), g.ticks[len(g.ticks)*99/100].Round(10*time.Microsecond))
	g.begin(s)
	return text
}

func wire(s rtcpeer.Stats) (sent, got uint64) {
	for _, l := range s.Links {
		sent += l.BytesSent
		got += l.BytesReceived
	}
	return sent, got
}
