package main

// The garbage collector's settings trade memory for time, unless the user has set GOGC or GOMEMLIMIT. A peer has
// a small live heap, about 200 KB a link, and Pion allocates garbage with each packet. With the default GOGC of
// 100 the collector would run many times a second under load. Measured throughput of 16 KiB packets: 64 MB/s
// with GOGC=100, 73 with 400 and 75 with 800 (medians of five, GOGC=N go test -bench Throughput/rtcpeer/16
// ./rtcpeer), in 36 MB of memory with 100 and 90 with 800. The soft memory limit keeps the factor from
// multiplying the memory that a large room needs.
const (
	gcPercent   = 800
	memoryLimit = 1 << 30
)
