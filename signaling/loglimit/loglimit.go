// Package loglimit keeps a log from being filled by strangers: whoever connects can cause lines, by joining
// and leaving or by being refused, as often as it likes.
//
//	slog.Logger -> Limit -> the handler of the program
//
// Of each text a hundred lines may come at once and ten a second over time. What is over that is counted, and
// the next line of that text tells the number as "unlogged".
package loglimit

import (
	"context"
	"log/slog"
	"sync"

	"golang.org/x/time/rate"
)

const (
	perSecond = 10
	atOnce    = 100
	// maxTexts bounds what is remembered. Texts are constants, but for what libraries write: those that
	// come when there are so many share one limit.
	maxTexts = 64
)

// Limit returns h with a limit for each text of a line. It may be used from any goroutine, as h may.
func Limit(h slog.Handler) slog.Handler {
	return &handler{Handler: h, limits: &limits{of: make(map[string]*limit)}}
}

// Logger returns log with the limits of Limit. Nil stands for a log that nobody reads.
func Logger(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	if _, limited := log.Handler().(*handler); limited {
		return log
	}
	return slog.New(Limit(log.Handler()))
}

type handler struct {
	slog.Handler
	limits *limits // shared by all that With makes of one
}

// Handle passes a line on, or counts it.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	unlogged, ok := h.limits.pass(r.Message)
	if !ok {
		return nil
	}
	if unlogged > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("unlogged", unlogged))
	}
	return h.Handler.Handle(ctx, r)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.Handler.WithAttrs(attrs), h.limits}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.Handler.WithGroup(name), h.limits}
}

type limits struct {
	mu sync.Mutex // guards the field below, and the limits
	of map[string]*limit
}

type limit struct {
	lines    *rate.Limiter
	unlogged int
}

// pass reports whether there may be a line now, and how many there were not since the last one.
func (l *limits) pass(text string) (unlogged int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of[text] == nil && len(l.of) >= maxTexts {
		text = ""
	}
	one := l.of[text]
	if one == nil {
		one = &limit{lines: rate.NewLimiter(perSecond, atOnce)}
		l.of[text] = one
	}
	if !one.lines.Allow() {
		one.unlogged++
		return 0, false
	}
	unlogged, one.unlogged = one.unlogged, 0
	return unlogged, true
}
