// Package progress shows on a terminal how far a command has come: a Bar for one task, a Meter for files.
package progress

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// A Bar shows how many steps of a task are done. It may be used from any goroutine.
type Bar struct{ bar *progressbar.ProgressBar }

// NewBar returns a bar of so many steps that is drawn on w.
func NewBar(w io.Writer, steps int) *Bar {
	return &Bar{progressbar.NewOptions(steps,
		progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(50*time.Millisecond), progressbar.OptionSetPredictTime(false))}
}

// Describe says what is done now.
func (b *Bar) Describe(what string) { b.bar.Describe(what) }

// Add counts steps that are done. A negative number takes some back.
func (b *Bar) Add(steps int) { _ = b.bar.Add(steps) }

// Finish takes the bar away.
func (b *Bar) Finish() { _ = b.bar.Finish() }
