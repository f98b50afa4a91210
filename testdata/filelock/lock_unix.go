//go:build unix

package filelock

import (
	"os"
	"syscall"
)

// lock keeps other programs that lock the file waiting until it is closed.
func lock(file *os.File) error { return syscall.Flock(int(file.Fd()), syscall.LOCK_EX) }
