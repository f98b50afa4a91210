//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package transfer

import "os"

// removesOpen says whether a file may be renamed and removed while it is open. On Windows, for one, it may not.
const removesOpen = false

// lock does nothing here: two processes must not save in the same folder at the same time.
func lock(*os.File) error { return nil }
