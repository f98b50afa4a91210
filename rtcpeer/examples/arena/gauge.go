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
	sent  uint64        // bytes on the wire of the open links, at since
	got   uint64
	ticks []time.Duration // how long each took
}

func (g *gauge) begin(s rtcpeer.Stats) {
	g.since, g.cpu, g.ticks = time.Now(), processTime(), g.ticks[:0]
	g.sent, g.got = wire(s)
}

func (g *gauge) ticked(took time.Duration) { g.ticks = append(g.ticks, took) }

func (g *gauge) age() time.Duration { return time.Since(g.since) }

// report returns the costs since begin, and begins again. It leaves out the bytes of links that have ended in
// between.
func (g *gauge) report(s rtcpeer.Stats) string {
	seconds := g.age().Seconds()
	sent, got := wire(s)
	slices.Sort(g.ticks)
	n := float64(len(g.ticks)) // the costs per tick are also right on a machine too busy to do all ticks
	cpu, out, in := (processTime() - g.cpu).Seconds(), float64(max(sent, g.sent)-g.sent), float64(max(got, g.got)-g.got)
	text := fmt.Sprintf("%d players: %.1f ticks/s, each %.1f ms of CPU, %.1f kB out, %.1f kB in; CPU %.0f %% of a core, out %.0f kB/s, in %.0f kB/s; the loop takes %v (p50), %v (p99)",
		len(s.Links), n/seconds, 1000*cpu/n, out/n/1000, in/n/1000, 100*cpu/seconds, out/seconds/1000, in/seconds/1000,
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
