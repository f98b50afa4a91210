// Package loglimit keeps strangers from filling a log: anyone who can connect can cause as many lines as they like,
// by joining and leaving or by being refused.
//
//	slog.Logger -> Limit -> the handler of the program
//
// Each message text may be logged a hundred times at once and ten times a second in the long run. Further lines are
// dropped and counted, and the next line with that text gives their number as "unlogged".
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
	// maxTexts bounds the texts that are remembered. Texts are constants, except those of libraries. Texts that come
	// when the table is full share one limit.
	maxTexts = 64
)

// Limit returns h with a limit for each message text. It is safe for concurrent use if h is.
func Limit(h slog.Handler) slog.Handler {
	return &handler{Handler: h, limits: &limits{of: make(map[string]*limit)}}
}

// Logger returns log with the limits of Limit. If log is nil, it returns a logger that discards everything.
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
	limits *limits // shared by all handlers that WithAttrs and WithGroup derive
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

// pass reports whether a line may be logged now, and how many lines were dropped since the last one.
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
