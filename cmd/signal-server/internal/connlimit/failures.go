package connlimit

import (
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"syscall"
)

// Failures counts and logs the connections that the system could not hand over to a listener of the server.
type Failures struct {
	// Fixed at construction.
	log *slog.Logger

	// Safe for concurrent use.
	count atomic.Uint64
}

// NewFailures returns Failures without a count.
func NewFailures(log *slog.Logger) *Failures { return &Failures{log: log} }

// Count returns how many connections were not handed over since the start.
func (f *Failures) Count() uint64 { return f.count.Load() }

// of counts and logs an error of Accept. It returns an error after which net/http tries again, because the next
// Accept may succeed whatever the error was, unless the listener was closed.
func (f *Failures) of(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return err
	}
	f.count.Add(1)
	hint := "the system has no resources for another connection"
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		hint = "no open file is left: raise LimitNOFILE of the unit, or ulimit -n, or lower --max-sessions"
	}
	f.log.Warn("cannot accept a connection", "err", err, "remedy", hint)
	return &acceptError{err}
}

// An acceptError is a temporary error: net/http waits a little and calls Accept again.
type acceptError struct{ error }

func (e *acceptError) Unwrap() error { return e.error }
func (*acceptError) Temporary() bool { return true }
func (*acceptError) Timeout() bool   { return false }
