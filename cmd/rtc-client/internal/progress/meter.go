package progress

import (
	"cmp"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/format"
)

// A Meter shows on a terminal how far the files have come that are on their way, below what is said there. It may
// be used from any goroutine.
type Meter struct {
	said  io.Writer // what is said goes there
	shown bool      // it is a terminal

	mu          sync.Mutex // guards the fields below
	bar         *progressbar.ProgressBar
	files       int   // on their way
	total, done int64 // bytes of these, and of those that are over since there were none
	held        bool  // a question is open
}

// NewMeter returns a Meter that is shown if c talks to a terminal. What is said while it is used has to go through
// Write.
func NewMeter(c *console.Console) *Meter { return &Meter{said: c.Err, shown: c.IsTerminal()} }

// Write writes a line of talk to the console, above the bar.
func (m *Meter) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clear()
	return m.said.Write(p)
}

// Hold(true) hides the meter, while a question is open. Hold(false) shows it again.
func (m *Meter) Hold(held bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held = held
	m.clear()
}

// A Gauge is one file of a Meter. It belongs to the goroutine that moves the file.
type Gauge struct {
	meter      *Meter
	name       string
	size, done int64
	first      int64 // that were there before; -1: not known yet
}

// Add returns the gauge of one more file, of so many bytes. A negative size is not known.
func (m *Meter) Add(name string, size int64) *Gauge {
	g := &Gauge{meter: m, name: name, size: max(size, 0), first: -1}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files++
	m.total += g.size
	return g
}

// Set tells the gauge how many bytes of the file are there.
func (g *Gauge) Set(n int64) {
	if g.first < 0 {
		g.first = n
	}
	m := g.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += n - g.done
	g.done = n
	m.show(g.name)
}

// Over takes the file away. What has not come of it does not come any more.
func (g *Gauge) Over() {
	m := g.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files--
	m.total += g.done - g.size
	if m.files == 0 {
		m.clear()
		m.bar, m.total, m.done = nil, 0, 0
	}
}

// Done returns how many bytes of the file are there.
func (g *Gauge) Done() int64 { return g.done }

// Before returns how many bytes were there before.
func (g *Gauge) Before() int64 { return max(g.first, 0) }

// show draws the bar; mu is held.
func (m *Meter) show(name string) {
	if !m.shown || m.held {
		return
	}
	most := cmp.Or(max(m.total, m.done), 1)
	if m.bar == nil || m.bar.IsFinished() {
		m.bar = progressbar.NewOptions64(most,
			progressbar.OptionSetWriter(m.said), progressbar.OptionSetWidth(20), progressbar.OptionClearOnFinish(),
			progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond))
	}
	if m.files > 1 {
		name = format.Count(m.files, "file")
	}
	m.bar.Describe(format.Clean(shortName(name)))
	m.bar.ChangeMax64(most)
	_ = m.bar.Set64(m.done)
}

// clear takes the bar away until the next show; mu is held.
func (m *Meter) clear() {
	if m.bar != nil && !m.bar.IsFinished() {
		_ = m.bar.Clear()
	}
}

// shortName is the beginning of a name, so that the bar fits in a line.
func shortName(name string) string {
	const most = 24
	if runes := []rune(name); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return name
}
