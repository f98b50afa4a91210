package server

import "example.org/rtcpeer/cmd/internal/cli"

// tuneGC trades memory for time unless the operator has set GOGC or GOMEMLIMIT. A signaling server has a small
// live heap, about 8 KB a session, and allocates garbage with each message. With the default GOGC of 100 the
// collector would run many times a second under load. A forwarded message took 7.6 µs with GOGC=100, 7.3 with 400
// and 7.6 with 800: medians of seven turns of GOGC=N go test -bench Forward ./signaling/signalserver on an idle
// machine. In each turn 400 took 1 to 15 % less than 100. The soft memory limit keeps the factor from multiplying the
// data that a burst piles up in outboxes. Its 32 KiB a session is about four times what an idle session needs.
func tuneGC(env func(name string) (value string, found bool), maxSessions int) {
	cli.TuneGC(env, 400, 64<<20+int64(maxSessions)*32<<10)
}
