package main

import (
	"os"
	"runtime/debug"
)

// tuneGC trades memory for time where the user has not chosen. A peer has a small live heap, about
// 200 KB a link, and Pion makes garbage with each packet: with the usual 100 % it would collect many
// times a second under load: 16 KiB packets went at 51 MB/s with 100, 50 with 400, 67 with 800 and 66
// with 1600 (medians of five, GOGC=N go test -bench Throughput/rtcpeer/16 ./rtcpeer), in 36 MB
// with 100 and 90 with 800. The limit keeps the factor from multiplying what a large room needs; it
// is soft.
func tuneGC() {
	_, percent := os.LookupEnv("GOGC")
	_, limit := os.LookupEnv("GOMEMLIMIT")
	if percent || limit {
		return
	}
	debug.SetGCPercent(800)
	debug.SetMemoryLimit(1 << 30)
}
