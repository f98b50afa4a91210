package main

import (
	"slices"
	"time"
)

// roundTrips are the pings of one peer and mode.
type roundTrips struct {
	sent  int
	times []time.Duration // of those that came back
}

func (t *roundTrips) add(d time.Duration) { t.times = append(t.times, d) }

// lost is the part that did not come back, in percent.
func (t *roundTrips) lost() float64 {
	return 100 * float64(t.sent-len(t.times)) / float64(max(t.sent, 1))
}

// A spread is how times are distributed. Of no times it is all 0.
type spread struct{ least, median, mean, most time.Duration }

func (t *roundTrips) spread() (s spread) {
	n := len(t.times)
	if n == 0 {
		return s
	}
	slices.Sort(t.times)
	for _, d := range t.times {
		s.mean += d / time.Duration(n)
	}
	s.least, s.median, s.most = t.times[0], t.times[n/2], t.times[n-1]
	return s
}

// roundTripsReport is roundTrips in JSON.
type roundTripsReport struct {
	Sent     int           `json:"sent"`
	Received int           `json:"received"`
	RTT      *spreadReport `json:"rtt_us,omitempty"` // not there if nothing came back
}

// spreadReport is a spread in microseconds.
type spreadReport struct {
	Min int64 `json:"min"`
	P50 int64 `json:"p50"`
	Avg int64 `json:"avg"`
	Max int64 `json:"max"`
}

func (t *roundTrips) report() roundTripsReport {
	r := roundTripsReport{Sent: t.sent, Received: len(t.times)}
	if s := t.spread(); r.Received > 0 {
		r.RTT = &spreadReport{s.least.Microseconds(), s.median.Microseconds(), s.mean.Microseconds(), s.most.Microseconds()}
	}
	return r
}
