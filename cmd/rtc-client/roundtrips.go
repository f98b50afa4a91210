package main

import (
	"fmt"
	"slices"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// modes are the transfer modes, in the order in which they are shown: the fastest first.
var modes = [...]rtcpeer.Mode{rtcpeer.Unreliable, rtcpeer.UnreliableOrdered, rtcpeer.Reliable}

// roundTrips are the pings of one peer and mode. Without any that came back all times are 0.
type roundTrips struct {
	sent  int
	times []time.Duration // of those that came back, ascending
}

func (t *roundTrips) add(d time.Duration) {
	i, _ := slices.BinarySearch(t.times, d)
	t.times = slices.Insert(t.times, i, d)
}

// lost is the part that did not come back, in percent.
func (t *roundTrips) lost() float64 {
	if t.sent == 0 {
		return 0
	}
	return 100 * float64(t.sent-len(t.times)) / float64(t.sent)
}

func (t *roundTrips) min() time.Duration    { return t.rank(0) }
func (t *roundTrips) median() time.Duration { return t.rank(len(t.times) / 2) }
func (t *roundTrips) max() time.Duration    { return t.rank(len(t.times) - 1) }

func (t *roundTrips) rank(i int) time.Duration {
	if len(t.times) == 0 {
		return 0
	}
	return t.times[i]
}

func (t *roundTrips) mean() time.Duration {
	var sum time.Duration
	for _, d := range t.times {
		sum += d
	}
	return sum / time.Duration(max(len(t.times), 1))
}

// roundTripsReport is roundTrips in JSON: times in microseconds, left out if nothing came back.
type roundTripsReport struct {
	Sent     int        `json:"sent"`
	Received int        `json:"received"`
	RTT      *rttReport `json:"rtt_us,omitempty"`
}

type rttReport struct {
	Min int64 `json:"min"`
	P50 int64 `json:"p50"`
	Avg int64 `json:"avg"`
	Max int64 `json:"max"`
}

func (t *roundTrips) report() roundTripsReport {
	r := roundTripsReport{Sent: t.sent, Received: len(t.times)}
	if len(t.times) > 0 {
		r.RTT = &rttReport{
			Min: t.min().Microseconds(), P50: t.median().Microseconds(),
			Avg: t.mean().Microseconds(), Max: t.max().Microseconds(),
		}
	}
	return r
}

// short is a duration with two or three digits; 0, which is none, is a dash.
func short(d time.Duration) string {
	switch {
	case d == 0:
		return "-"
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
