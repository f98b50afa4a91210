package turnserver

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// logger hands Pion's log to slog, all of it as debug: what Pion calls an error here is for the most
// part what a stranger sent. Pion's debug lines are several a packet, and are left out.
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
	l.log.Debug("turn", "text", format) // one text, for the limit of each
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
