//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package transfer

import "os"

// removesOpen says that a file has to be closed before it is renamed or removed, as on Windows.
const removesOpen = false

// lock does nothing here: two processes must not save in the same folder at the same time.
func lock(*os.File) error { return nil }
