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

// A Meter shows the progress of all file transfers on a terminal, below the messages of the command. It may be
// used from any goroutine.
type Meter struct {
	said  io.Writer // where messages and the bar are written
	shown bool      // said is a terminal

	mu          sync.Mutex // guards the fields below
	bar         *progressbar.ProgressBar
	title       string // of the bar
	files       int    // being transferred
	total, done int64  // bytes of these files and of those finished since files was last 0
	held        bool   // the user is being asked a question
}

// NewMeter returns a Meter that is shown if c.Err is a terminal. While the Meter is used, messages must go
// through its Write.
func NewMeter(c *console.Console) *Meter { return &Meter{said: c.Err, shown: c.IsTerminal()} }

// Write writes a message to the console, above the bar.
func (m *Meter) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clear()
	return m.said.Write(p)
}

// Hold(true) hides the meter while the user is asked a question. Hold(false) lets it show again.
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
	first      int64 // bytes that were already there; -1: not known yet
}

// Add returns a gauge for one more file of size bytes. A negative size means that it is not known.
func (m *Meter) Add(name string, size int64) *Gauge {
	g := &Gauge{meter: m, name: name, size: max(size, 0), first: -1}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files++
	m.total += g.size
	return g
}

// Set sets how many bytes of the file are there. The first call says how many were there before the transfer.
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

// Over ends the file's part in the Meter. Bytes that have not arrived are no longer expected.
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

// Before returns how many bytes were there before the transfer.
func (g *Gauge) Before() int64 { return max(g.first, 0) }

// show draws the bar; mu is held. Each call that changes the bar draws it, but not within 100 ms of the last time. So
// the title and the maximum are set only if they have changed: otherwise they would draw the bar, and Set64 would not.
func (m *Meter) show(name string) {
	if !m.shown || m.held {
		return
	}
	most := cmp.Or(max(m.total, m.done), 1)
	if m.files > 1 {
		name = format.Count(m.files, "file")
	}
	title := format.Clean(shortName(name))
	switch {
	case m.bar == nil || m.bar.IsFinished():
		m.bar = progressbar.NewOptions64(most, progressbar.OptionSetDescription(title),
			progressbar.OptionSetWriter(m.said), progressbar.OptionSetWidth(20), progressbar.OptionClearOnFinish(),
			progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond))
	case title != m.title:
		m.bar.Describe(title)
	}
	m.title = title
	if most != m.bar.GetMax64() {
		m.bar.ChangeMax64(most)
	}
	_ = m.bar.Set64(m.done)
}

// clear removes the bar until the next show; mu is held.
func (m *Meter) clear() {
	if m.bar != nil && !m.bar.IsFinished() {
		_ = m.bar.Clear()
	}
}

// shortName shortens a name so that the bar fits on one line.
func shortName(name string) string {
	const most = 24
	if runes := []rune(name); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return name
}
