package main

import (
	"errors"
	"log/slog"
	"net"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
)

// Each connection, relay and listener is an open file, and the number of open files of a process is limited. A
// process that has reached the limit cannot accept a connection, not even to refuse it.

// spareFiles are the open files for everything except the connections of members and of TURN: listeners,
// operators, certificates, the log.
const spareFiles = 64

// wantedFiles returns how many files may be open at a time according to the limits in the options.
func (o *options) wantedFiles() int { return o.connections() + o.TURN.files() + spareFiles }

func (o *turnOptions) files() int {
	if !o.On {
		return 0
	}
	return o.MaxAllocations + turnStreams
}

// These are the values of turnserver's Config.MaxStreams and PerAddress. No flag changes them.
const (
	turnStreams    = 2048
	turnPerAddress = 256
)

// fitFiles returns how many connections to allow when the system allows that many open files. It leaves some
// files for TURN, operators and the server itself.
func (o *options) fitFiles(allowed int) (connections int) {
	if allowed >= o.wantedFiles() {
		return o.connections()
	}
	return max(1, allowed-spareFiles-min(o.TURN.files(), allowed/4))
}

// warnFiles logs a warning if fewer open files are allowed than the limits in the options need.
func (o *options) warnFiles(allowed int, log *slog.Logger) {
	if wanted := o.wantedFiles(); allowed < wanted {
		log.Warn("few open files allowed", "allowed", allowed, "wanted", wanted, "connections", o.fitFiles(allowed),
			"set", "LimitNOFILE of the unit, or ulimit -n; or lower --max-sessions and --turn-max-relays")
	}
}

// failures counts and logs the connections that the system could not hand over to a listener of the server.
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

// of counts and logs an error of Accept. It returns an error after which net/http tries again, because the next
// Accept may succeed whatever the error was, unless the listener was closed.
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

// An acceptError is a temporary error: net/http waits a little and calls Accept again.
type acceptError struct{ error }

func (e *acceptError) Unwrap() error { return e.error }
func (*acceptError) Temporary() bool { return true }
func (*acceptError) Timeout() bool   { return false }
