//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package transfer

import (
	"os"
	"syscall"
)

// removesOpen says whether a file may be renamed and removed while it is open, and locked.
const removesOpen = true

// lock keeps other processes from writing the same part. The lock ends when the file is closed, or with the process.
func lock(file *os.File) error { return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
