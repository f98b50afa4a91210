// Package progress shows the progress of a command on a terminal: a Bar for one task, a Meter for files.
package progress

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// A Bar shows how many steps of a task are done. It may be used from any goroutine.
type Bar struct{ bar *progressbar.ProgressBar }

// NewBar returns a bar with the given number of steps. It is drawn on w.
func NewBar(w io.Writer, steps int) *Bar {
	return &Bar{progressbar.NewOptions(steps,
		progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(50*time.Millisecond), progressbar.OptionSetPredictTime(false))}
}

// Describe sets the text that says what the command is doing.
func (b *Bar) Describe(what string) { b.bar.Describe(what) }

// Add adds to the number of steps that are done. steps may be negative.
func (b *Bar) Add(steps int) { _ = b.bar.Add(steps) }

// Finish removes the bar.
func (b *Bar) Finish() { _ = b.bar.Finish() }
