//go:build !js

package webrtc

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// logger passes Pion's log to slog. Pion logs many normal races during closing as errors. So its errors become
// warnings, its warnings become info, and the rest becomes debug. Traces are dropped.
type logger struct{ log *slog.Logger }

func (l logger) NewLogger(scope string) logging.LeveledLogger {
	return logger{l.log.With("pion", scope)}
}

func (l logger) put(level slog.Level, format string, args []any) {
	if !l.log.Enabled(context.Background(), level) {
		return
	}
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	l.log.Log(context.Background(), level, format)
}

func (l logger) Trace(msg string)                  {}
func (l logger) Tracef(format string, args ...any) {}
func (l logger) Debug(msg string)                  { l.put(slog.LevelDebug, msg, nil) }
func (l logger) Debugf(format string, args ...any) { l.put(slog.LevelDebug, format, args) }
func (l logger) Info(msg string)                   { l.put(slog.LevelDebug, msg, nil) }
func (l logger) Infof(format string, args ...any)  { l.put(slog.LevelDebug, format, args) }
func (l logger) Warn(msg string)                   { l.put(slog.LevelInfo, msg, nil) }
func (l logger) Warnf(format string, args ...any)  { l.put(slog.LevelInfo, format, args) }
func (l logger) Error(msg string)                  { l.put(slog.LevelWarn, msg, nil) }
func (l logger) Errorf(format string, args ...any) { l.put(slog.LevelWarn, format, args) }
