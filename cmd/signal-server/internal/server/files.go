package server

import (
	"log/slog"

	"example.org/rtcpeer/cmd/signal-server/internal/connlimit"
)

// Each connection, relay and listener is an open file, and the number of open files of a process is limited. A
// process that has reached the limit cannot accept a connection, not even to refuse it.

// spareFiles are the open files for everything except the connections of members and of TURN: listeners,
// operators, certificates, the log.
const spareFiles = 64

// wantedFiles returns how many files may be open at a time according to the limits in the options.
func (o *Options) wantedFiles() int { return o.Limits.Connections() + o.TURN.Files() + spareFiles }

// fitFiles returns how many connections to allow when the system allows that many open files. It leaves some
// files for TURN, operators and the server itself.
func (o *Options) fitFiles(allowed int) (connections int) {
	if allowed >= o.wantedFiles() {
		return o.Limits.Connections()
	}
	return max(1, allowed-spareFiles-min(o.TURN.Files(), allowed/4))
}

// warnFiles logs a warning if fewer open files are allowed than the limits in the options need.
func (o *Options) warnFiles(allowed int, log *slog.Logger) {
	if wanted := o.wantedFiles(); allowed < wanted {
		log.Warn("too few open files allowed", "allowed", allowed, "wanted", wanted, "connections", o.fitFiles(allowed),
			"remedy", "raise LimitNOFILE of the unit, or ulimit -n; or lower --max-sessions and --turn-max-relays")
	}
}

// limiter returns the Limiter for the public listeners.
func (o *Options) limiter(log *slog.Logger, f *connlimit.Failures) *connlimit.Limiter {
	return connlimit.New(o.fitFiles(allowedFiles()), o.Limits.ConnectionsPerAddress(), o.Proxy.Networks(), log, f)
}
