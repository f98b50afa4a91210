package load

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/cmd/rtc-client/internal/format"
)

// A phase is a part of a load: many operations of the same kind, and how long each took.
type phase struct {
	done atomic.Int64

	mu     sync.Mutex // guards times; the goroutine of loadRun owns began and lasted
	began  time.Time
	lasted time.Duration
	times  []time.Duration
}

func (p *phase) begin() { p.began = time.Now() }
func (p *phase) end()   { p.lasted = time.Since(p.began) }

func (p *phase) took(d time.Duration) {
	p.done.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.times = append(p.times, d)
}

// phaseReport is a phase in JSON.
type phaseReport struct {
	Count     int     `json:"count"`
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
}

// report must be called when the phase is over.
func (p *phase) report() phaseReport {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.times)
	if n == 0 {
		return phaseReport{}
	}
	slices.Sort(p.times)
	return phaseReport{
		Count: n, PerSecond: float64(n) / max(p.lasted, 1).Seconds(),
		P50: format.Milliseconds(p.times[n/2]), P99: format.Milliseconds(p.times[n*99/100]),
	}
}

func (r phaseReport) String() string {
	return fmt.Sprintf("%d, %.0f a second, p50 %.1f ms, p99 %.1f ms", r.Count, r.PerSecond, r.P50, r.P99)
}
