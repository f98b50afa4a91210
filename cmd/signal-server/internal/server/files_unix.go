//go:build unix

package server

import (
	"math"
	"syscall"
)

// allowedFiles returns how many files this process may have open. Package os has raised the limit to the hard
// limit.
func allowedFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxInt
	}
	return int(min(uint64(limit.Cur), math.MaxInt))
}
