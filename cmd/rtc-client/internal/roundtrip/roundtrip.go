// Package roundtrip holds the round trips that a command measured, and reports how they are distributed.
package roundtrip

import (
	"slices"
	"time"
)

// Times are the round trips to one peer in one mode. The zero value is empty.
type Times struct {
	Sent  int             // probes sent
	times []time.Duration // of the probes that were answered
}

// Add adds the round trip of an answer.
func (t *Times) Add(d time.Duration) { t.times = append(t.times, d) }

// Lost returns the percentage of probes that were not answered.
func (t *Times) Lost() float64 {
	return 100 * float64(t.Sent-len(t.times)) / float64(max(t.Sent, 1))
}

// A Spread is the distribution of times. It is all 0 if there are none.
type Spread struct{ Least, Median, Mean, Most time.Duration }

// Spread returns the distribution of the round trips so far.
func (t *Times) Spread() (s Spread) {
	n := len(t.times)
	if n == 0 {
		return s
	}
	slices.Sort(t.times)
	for _, d := range t.times {
		s.Mean += d / time.Duration(n)
	}
	s.Least, s.Median, s.Most = t.times[0], t.times[n/2], t.times[n-1]
	return s
}

// A Report is Times in JSON.
type Report struct {
	Sent     int           `json:"sent"`
	Received int           `json:"received"`
	RTT      *SpreadReport `json:"rtt_us,omitempty"` // missing if no probe was answered
}

// A SpreadReport is a Spread in microseconds.
type SpreadReport struct {
	Min int64 `json:"min"`
	P50 int64 `json:"p50"`
	Avg int64 `json:"avg"`
	Max int64 `json:"max"`
}

// Report returns the figures so far, for JSON.
func (t *Times) Report() Report {
	r := Report{Sent: t.Sent, Received: len(t.times)}
	if s := t.Spread(); r.Received > 0 {
		r.RTT = &SpreadReport{s.Least.Microseconds(), s.Median.Microseconds(), s.Mean.Microseconds(), s.Most.Microseconds()}
	}
	return r
}
