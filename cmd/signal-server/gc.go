package main

import "runtime/debug"

// tuneGC trades memory for time where the operator has not chosen. A signaling server has a small
// live heap, about 8 KB a session, and makes garbage with each message: with the usual 100 % it
// would collect many times a second under load: a forwarded message took 11.5 us with 100, 10.3 with
// 400 and 10.9 with 800 (medians of five, GOGC=N go test -bench Forward ./signaling/signalserver). The
// limit keeps the factor from multiplying what a
// burst piles up in outboxes; it is soft, and 32 KiB is four times an idle session.
func tuneGC(env func(name string) (value string, found bool), maxSessions int) {
	_, percent := env("GOGC")
	_, limit := env("GOMEMLIMIT")
	if percent || limit {
		return
	}
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(64<<20 + int64(maxSessions)*32<<10)
}
