package main

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

// Besides its sessions, an address loads pages: a browser opens several connections for them and keeps these
// for idleTimeout. A client with too many sessions also needs a connection to be told so over HTTP. For 15,000
// sessions the limit is 31,024 connections, of the 65,536 open files of deploy/signal-server.service.
const (
	connectionsEach = 2 // for each session
	spareTotal      = 1024
	spareAddress    = 64
	// operatorConnections is the limit for the listeners of operators, which members do not use.
	operatorConnections = 256
)

// limiter returns the Limiter for the public listeners.
func (o *options) limiter(log *slog.Logger, f *connlimit.Failures) *connlimit.Limiter {
	return connlimit.New(o.fitFiles(allowedFiles()), o.perAddress(), o.Proxy.Networks(), log, f)
}

// perAddress returns how many connections one address may have; 0 means no limit.
func (o *options) perAddress() int {
	if o.Limits.SessionsPerAddress == 0 {
		return 0
	}
	return connectionsEach*o.Limits.SessionsPerAddress + spareAddress
}

func (o *options) connections() int { return connectionsEach*o.Limits.MaxSessions + spareTotal }
