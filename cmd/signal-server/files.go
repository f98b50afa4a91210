package main

import (
	"errors"
	"log/slog"
	"net"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
)

// Each connection, relay and listener is an open file, of which a process may have only so many. One that has
// none left cannot take a connection, not even to refuse it.

// spareFiles are for what is neither a connection of members nor of TURN: listeners, operators, certificates, the
// log.
const spareFiles = 64

// wantedFiles is how many there may be at a time, by the limits of the options.
func (o *options) wantedFiles() int { return o.connections() + o.TURN.files() + spareFiles }

func (o *turnOptions) files() int {
	if !o.On {
		return 0
	}
	return o.MaxAllocations + turnStreams
}

// These are turnserver's Config.MaxStreams and PerAddress, which no flag changes.
const (
	turnStreams    = 2048
	turnPerAddress = 256
)

// fitFiles bounds the connections by the open files that the system allows, so that TURN, operators and the
// server itself have some left.
func (o *options) fitFiles(allowed int) (connections int) {
	if allowed >= o.wantedFiles() {
		return o.connections()
	}
	return max(1, allowed-spareFiles-min(o.TURN.files(), allowed/4))
}

// warnFiles tells where that is less than the limits of the options.
func (o *options) warnFiles(allowed int, log *slog.Logger) {
	if wanted := o.wantedFiles(); allowed < wanted {
		log.Warn("few open files allowed", "allowed", allowed, "wanted", wanted, "connections", o.fitFiles(allowed),
			"set", "LimitNOFILE of the unit, or ulimit -n; or lower --max-sessions and --turn-max-relays")
	}
}

// Failures are the connections that the system could not hand over to any listener of the server.
type failures struct {
	// Fixed at construction.
	log   *slog.Logger
	count prometheus.Counter
}

func newFailures(log *slog.Logger) *failures {
	return &failures{log: log,
		count: prometheus.NewCounter(prometheus.CounterOpts{
			Name: namespace + "accept_errors_total",
			Help: "Connections that the system could not hand over, mostly for want of open files.",
		})}
}

// of counts and logs an error of Accept, and returns one after which net/http tries again: whatever it was, the
// next connection may be taken, unless the listener was closed.
func (f *failures) of(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return err
	}
	f.count.Inc()
	hint := "the system has no resources for it"
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		hint = "no open file is left: raise LimitNOFILE of the unit, or ulimit -n, or lower --max-sessions"
	}
	f.log.Warn("connection not taken", "err", err, "hint", hint)
	return &acceptError{err}
}

// An acceptError is one after which net/http waits a little, and goes on.
type acceptError struct{ error }

func (e *acceptError) Unwrap() error { return e.error }
func (*acceptError) Temporary() bool { return true }
func (*acceptError) Timeout() bool   { return false }
