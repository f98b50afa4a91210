package turnserver

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// logger writes Pion's log to slog, always at debug level, because most of what Pion logs as an error here is caused
// by strangers. Pion's debug lines are left out: there are several for each packet.
type logger struct{ log *slog.Logger }

func (l logger) NewLogger(scope string) logging.LeveledLogger {
	return logger{l.log.With("pion", scope)}
}

func (l logger) put(format string, args []any) {
	if !l.log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	l.log.Debug("turn", "text", format) // always the same text, so that loglimit applies
}

func (l logger) Trace(string)                      {}
func (l logger) Tracef(string, ...any)             {}
func (l logger) Debug(string)                      {}
func (l logger) Debugf(string, ...any)             {}
func (l logger) Info(msg string)                   { l.put(msg, nil) }
func (l logger) Infof(format string, args ...any)  { l.put(format, args) }
func (l logger) Warn(msg string)                   { l.put(msg, nil) }
func (l logger) Warnf(format string, args ...any)  { l.put(format, args) }
func (l logger) Error(msg string)                  { l.put(msg, nil) }
func (l logger) Errorf(format string, args ...any) { l.put(format, args) }
