package main

import (
	"os"
	"runtime/debug"
)

// tuneGC trades memory for time where the user has not chosen. A peer has a small live heap, about
// 200 KB a link, and Pion makes garbage with each packet: with the usual 100 % it would collect many
// times a second under load. The limit keeps the factor from multiplying what a large room needs;
// it is soft.
func tuneGC() {
	_, percent := os.LookupEnv("GOGC")
	_, limit := os.LookupEnv("GOMEMLIMIT")
	if percent || limit {
		return
	}
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(1 << 30)
}
