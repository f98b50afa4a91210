package main

import (
	"context"
	"log/slog"
	"sync/atomic"

	"golang.org/x/time/rate"
)

// A logLimit is for lines that strangers cause, so that they cannot fill the log: ten at once, and one a second
// over time. A line says how many were left out before it.
type logLimit struct {
	// Safe for all.
	lines   *rate.Limiter
	skipped atomic.Int64
}

func newLogLimit() *logLimit { return &logLimit{lines: rate.NewLimiter(1, 10)} }

func (l *logLimit) log(log *slog.Logger, level slog.Level, text string, args ...any) {
	if !l.lines.Allow() {
		l.skipped.Add(1)
		return
	}
	if n := l.skipped.Swap(0); n > 0 {
		args = append(args, "unlogged", n)
	}
	log.Log(context.Background(), level, text, args...)
}
